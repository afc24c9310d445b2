"""Services of tasks."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.samples import resource
from tests.costs.worked.subjects import Cases, always, scaling, service, tracking

TASK = 730 * (0.5 * 0.04048 + 1 * 0.004445)  # 0.5 vCPU, 1 GB, a month
ADDRESS = 730 * 0.005

CASES: Cases = {
    "one task": (service(), always(TASK)),
    "desired tasks": (service(DesiredCount=3), always(3 * TASK)),
    "scaled tasks": ({**service(), "S": scaling(1, 4)}, Scale(TASK, TASK, 4 * TASK)),
    "scaled tasks of a service with a literal name": (
        {**service(ServiceName="s"), "S": scaling(1, 4, "service/c/s")},
        Scale(TASK, TASK, 4 * TASK),
    ),
    "tasks that another service's scaling leaves alone": (
        {**service(ServiceName="s"), "S": scaling(1, 4, "service/c/other")},
        always(TASK),
    ),
    "tasks from zero": (
        {**service(), "S": scaling(0, 2)},
        Scale(0, 0.1 * TASK, 2 * TASK),
    ),
    "tasks with public addresses": (
        {
            **service(
                NetworkConfiguration={
                    "AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}
                }
            ),
            "S": scaling(1, 4),
        },
        Scale(TASK + ADDRESS, TASK + ADDRESS, 4 * (TASK + ADDRESS)),
    ),
    "spot tasks": (
        {
            "Task": service()["Task"],
            "It": resource(
                "ECS::Service",
                TaskDefinition={"Ref": "Task"},
                DesiredCount=5,
                CapacityProviderStrategy=[
                    {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 1},
                    {"CapacityProvider": "FARGATE_SPOT", "Weight": 3},
                ],
            ),
        },
        always((2 + 3 * 0.32) * TASK),  # the base of 1, then 1 and 3 of the other 4
    ),
    "scaled tasks of which requests need two": (
        {**service(), "S": scaling(1, 4), "P": tracking(300)},  # 5 a second each
        Scale(TASK, 2 * TASK, 4 * TASK),
    ),
    "scaled tasks of which requests need a part": (
        {**service(), "S": scaling(1, 4), "P": tracking(60_000)},
        Scale(TASK, TASK, 4 * TASK),
    ),
    "scaled tasks of which requests need more than there may be": (
        {**service(), "S": scaling(1, 4), "P": tracking(6)},
        Scale(TASK, 4 * TASK, 4 * TASK),
    ),
    "scaled tasks, more of them desired": (
        {**service(DesiredCount=3), "S": scaling(1, 4)},
        Scale(TASK, 3 * TASK, 4 * TASK),
    ),
    "scaled tasks whose scaling looks at something else besides requests": (
        {
            **service(),
            "S": scaling(1, 4),
            "P": tracking(1, "RequestCountPerTarget", "TargetResponseTime"),
        },
        Scale(TASK, TASK, 4 * TASK),
    ),
    "scaled tasks by the metric that AWS names": (
        {
            **service(),
            "S": scaling(1, 4),
            "P": resource(
                "ApplicationAutoScaling::ScalingPolicy",
                ScalingTargetId={"Ref": "S"},
                TargetTrackingScalingPolicyConfiguration={
                    "TargetValue": 200,
                    "PredefinedMetricSpecification": {
                        "PredefinedMetricType": "ALBRequestCountPerTarget"
                    },
                },
            ),
        },
        Scale(TASK, 3 * TASK, 4 * TASK),
    ),
    "an ARM task with more disk": (
        {
            "Task": resource(
                "ECS::TaskDefinition",
                Cpu=1024,
                Memory=2048,
                RequiresCompatibilities=["FARGATE"],
                RuntimePlatform={"CpuArchitecture": "ARM64"},
                EphemeralStorage={"SizeInGiB": 50},
            ),
            "It": resource("ECS::Service", TaskDefinition={"Ref": "Task"}),
        },
        always(730 * (0.03238 + 2 * 0.00356 + 30 * 0.000111)),
    ),
    "a service on instances": (service(LaunchType="EC2"), always(0)),
    "tasks whose schedule goes beyond the bounds": (
        {
            **service(),
            "S": scaling(
                2,
                4,
                ScheduledActions=[
                    {"ScalableTargetAction": {"MinCapacity": 1}},
                    {"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 6}},
                ],
            ),
        },
        Scale(TASK, 2 * TASK, 6 * TASK),
    ),
    "ARM tasks on Spot": (
        {
            "Task": resource(
                "ECS::TaskDefinition",
                Cpu=512,
                Memory=1024,
                RuntimePlatform={"CpuArchitecture": "ARM64"},
            ),
            "It": resource(
                "ECS::Service",
                TaskDefinition={"Ref": "Task"},
                CapacityProviderStrategy=[
                    {"CapacityProvider": "FARGATE_SPOT", "Weight": 100}
                ],
            ),
        },
        always(0.32 * 730 * (0.5 * 0.03238 + 0.00356)),
    ),
    "a service on a pool": (
        {
            "Task": resource("ECS::TaskDefinition"),
            "Pool": resource("ECS::CapacityProvider", Name="pool"),
            "It": resource(
                "ECS::Service",
                TaskDefinition={"Ref": "Task"},
                CapacityProviderStrategy=[{"CapacityProvider": "pool", "Weight": 1}],
            ),
        },
        always(0),
    ),
}
