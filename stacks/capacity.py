"""Pools of EC2 instances: as many as their tasks need, of any of the types listed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.addresses import Addresses, closed_group
from stacks.instance import instance_role, managed_role, user_data
from stacks.settings.compute import PoolConfig


class Pool(Construct):
    """An Auto Scaling group that ECS sizes; nothing can connect to its instances.

    An instance that is to go is drained first: its tasks start elsewhere, then end. It
    is not protected from going, for ECS leaves that protection behind when the pool is
    deleted, and the deletion then never ends.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: PoolConfig,
        name: str,
        cluster: ecs.ICluster,
        where: Addresses,
    ) -> None:
        super().__init__(scope, id_)
        group = autoscaling.AutoScalingGroup(
            self,
            "Group",
            auto_scaling_group_name=name,
            vpc=where.vpc,
            vpc_subnets=ec2.SubnetSelection(subnets=list(where.subnets)),
            mixed_instances_policy=_mixed(
                config, self._template(config, name, cluster.cluster_name, where)
            ),
            min_capacity=config.min_instances,
            max_capacity=config.max_instances,
            capacity_rebalance=True,  # a Spot instance at risk is replaced before it goes
            new_instances_protected_from_scale_in=False,
        )
        self.provider = ecs.AsgCapacityProvider(
            self,
            "Provider",
            capacity_provider_name=name,
            auto_scaling_group=group,
            enable_managed_scaling=True,
            enable_managed_draining=True,
            enable_managed_termination_protection=False,
            target_capacity_percent=100,
        )

    def _template(
        self, config: PoolConfig, name: str, cluster: str, where: Addresses
    ) -> ec2.LaunchTemplate:
        disk = ec2.BlockDeviceVolume.ebs(
            config.disk_gib, encrypted=True, volume_type=ec2.EbsDeviceVolumeType.GP3
        )
        return ec2.LaunchTemplate(
            self,
            "Template",
            # A parameter of AWS's: each deployment has new instances take the newest.
            machine_image=ecs.EcsOptimizedImage.amazon_linux2023(_hardware(config)),
            instance_type=ec2.InstanceType(config.instance_types[0]),
            role=instance_role(self, "Role", cluster=cluster, gpus=config.reports_gpus),
            user_data=user_data(cluster=cluster, pool=name, gpus=config.reports_gpus),
            security_group=closed_group(self, "Instances", where.vpc, "Instances"),
            associate_public_ip_address=where.public,
            block_devices=[ec2.BlockDevice(device_name="/dev/xvda", volume=disk)],
            require_imdsv2=True,
            http_put_response_hop_limit=1,  # the instance itself, and no container
        )


class ManagedPool(Construct):
    """Instances that AWS starts, patches and replaces by itself, for a fee."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        config: PoolConfig,
        name: str,
        cluster: ecs.ICluster,
        where: Addresses,
    ) -> None:
        super().__init__(scope, id_)
        options = ecs.CapacityOptionType
        self.provider = ecs.ManagedInstancesCapacityProvider(
            self,
            "Provider",
            capacity_provider_name=name,
            capacity_option_type=options.SPOT
            if config.spot_percent
            else options.ON_DEMAND,
            ec2_instance_profile=iam.InstanceProfile(
                self,
                "Profile",
                role=managed_role(
                    self, "Role", cluster=cluster.cluster_name, pool=name
                ),
            ),
            subnets=list(where.subnets),
            security_groups=[closed_group(self, "Instances", where.vpc, "Instances")],
            task_volume_storage=cdk.Size.gibibytes(config.disk_gib),
            propagate_tags=ecs.PropagateManagedInstancesTags.CAPACITY_PROVIDER,
            instance_requirements=ec2.InstanceRequirementsConfig(
                v_cpu_count_min=1,
                memory_min=cdk.Size.gibibytes(1),
                burstable_performance=ec2.BurstablePerformance.INCLUDED,
                allowed_instance_types=list(config.instance_types),
            ),
        )
        self.provider.bind(cluster)


def _hardware(config: PoolConfig) -> ecs.AmiHardwareType:
    kinds = ecs.AmiHardwareType
    if config.gpus:
        return kinds.GPU
    return kinds.ARM if config.architecture == "arm64" else kinds.STANDARD


def _mixed(
    config: PoolConfig, template: ec2.LaunchTemplate
) -> autoscaling.MixedInstancesPolicy:
    """On demand the first type listed; Spot any, where it is cheap and not about to go."""
    spot, on_demand = (
        autoscaling.SpotAllocationStrategy.PRICE_CAPACITY_OPTIMIZED,
        autoscaling.OnDemandAllocationStrategy.PRIORITIZED,
    )
    return autoscaling.MixedInstancesPolicy(
        launch_template=template,
        launch_template_overrides=[
            autoscaling.LaunchTemplateOverrides(instance_type=ec2.InstanceType(kind))
            for kind in config.instance_types
        ],
        instances_distribution=autoscaling.InstancesDistribution(
            on_demand_base_capacity=config.on_demand_base,
            on_demand_percentage_above_base_capacity=100 - config.spot_percent,
            on_demand_allocation_strategy=on_demand,
            spot_allocation_strategy=spot,
        ),
    )
