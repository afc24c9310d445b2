"""Which describe calls tell whether a resource is there as its template says."""

from __future__ import annotations

from collections.abc import Mapping

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from rehearsal.account import Account
from rehearsal.readers import (
    containers,
    load_balancing,
    network,
    operations,
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
    "AWS::CloudWatch::Alarm": operations.alarm,
    "AWS::CloudWatch::Dashboard": operations.dashboard,
    "AWS::CodeBuild::Project": operations.project,
    "AWS::EC2::InternetGateway": network.internet_gateway,
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
    "AWS::ECS::Cluster": containers.cluster,
    "AWS::ECS::ClusterCapacityProviderAssociations": containers.provider_associations,
    "AWS::ECS::Service": containers.service,
    "AWS::ECS::TaskDefinition": containers.task_definition,
    "AWS::ElasticLoadBalancingV2::Listener": load_balancing.listener,
    "AWS::ElasticLoadBalancingV2::ListenerRule": load_balancing.listener_rule,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": load_balancing.load_balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": load_balancing.target_group,
    "AWS::IAM::Policy": operations.policy,
    "AWS::IAM::Role": operations.role,
    "AWS::Logs::LogGroup": operations.log_group,
    "AWS::S3::Bucket": storage.bucket,
    "AWS::S3::BucketPolicy": storage.bucket_policy,
    "AWS::SNS::Topic": operations.topic,
    "AWS::SSM::Parameter": storage.parameter,
}


def read(
    account: Account, resource_type: str, physical_id: str, given: Properties
) -> Reading | None:
    """Return what is there, or None. `given`: the template's properties, Refs resolved.

    Raises KeyError for a type that nobody reads, ClientError as boto3 does.
    """
    try:
        return READERS[resource_type](account, physical_id, given)
    except AbsentError:
        return None
    except ClientError as error:
        if not is_absence(error):
            raise
        return None
