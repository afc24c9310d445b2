"""The task of a model: its image, its size, and as few rights as it can do with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from manifest import Manifest
from stacks.names import image_tag, repository
from stacks.retention import retention
from stacks.runtimes import SERVERS, Server
from stacks.settings.compute import InstancesConfig, TaskSize
from stacks.settings.delivery import DeliveryConfig
from stacks.settings.endpoint import TaskEndpoint
from stacks.settings.stage import StageConfig
from stacks.size import cpu_units

ARCHITECTURES = {
    "x86_64": ecs.CpuArchitecture.X86_64,
    "arm64": ecs.CpuArchitecture.ARM64,
}


class ModelTask(Construct):
    """Runs exactly the image that its release names, and may do little else."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        delivery: DeliveryConfig,
        stage: StageConfig,
        config: TaskEndpoint,
        release: Manifest,
        size: TaskSize,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`command`: instead of the image's own, which listens; this one does not."""
        super().__init__(scope, id_)
        server, compute = SERVERS[config.runtime], config.compute
        gpus = compute.gpus if isinstance(compute, InstancesConfig) else 0
        self.definition = _definition(self, stage, config, size)
        self.log = logs.LogGroup(
            self,
            "Log",
            retention=retention(stage.log_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        name = repository(release.name, config.runtime)
        repository_ = images(self, delivery, name)
        tag = image_tag(release, "gpu" if gpus else "")
        self.definition.add_container(
            release.name,
            image=ecs.ContainerImage.from_ecr_repository(repository_, tag),
            port_mappings=None
            if command
            else [ecs.PortMapping(container_port=server.port)],
            command=list(command) if command else None,
            user=server.user,
            readonly_root_filesystem=True,
            linux_parameters=_confined(self, server),
            stop_timeout=cdk.Duration.seconds(server.stop_seconds),
            gpu_count=gpus or None,
            environment={
                "STAGE": stage.name,
                "ENDPOINT": config.name,
                "MODEL_NAME": release.name,
                "MODEL_VERSION": release.version,
                # Fargate's quota is in a cgroup that the container cannot see.
                "SERVER_VCPU": f"{size.vcpu:g}",
                **(environment or {}),
            },
            logging=ecs.LogDriver.aws_logs(
                stream_prefix=release.name,
                log_group=self.log,
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            ),
        )


def images(scope: Construct, delivery: DeliveryConfig, name: str) -> ecr.IRepository:
    """By name, not by reference: a reference would be an export."""
    arn = cdk.Stack.of(scope).format_arn(
        service="ecr",
        resource="repository",
        resource_name=name,
        account=delivery.account,
        region=delivery.region,
    )
    return ecr.Repository.from_repository_attributes(
        scope, "Images", repository_arn=arn, repository_name=name
    )


def _definition(
    scope: Construct, stage: StageConfig, config: TaskEndpoint, size: TaskSize
) -> ecs.TaskDefinition:
    """The same bounds everywhere: a task has what it was measured with, and no more."""
    pool, kinds = stage.pool_of(config), ecs.Compatibility
    on_group = pool is not None and not pool.managed  # of one architecture by itself
    platform = ecs.RuntimePlatform(
        cpu_architecture=ARCHITECTURES[stage.architecture_of(config)],
        operating_system_family=ecs.OperatingSystemFamily.LINUX,
    )
    elsewhere = kinds.MANAGED_INSTANCES if pool else kinds.FARGATE
    return ecs.TaskDefinition(
        scope,
        "Definition",
        compatibility=kinds.EC2 if on_group else elsewhere,
        network_mode=ecs.NetworkMode.AWS_VPC,
        cpu=str(cpu_units(size.vcpu)),
        memory_mib=str(size.memory_mib),
        runtime_platform=None if on_group else platform,
    )


def _confined(scope: Construct, server: Server) -> ecs.LinuxParameters:
    """No capability, and one place to write: memory, mounted at /tmp.

    Not a volume: Fargate mounts those for root only, and the server is not root.
    """
    parameters = ecs.LinuxParameters(scope, "Linux", init_process_enabled=True)
    parameters.drop_capabilities(ecs.Capability.ALL)
    parameters.add_tmpfs(
        ecs.Tmpfs(
            container_path="/tmp",
            size=server.tmp_mib,
            mount_options=[
                ecs.TmpfsMountOption.NOSUID,
                ecs.TmpfsMountOption.NODEV,
                ecs.TmpfsMountOption.NOEXEC,
            ],
        )
    )
    return parameters
