"""Which describe calls tell whether a resource is there as its template says."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
)

from rehearsal.account import Account, RehearsalError
from rehearsal.readers import (
    access,
    builds,
    capacity,
    containers,
    events,
    firewalls,
    functions,
    jobs,
    load_balancing,
    monitoring,
    network,
    queues,
    secrets,
    spending,
    storage,
)
from rehearsal.readers.reading import (
    AbsentError,
    Properties,
    Reader,
    Reading,
    is_absence,
)

READERS: Mapping[str, Reader] = {
    "AWS::AutoScaling::AutoScalingGroup": capacity.group,
    "AWS::AutoScaling::LifecycleHook": capacity.lifecycle_hook,
    "AWS::Batch::ComputeEnvironment": jobs.environment,
    "AWS::Batch::JobDefinition": jobs.definition,
    "AWS::Batch::JobQueue": jobs.queue,
    "AWS::Budgets::Budget": spending.budget,
    "AWS::CloudWatch::Alarm": monitoring.alarm,
    "AWS::CloudWatch::CompositeAlarm": monitoring.composite_alarm,
    "AWS::CloudWatch::Dashboard": monitoring.dashboard,
    "AWS::CodeBuild::Project": builds.project,
    "AWS::EC2::EIP": network.address,
    "AWS::EC2::FlowLog": network.flow_log,
    "AWS::EC2::InternetGateway": network.internet_gateway,
    "AWS::EC2::LaunchTemplate": capacity.launch_template,
    "AWS::EC2::NatGateway": network.nat_gateway,
    "AWS::EC2::Route": network.route,
    "AWS::EC2::RouteTable": network.route_table,
    "AWS::EC2::SecurityGroup": network.security_group,
    "AWS::EC2::SecurityGroupEgress": network.security_group_rule,
    "AWS::EC2::SecurityGroupIngress": network.security_group_rule,
    "AWS::EC2::Subnet": network.subnet,
    "AWS::EC2::SubnetRouteTableAssociation": network.subnet_association,
    "AWS::EC2::VPC": network.vpc,
    "AWS::EC2::VPCEndpoint": network.vpc_endpoint,
    "AWS::EC2::VPCGatewayAttachment": network.gateway_attachment,
    "AWS::ECR::Repository": containers.repository,
    "AWS::ECS::CapacityProvider": containers.provider,
    "AWS::ECS::Cluster": containers.cluster,
    "AWS::ECS::ClusterCapacityProviderAssociations": containers.provider_associations,
    "AWS::ECS::Service": containers.service,
    "AWS::ECS::TaskDefinition": containers.task_definition,
    "AWS::ElasticLoadBalancingV2::Listener": load_balancing.listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": load_balancing.listener_rule,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": load_balancing.load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": load_balancing.target_group,
    "AWS::Events::Rule": events.rule,
    "AWS::IAM::InstanceProfile": access.instance_profile,
    "AWS::IAM::ManagedPolicy": access.managed_policy,
    "AWS::IAM::Policy": access.policy,
    "AWS::IAM::Role": access.role,
    "AWS::KMS::Alias": secrets.alias,
    "AWS::KMS::Key": secrets.key,
    "AWS::Lambda::Alias": functions.alias,
    "AWS::Lambda::Function": functions.function,
    "AWS::Lambda::Permission": functions.permission,
    "AWS::Lambda::Url": functions.address,
    "AWS::Lambda::Version": functions.version,
    "AWS::Logs::LogGroup": monitoring.log_group,
    "AWS::S3::Bucket": storage.bucket,
    "AWS::S3::BucketPolicy": storage.bucket_policy,
    "AWS::SNS::Subscription": events.subscription,
    "AWS::SNS::Topic": monitoring.topic,
    "AWS::SNS::TopicPolicy": monitoring.topic_policy,
    "AWS::SQS::Queue": queues.queue,
    "AWS::SQS::QueuePolicy": queues.policy,
    "AWS::SSM::Parameter": storage.parameter,
    "AWS::Scheduler::Schedule": jobs.schedule,
    "AWS::SecretsManager::Secret": secrets.secret,
    "AWS::WAFv2::WebACL": firewalls.web_acl,
    "AWS::WAFv2::WebACLAssociation": firewalls.association,
}


def read(
    account: Account, resource_type: str, physical_id: str, given: Properties
) -> Reading | None:
    """Return what is there, or None. `given`: the template's properties, Refs resolved.

    Raises KeyError for a type that nobody reads, RehearsalError for one that the
    emulator will not describe.
    """
    try:
        return READERS[resource_type](account, physical_id, given)
    except AbsentError:
        return None
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and is_absence(error):
            return None
        raise RehearsalError(f"{resource_type} {physical_id}: {error}") from error
