"""Every resource type the bill knows: how it is priced, or why it is free."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from costs.assembly import Resource
from costs.charges import Estimate, Rates
from costs.resources import (
    builds,
    compute,
    functions,
    insights,
    instances,
    jobs,
    network,
    observability,
    storage,
)

Pricing = Callable[[Resource, Rates], Estimate]

PRICED: Mapping[str, Pricing] = {
    "AWS::ApplicationAutoScaling::ScalingPolicy": observability.scaling_policy,
    "AWS::AutoScaling::AutoScalingGroup": instances.auto_scaling_group,
    "AWS::Batch::ComputeEnvironment": jobs.compute_environment,
    "AWS::CloudWatch::Alarm": observability.alarm,
    "AWS::CloudWatch::CompositeAlarm": observability.composite_alarm,
    "AWS::CloudWatch::Dashboard": observability.dashboard,
    "AWS::CodeBuild::Project": builds.build_project,
    "AWS::CodePipeline::Pipeline": builds.pipeline,
    "AWS::EC2::EIP": network.elastic_address,
    "AWS::EC2::FlowLog": network.flow_log,
    "AWS::EC2::NatGateway": network.nat_gateway,
    "AWS::EC2::VPCEndpoint": network.vpc_endpoint,
    "AWS::ECR::Repository": storage.repository,
    "AWS::ECS::CapacityProvider": instances.capacity_provider,
    "AWS::ECS::Cluster": insights.cluster,
    "AWS::ECS::Service": compute.service,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": network.load_balancer,
    "AWS::KMS::Key": storage.key,
    "AWS::Lambda::Function": functions.function,
    "AWS::Lambda::Version": functions.version,
    "AWS::Logs::LogGroup": observability.log_group,
    "AWS::Logs::MetricFilter": observability.metric_filter,
    "AWS::S3::Bucket": storage.bucket,
    "AWS::SNS::Topic": storage.topic,
    "AWS::SQS::Queue": storage.queue,
    "AWS::SSM::Parameter": storage.parameter,
    "AWS::SecretsManager::Secret": storage.secret,
    "AWS::WAFv2::WebACL": network.web_acl,
}

# Type -> why AWS sends no bill for it. "" is: there is no price for such a thing.
FREE: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "bounds its service's tasks",
    "AWS::AutoScaling::ScheduledAction": "",
    "AWS::Batch::JobDefinition": "its compute environment is priced",
    "AWS::Batch::JobQueue": "its compute environment is priced",
    "AWS::Budgets::Budget": "watching is free; budgets with actions are not",
    "AWS::CDK::Metadata": "",
    "AWS::CE::AnomalyMonitor": "watching for unusual costs is free",
    "AWS::CE::AnomalySubscription": "",
    "AWS::CertificateManager::Certificate": "public certificates are free",
    "AWS::CloudFormation::CustomResource": "its function is priced",
    "AWS::CloudFormation::WaitCondition": "",
    "AWS::CloudFormation::WaitConditionHandle": "",
    "AWS::CloudWatch::AnomalyDetector": "alarms on its band are priced",
    "AWS::CodeBuild::ReportGroup": "",
    "AWS::CodeBuild::SourceCredential": "",
    "AWS::CodeConnections::Connection": "",
    "AWS::CodeDeploy::Application": "deploying to Lambda is free",
    "AWS::CodeDeploy::DeploymentConfig": "",
    "AWS::CodeDeploy::DeploymentGroup": "",
    "AWS::CodeStarConnections::Connection": "",
    "AWS::EC2::InternetGateway": "",
    "AWS::EC2::LaunchTemplate": "priced with the group that runs it",
    "AWS::EC2::NetworkAcl": "",
    "AWS::EC2::NetworkAclEntry": "",
    "AWS::EC2::Route": "",
    "AWS::EC2::RouteTable": "",
    "AWS::EC2::SecurityGroup": "",
    "AWS::EC2::SecurityGroupEgress": "",
    "AWS::EC2::SecurityGroupIngress": "",
    "AWS::EC2::Subnet": "",
    "AWS::EC2::SubnetNetworkAclAssociation": "",
    "AWS::EC2::SubnetRouteTableAssociation": "",
    "AWS::EC2::VPC": "",
    "AWS::EC2::VPCGatewayAttachment": "",
    "AWS::ECS::ClusterCapacityProviderAssociations": "",
    "AWS::ECS::TaskDefinition": "priced with the service that runs it",
    "AWS::ElasticLoadBalancingV2::Listener": "",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "the first 10 rules are free",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "",
    "AWS::Events::Rule": "events of AWS services are free",
    "AWS::IAM::InstanceProfile": "",
    "AWS::IAM::ManagedPolicy": "",
    "AWS::IAM::Policy": "",
    "AWS::IAM::Role": "",
    "AWS::KMS::Alias": "",
    "AWS::Lambda::Alias": "its function's calls are priced",
    "AWS::Lambda::LayerVersion": "",
    "AWS::Lambda::Permission": "",
    "AWS::Lambda::Url": "its function's calls are priced",
    "AWS::Logs::QueryDefinition": "",
    "AWS::Logs::ResourcePolicy": "",
    "AWS::S3::BucketPolicy": "",
    "AWS::SNS::Subscription": "deliveries are priced with the topic",
    "AWS::SNS::TopicPolicy": "",
    "AWS::SQS::QueuePolicy": "",
    "AWS::Scheduler::Schedule": "the first 14 million starts a month are free",
    "AWS::SecretsManager::ResourcePolicy": "",
    "AWS::Signer::SigningProfile": "signing images is free",
    "AWS::WAFv2::LoggingConfiguration": "its log group is priced",
    "AWS::WAFv2::WebACLAssociation": "",
}

CUSTOM_PREFIX = "Custom::"  # answered by a function that is priced where it stands


def pricing(kind: str) -> Pricing | None:
    """Return how to price a resource type, None if nobody has looked it up yet."""
    if kind in PRICED:
        return PRICED[kind]
    if kind.startswith(CUSTOM_PREFIX):
        return lambda resource, rates: Estimate("its function is priced")
    if kind in FREE:
        return lambda resource, rates: Estimate(FREE[kind])
    return None
