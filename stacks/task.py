"""The task of a model: its image, its size, and as few rights as it can do with."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from manifest import Manifest
from stacks.names import repository
from stacks.release import task_size
from stacks.retention import retention
from stacks.settings.endpoint import EndpointConfig
from stacks.settings.stage import StageConfig

PORT = 8080
USER = "10001:10001"  # the image's own; said here too, so that no image can be root
STOP_SECONDS = 60  # to answer what was accepted; the server gives up after 25
TMP_MIB = 16  # gunicorn keeps a heartbeat file a worker there; taken from the memory


class ModelTask(Construct):
    """Sized from what the release was measured to need."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: StageConfig,
        config: EndpointConfig,
        release: Manifest,
    ) -> None:
        super().__init__(scope, id_)
        size = task_size(release)
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            cpu=size.cpu_units,
            memory_limit_mib=size.memory_mib,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        # By name, not by reference: a reference would be an export.
        images = ecr.Repository.from_repository_name(
            self, "Images", repository(release.name, config.runtime)
        )
        self.definition.add_container(
            release.name,
            image=ecs.ContainerImage.from_ecr_repository(images, release.image_tag),
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            user=USER,
            readonly_root_filesystem=True,
            linux_parameters=self._confined(),
            stop_timeout=cdk.Duration.seconds(STOP_SECONDS),
            environment={
                "MODEL_NAME": release.name,
                "MODEL_VERSION": release.version,
                # Fargate's quota is in a cgroup that the container cannot see.
                "SERVER_VCPU": f"{size.vcpu:g}",
            },
            logging=ecs.LogDriver.aws_logs(
                stream_prefix=release.name,
                log_group=logs.LogGroup(
                    self,
                    "Log",
                    retention=retention(stage.log_days),
                    removal_policy=cdk.RemovalPolicy.DESTROY,
                ),
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            ),
        )

    def _confined(self) -> ecs.LinuxParameters:
        """No capability, and one place to write: memory, mounted at /tmp.

        Not a volume: Fargate mounts those for root only, and the server is not root.
        """
        parameters = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        parameters.drop_capabilities(ecs.Capability.ALL)
        parameters.add_tmpfs(
            ecs.Tmpfs(
                container_path="/tmp",
                size=TMP_MIB,
                mount_options=[
                    ecs.TmpfsMountOption.NOSUID,
                    ecs.TmpfsMountOption.NODEV,
                    ecs.TmpfsMountOption.NOEXEC,
                ],
            )
        )
        return parameters
