"""Tasks, builds and functions."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.samples import resource
from tests.costs.worked.subjects import Cases, both, one, scaling, service

TASK = 730 * (0.5 * 0.04048 + 1 * 0.004445)  # 0.5 vCPU, 1 GB, a month
ADDRESS = 730 * 0.005

CASES: Cases = {
    "one task": (service(), both(TASK)),
    "desired tasks": (service(DesiredCount=3), both(3 * TASK)),
    "scaled tasks": ({**service(), "S": scaling(1, 4)}, Scale(TASK, 4 * TASK)),
    "scaled tasks of a service with a literal name": (
        {**service(ServiceName="s"), "S": scaling(1, 4, "service/c/s")},
        Scale(TASK, 4 * TASK),
    ),
    "tasks that another service's scaling leaves alone": (
        {**service(ServiceName="s"), "S": scaling(1, 4, "service/c/other")},
        both(TASK),
    ),
    "tasks from zero": ({**service(), "S": scaling(0, 2)}, Scale(0, 2 * TASK)),
    "tasks with public addresses": (
        {
            **service(
                NetworkConfiguration={
                    "AwsvpcConfiguration": {"AssignPublicIp": "ENABLED"}
                }
            ),
            "S": scaling(1, 4),
        },
        Scale(TASK + ADDRESS, 4 * (TASK + ADDRESS)),
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
        both((2 + 3 * 0.32) * TASK),  # the base of 1, then 1 and 3 of the other 4
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
        both(730 * (0.03238 + 2 * 0.00356 + 30 * 0.000111)),
    ),
    "a service on instances": (service(LaunchType="EC2"), both(0)),
    "a build project": (
        one(
            "CodeBuild::Project",
            Environment={
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_LARGE",
            },
        ),
        both(8 * 30 * 0.02),
    ),
    "an ARM build project": (
        one(
            "CodeBuild::Project",
            Environment={
                "Type": "ARM_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_LARGE",
            },
        ),
        both(8 * 30 * 0.0175),
    ),
    "a function of CDK's": (
        one("Lambda::Function"),
        both(100 * 5 * 0.125 * 0.0000166667 + 100 * 0.2e-6),
    ),
    "a function": (
        one("Lambda::Function", MemorySize=512, Architectures=["arm64"]),
        both(100 * 5 * 0.5 * 0.0000133334 + 100 * 0.2e-6),
    ),
}
