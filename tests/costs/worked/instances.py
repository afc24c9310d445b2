"""Auto Scaling groups, their disks, and instances that ECS manages."""

from __future__ import annotations

from typing import Any

from costs.scale import Scale
from tests.costs.samples import Resources, resource
from tests.costs.worked.subjects import Cases, always, scaling, tracking

ADDRESS = 730 * 0.005
DISK = 60 * 0.08  # 60 GB of gp3, a month
T4, A10G = 730 * 0.526, 730 * 1.006  # g4dn.xlarge and g5.xlarge, a month
C7I = 730 * 0.1785  # c7i.xlarge
T4_SPOT, A10G_SPOT = 730 * 0.19988, 730 * 0.436


def group(
    *types: str,
    least: Any = 1,
    most: Any = 4,
    disk: dict[str, Any] | None = None,
    template: dict[str, Any] | None = None,
    subnets: Any = (),
    **distribution: Any,
) -> Resources:
    """A group `It` of a launch template of 60 GB, with a subnet that gives addresses."""
    found = {
        "BlockDeviceMappings": [
            {"Ebs": {"VolumeSize": 60, "VolumeType": "gp3", **(disk or {})}}
        ],
        **(template or {}),
    }
    return {
        "Template": resource("EC2::LaunchTemplate", LaunchTemplateData=found),
        "Public": resource("EC2::Subnet", MapPublicIpOnLaunch=True),
        "Private": resource("EC2::Subnet"),
        "It": resource(
            "AutoScaling::AutoScalingGroup",
            MinSize=least,
            MaxSize=most,
            VPCZoneIdentifier=list(subnets) or [{"Ref": "Private"}],
            MixedInstancesPolicy={
                "InstancesDistribution": distribution,
                "LaunchTemplate": {
                    "LaunchTemplateSpecification": {
                        "LaunchTemplateId": {"Ref": "Template"},
                        "Version": "1",
                    },
                    "Overrides": [{"InstanceType": name} for name in types],
                },
            },
        ),
    }


def provider(**properties: Any) -> Resources:
    """A capacity provider of the group `It`."""
    behind = {"AutoScalingGroupArn": {"Ref": "It"}}
    return {
        "Provider": resource(
            "ECS::CapacityProvider",
            Name="pool",
            AutoScalingGroupProvider=behind,
            **properties,
        )
    }


def managed(*types: str, **launch: Any) -> Resources:
    """A capacity provider `It` whose instances ECS manages."""
    template = {"InstanceRequirements": {"AllowedInstanceTypes": list(types)}, **launch}
    return {
        "It": resource(
            "ECS::CapacityProvider",
            Name="pool",
            ManagedInstancesProvider={"InstanceLaunchTemplate": template},
        )
    }


def environment(kind: str, *types: str, least: int = 0) -> Resources:
    """A compute environment `It` of Batch."""
    resources = {"Type": kind, "InstanceTypes": list(types), "MinvCpus": least}
    return {"It": resource("Batch::ComputeEnvironment", ComputeResources=resources)}


def tasks(
    count: int, *, cpu: int = 1024, memory: int = 2048, gpus: int = 0
) -> Resources:
    """A service of so many tasks on the capacity provider called pool."""
    wanted = [{"Type": "GPU", "Value": str(gpus)}] if gpus else []
    container = {"Cpu": cpu, "Memory": memory, "ResourceRequirements": wanted}
    return {
        "Task": resource("ECS::TaskDefinition", ContainerDefinitions=[container]),
        "Service": resource(
            "ECS::Service",
            TaskDefinition={"Ref": "Task"},
            DesiredCount=count,
            CapacityProviderStrategy=[{"CapacityProvider": "pool", "Weight": 1}],
        ),
    }


CASES: Cases = {
    "one type": (
        group("g5.xlarge"),
        Scale(A10G + DISK, A10G + DISK, 4 * (A10G + DISK)),
    ),
    "the type of the launch template": (
        group(template={"InstanceType": "g5.xlarge"}),
        Scale(A10G + DISK, A10G + DISK, 4 * (A10G + DISK)),
    ),
    "the cheapest of types at minimum and the dearest at maximum": (
        group("g5.xlarge", "g4dn.xlarge"),
        Scale(T4 + DISK, T4 + DISK, 4 * (A10G + DISK)),
    ),
    "Spot above a base, the odd instance on demand": (
        group(
            "g4dn.xlarge",
            "g5.xlarge",
            OnDemandBaseCapacity=1,
            OnDemandPercentageAboveBaseCapacity=50,
        ),
        # At maximum 1 + 2 on demand of 4, half of 3 being rounded up.
        Scale(T4 + DISK, T4 + DISK, 3 * A10G + A10G_SPOT + 4 * DISK),
    ),
    "Spot alone": (
        group("g4dn.xlarge", OnDemandPercentageAboveBaseCapacity=0),
        Scale(T4_SPOT + DISK, T4_SPOT + DISK, 4 * (T4_SPOT + DISK)),
    ),
    "a group from zero, as CloudFormation writes numbers": (
        group("g5.xlarge", least="0", most="2"),
        Scale(0, 0, 2 * (A10G + DISK)),
    ),
    "a group from zero whose tasks always need two instances": (
        {
            **group("g5.12xlarge", "g5.xlarge", least=0),
            **provider(),
            **tasks(2, gpus=1),
        },
        Scale(2 * (A10G + DISK), 2 * (A10G + DISK), 4 * (730 * 5.672 + DISK)),
    ),
    "a group from zero whose tasks share an instance": (
        {
            **group("c7i.xlarge", least=0, most=3),
            **provider(),
            **tasks(3, memory=1024),
        },
        Scale(C7I + DISK, C7I + DISK, 3 * (C7I + DISK)),
    ),
    "a group whose tasks need more instances than are always there": (
        {
            **group("g5.xlarge", "g5.2xlarge"),
            **provider(),
            **tasks(1, gpus=1),
            "S": scaling(
                1, 4, {"Fn::Join": ["/", ["service", "c", {"Ref": "Service"}]]}
            ),
            "P": tracking(200),  # of 600 requests a minute
        },
        Scale(A10G + DISK, 3 * (A10G + DISK), 4 * (730 * 1.212 + DISK)),
    ),
    "a faster disk": (
        group("g5.xlarge", most=1, disk={"Iops": 4000, "Throughput": 225}),
        always(A10G + DISK + 1000 * 0.005 + 100 * 0.04),
    ),
    "instances in a subnet that gives addresses": (
        group("g5.xlarge", subnets=[{"Ref": "Public"}]),
        Scale(
            A10G + DISK + ADDRESS,
            A10G + DISK + ADDRESS,
            4 * (A10G + DISK + ADDRESS),
        ),
    ),
    "instances whose template refuses addresses": (
        group(
            "g5.xlarge",
            subnets=[{"Ref": "Public"}],
            template={"NetworkInterfaces": [{"AssociatePublicIpAddress": False}]},
        ),
        Scale(A10G + DISK, A10G + DISK, 4 * (A10G + DISK)),
    ),
    "instances with an agent that measures GPUs": (
        group(
            "g5.xlarge",
            template={"UserData": {"Fn::Base64": "... nvidia_gpu ..."}},
        ),
        # Three metrics of each instance's GPU, and three of the group's.
        Scale(
            A10G + DISK + 6 * 0.3,
            A10G + DISK + 6 * 0.3,
            4 * (A10G + DISK) + 15 * 0.3,
        ),
    ),
    "an instance of eight GPUs with an agent that measures them": (
        group(
            "p4d.24xlarge",
            most=1,
            template={"UserData": {"Fn::Base64": "... nvidia_gpu ..."}},
        ),
        # Three metrics of each GPU, and three of the group's.
        always(730 * 21.957642 + DISK + 27 * 0.3),
    ),
    "instances watched by the minute": (
        group("g5.xlarge", most=1, template={"Monitoring": {"Enabled": True}}),
        always(A10G + DISK + 7 * 0.3),
    ),
    "managed instances in a public subnet, watched by the minute": (
        {
            **managed(
                "g5.xlarge",
                Monitoring="DETAILED",
                NetworkConfiguration={"Subnets": [{"Ref": "Public"}]},
            ),
            **tasks(1, gpus=1),
            "Public": resource("EC2::Subnet", MapPublicIpOnLaunch=True),
        },
        always(A10G * 1.12 + 80 * 0.08 + ADDRESS + 7 * 0.3),
    ),
    "the provider of a group": (
        {
            **group("g5.xlarge"),
            "Group": group("g5.xlarge")["It"],
            "It": resource(
                "ECS::CapacityProvider",
                AutoScalingGroupProvider={"AutoScalingGroupArn": {"Ref": "Group"}},
            ),
        },
        always(0),
    ),
    "managed instances that nobody uses": (managed("g5.xlarge"), always(0)),
    "managed instances of two tasks": (
        {**managed("g5.xlarge"), **tasks(2, gpus=1)},
        always(2 * (A10G * 1.12 + 80 * 0.08)),
    ),
    "trainings on Spot": (
        environment("SPOT", "g5.xlarge", "g4dn.xlarge"),
        Scale(8 * 0.19988, 8 * 0.19988, 8 * 0.436),
    ),
    "trainings on demand": (environment("EC2", "g5.xlarge"), always(8 * 1.006)),
    "managed Spot instances": (
        {
            **managed(
                "g4dn.xlarge",
                "g5.xlarge",
                CapacityOptionType="SPOT",
                StorageConfiguration={"StorageSizeGiB": 60},
            ),
            **tasks(1, gpus=1),
        },
        Scale(
            T4_SPOT + 0.12 * T4 + DISK,
            T4_SPOT + 0.12 * T4 + DISK,
            A10G_SPOT + 0.12 * A10G + DISK,
        ),
    ),
}
