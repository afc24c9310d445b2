"""Resource types through the emulator's CloudFormation: made, read back, gone again."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.account import ACCOUNT, Account
from rehearsal.assembly import Stack, read_assembly
from rehearsal.inspection import inspect
from rehearsal.leftovers import left_behind

TAGS = [{"Key": "stage", "Value": "dev"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "ec2.amazonaws.com"},
        }
    ],
}
READ_LOGS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "logs:GetLogEvents", "Resource": "arn:aws:logs:x"}
    ],
}


def named(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{kind}", "Properties": properties}


def get(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


NETWORK = {
    "Vpc": named("EC2::VPC", CidrBlock="10.0.0.0/16"),
    "Subnet": named("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.0.0.0/24"),
    "Address": named("EC2::EIP", Domain="vpc", Tags=TAGS),
    "Nat": named(
        "EC2::NatGateway",
        AllocationId=get("Address", "AllocationId"),
        SubnetId={"Ref": "Subnet"},
        Tags=TAGS,
    ),
    "Log": named("Logs::LogGroup", RetentionInDays=1),
    "Role": named("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Flows": named(
        "EC2::FlowLog",
        DeliverLogsPermissionArn=get("Role", "Arn"),
        LogGroupName={"Ref": "Log"},
        LogDestinationType="cloud-watch-logs",
        ResourceId={"Ref": "Vpc"},
        ResourceType="VPC",
        TrafficType="REJECT",
    ),
}
INSTANCES = {
    "Role": named("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Policy": named(
        "IAM::ManagedPolicy", PolicyDocument=READ_LOGS, Roles=[{"Ref": "Role"}]
    ),
    "Profile": named("IAM::InstanceProfile", Roles=[{"Ref": "Role"}]),
    "Template": named(
        "EC2::LaunchTemplate",
        LaunchTemplateData={
            "ImageId": "ami-12345678",
            "InstanceType": "g5.xlarge",
            "IamInstanceProfile": {"Arn": get("Profile", "Arn")},
            "MetadataOptions": {"HttpTokens": "required"},
        },
    ),
    "Group": named(
        "AutoScaling::AutoScalingGroup",
        MinSize="1",
        MaxSize="4",
        VPCZoneIdentifier=["subnet-1", "subnet-2"],
        Tags=[{"Key": "stage", "Value": "dev", "PropagateAtLaunch": True}],
        MixedInstancesPolicy={
            "InstancesDistribution": {"OnDemandBaseCapacity": 1},
            "LaunchTemplate": {
                "LaunchTemplateSpecification": {
                    "LaunchTemplateId": {"Ref": "Template"},
                    "Version": get("Template", "LatestVersionNumber"),
                },
                "Overrides": [{"InstanceType": "g5.xlarge"}],
            },
        },
    ),
    "Provider": named(
        "ECS::CapacityProvider",
        Name="types-pool",
        AutoScalingGroupProvider={
            "AutoScalingGroupArn": {"Ref": "Group"},
            "ManagedScaling": {"Status": "ENABLED", "TargetCapacity": 100},
        },
        Tags=TAGS,
    ),
    "Managed": named(
        "ECS::CapacityProvider",
        Name="types-managed",
        ClusterName={"Ref": "Cluster"},
        ManagedInstancesProvider={
            "InfrastructureRoleArn": get("Role", "Arn"),
            "InstanceLaunchTemplate": {
                "Ec2InstanceProfileArn": get("Profile", "Arn"),
                "NetworkConfiguration": {"Subnets": ["subnet-1"]},
            },
        },
    ),
    "Cluster": named("ECS::Cluster", ClusterName="types"),
}
DOOR = {
    "Vpc": named("EC2::VPC", CidrBlock="10.1.0.0/16"),
    "A": named("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.1.0.0/24"),
    "B": named("EC2::Subnet", VpcId={"Ref": "Vpc"}, CidrBlock="10.1.1.0/24"),
    "Balancer": named(
        "ElasticLoadBalancingV2::LoadBalancer",
        Type="application",
        Subnets=[{"Ref": "A"}, {"Ref": "B"}],
    ),
    "Firewall": named(
        "WAFv2::WebACL",
        Name="types",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        Rules=[],
        VisibilityConfig={
            "CloudWatchMetricsEnabled": True,
            "MetricName": "types",
            "SampledRequestsEnabled": False,
        },
    ),
    "Before": named(
        "WAFv2::WebACLAssociation",
        ResourceArn={"Ref": "Balancer"},
        WebACLArn=get("Firewall", "Arn"),
    ),
    "Secret": named("SecretsManager::Secret", Name="types/key", Description="A key"),
}
FUNCTION = {
    "Role": named("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Check": named(
        "Lambda::Function",
        Architectures=["arm64"],
        Code={"ZipFile": "def handler(event, context): return {}"},
        Environment={"Variables": {"MODEL": "m"}},
        Handler="index.handler",
        MemorySize=256,
        Role=get("Role", "Arn"),
        Runtime="python3.13",
        Timeout=60,
        Tags=TAGS,
    ),
    "MayCall": named(
        "Lambda::Permission",
        Action="lambda:InvokeFunction",
        FunctionName={"Ref": "Check"},
        Principal="ecs.amazonaws.com",
        SourceAccount=ACCOUNT,
    ),
}
WATCHING = {
    "Key": named("KMS::Key", Description="d", KeyPolicy=READ_LOGS, Tags=TAGS),
    "Alias": named(
        "KMS::Alias", AliasName="alias/types", TargetKeyId=get("Key", "Arn")
    ),
    "Topic": named("SNS::Topic"),
    "Mail": named(
        "SNS::Subscription",
        Endpoint="a@example.com",
        Protocol="email",
        TopicArn={"Ref": "Topic"},
    ),
    "Rule": named(
        "Events::Rule",
        EventPattern={"source": ["aws.ecs"]},
        Targets=[{"Arn": {"Ref": "Topic"}, "Id": "Wake"}],
    ),
    "Budget": named(
        "Budgets::Budget",
        Budget={
            "BudgetLimit": {"Amount": 100, "Unit": "USD"},
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
        },
        NotificationsWithSubscribers=[
            {
                "Notification": {
                    "ComparisonOperator": "GREATER_THAN",
                    "NotificationType": "ACTUAL",
                    "Threshold": 80,
                },
                "Subscribers": [
                    {"Address": {"Ref": "Topic"}, "SubscriptionType": "SNS"}
                ],
            }
        ],
        ResourceTags=TAGS,
    ),
    "Monitor": named(
        "CE::AnomalyMonitor",
        MonitorName="m",
        MonitorType="CUSTOM",
        MonitorSpecification='{"Tags": {"Key": "stage", "Values": ["dev"]}}',
    ),
    "Queries": named("Logs::QueryDefinition", Name="slow", QueryString="fields @m"),
}
STAGE = {
    "Name": "Source",
    "Actions": [
        {
            "Name": "Archive",
            "ActionTypeId": {
                "Category": "Source",
                "Owner": "AWS",
                "Provider": "S3",
                "Version": "1",
            },
            "Configuration": {"S3Bucket": "b", "S3ObjectKey": "k"},
            "OutputArtifacts": [{"Name": "Sources"}],
            "RunOrder": 1,
        }
    ],
}
PIPELINE = {
    "Pipeline": named(
        "CodePipeline::Pipeline",
        ArtifactStore={"Location": "bucket", "Type": "S3"},
        PipelineType="V2",
        RestartExecutionOnUpdate=False,
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        Stages=[STAGE],
        Tags=TAGS,
    )
}
QUEUE = {
    "Dead": named("SQS::Queue", MessageRetentionPeriod=1_209_600, Tags=TAGS),
    "Items": named(
        "SQS::Queue",
        MessageRetentionPeriod=604_800,
        RedrivePolicy={
            "deadLetterTargetArn": get("Dead", "Arn"),
            "maxReceiveCount": 10,
        },
        SqsManagedSseEnabled=True,
        Tags=TAGS,
        VisibilityTimeout=60,
    ),
    "Policy": named(
        "SQS::QueuePolicy",
        Queues=[{"Ref": "Items"}],
        PolicyDocument={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Deny",
                    "Action": "sqs:*",
                    "Principal": {"AWS": "*"},
                    "Resource": get("Items", "Arn"),
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        },
    ),
    "Role": named("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Door": named(
        "Lambda::Function",
        Code={"ZipFile": "def handle(event, context): return event"},
        Handler="index.handle",
        Role=get("Role", "Arn"),
        Runtime="python3.12",
        ReservedConcurrentExecutions=20,
    ),
    "Url": named(
        "Lambda::Url", AuthType="AWS_IAM", TargetFunctionArn=get("Door", "Arn")
    ),
}
SERVERLESS = {
    "Role": named("IAM::Role", AssumeRolePolicyDocument=TRUST),
    "Model": named(
        "Lambda::Function",
        Architectures=["arm64"],
        Code={"ImageUri": "example.com/model:1-function"},
        LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"},
        MemorySize=1769,
        PackageType="Image",
        ReservedConcurrentExecutions=4,
        Role=get("Role", "Arn"),
    ),
    "Version": named(
        "Lambda::Version",
        FunctionName={"Ref": "Model"},
        ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 2},
    ),
    "Live": named(
        "Lambda::Alias",
        FunctionName={"Ref": "Model"},
        FunctionVersion=get("Version", "Version"),
        Name="live",
    ),
    "Url": {
        **named(
            "Lambda::Url",
            AuthType="AWS_IAM",
            Qualifier="live",
            TargetFunctionArn=get("Model", "Arn"),
        ),
        "DependsOn": ["Live"],
    },
    "Application": named("CodeDeploy::Application", ComputePlatform="Lambda"),
    "Steps": named(
        "CodeDeploy::DeploymentConfig",
        ComputePlatform="Lambda",
        TrafficRoutingConfig={
            "TimeBasedCanary": {"CanaryInterval": 10, "CanaryPercentage": 10},
            "Type": "TimeBasedCanary",
        },
    ),
    "Rollouts": named(
        "CodeDeploy::DeploymentGroup",
        ApplicationName={"Ref": "Application"},
        DeploymentConfigName={"Ref": "Steps"},
        ServiceRoleArn=get("Role", "Arn"),
    ),
}
STACKS = {
    "network": NETWORK,
    "instances": INSTANCES,
    "door": DOOR,
    "function": FUNCTION,
    "watching": WATCHING,
    "pipeline": PIPELINE,
    "queue": QUEUE,
    "serverless": SERVERLESS,
}
RECORDED = {
    "Managed",
    "Monitor",
    "Queries",
    "Pipeline",
    "Application",
    "Steps",
    "Rollouts",
}


def stack_of(directory: Path, name: str, resources: dict[str, Any]) -> Stack:
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/us-east-1",
        "properties": {"templateFile": "stack.json", "stackName": name},
        "displayName": f"dev/{name}",
    }
    manifest = {"version": "36.0.0", "artifacts": {name: artifact}}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    (directory / "stack.json").write_text(json.dumps({"Resources": resources}))
    (stack,) = read_assembly(directory)
    return stack


def settled(account: Account, name: str) -> tuple[str, str]:
    """Return what a stack has come to, and every reason its events give."""
    cloudformation = account.client("cloudformation")
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            break
        time.sleep(0.05)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
    return found["StackStatus"], reasons


def create(account: Account, name: str, resources: dict[str, Any]) -> tuple[str, str]:
    account.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Resources": resources}),
        Capabilities=["CAPABILITY_IAM"],
    )
    return settled(account, name)


@pytest.mark.parametrize("name", STACKS)
def test_what_a_template_asks_for_is_made_read_back_and_gone_again(
    name: str, emulator: Account, tmp_path: Path
) -> None:
    title = f"types-{name}"
    status, reasons = create(emulator, title, STACKS[name])
    assert status == "CREATE_COMPLETE", reasons
    inspection = inspect(emulator, stack_of(tmp_path, title, STACKS[name]))
    assert [each.findings for each in inspection.checked if each.findings] == []
    verdicts = {each.resource.logical_id: each.verdict for each in inspection.checked}
    assert verdicts == {
        id_: "recorded only" if id_ in RECORDED else "read back" for id_ in STACKS[name]
    }
    described = emulator.client("cloudformation").describe_stacks(StackName=title)
    emulator.client("cloudformation").delete_stack(StackName=title)
    status, reasons = settled(emulator, described["Stacks"][0]["StackId"])
    assert status == "DELETE_COMPLETE", reasons
    left = left_behind(emulator, (inspection,))
    assert left.findings == ()
    assert left.removed == len(STACKS[name].keys() - RECORDED)


@pytest.fixture
def images(emulator: Account) -> str:
    """A repository with one image, of tag 1."""
    ecr = emulator.client("ecr")
    ecr.create_repository(repositoryName="model")
    ecr.put_image(repositoryName="model", imageTag="1", imageManifest="{}")
    return f"{ACCOUNT}.dkr.ecr.{emulator.region}.amazonaws.com/model"


def test_a_function_whose_image_nobody_pushed_is_refused_new_and_changed(
    images: str, emulator: Account
) -> None:
    def resources(tag: str) -> dict[str, Any]:
        model = SERVERLESS["Model"]["Properties"]
        changed = {**model, "Code": {"ImageUri": f"{images}:{tag}"}}
        return {
            "Role": SERVERLESS["Role"],
            "Model": named("Lambda::Function", **changed),
        }

    status, reasons = create(emulator, "images-none", resources("0"))
    assert (status, f"{images}:0 is not there" in reasons) == (
        "ROLLBACK_COMPLETE",
        True,
    )
    status, reasons = create(emulator, "images-one", resources("1"))
    assert status == "CREATE_COMPLETE", reasons
    emulator.client("cloudformation").update_stack(
        StackName="images-one",
        TemplateBody=json.dumps({"Resources": resources("2")}),
        Capabilities=["CAPABILITY_IAM"],
    )
    status, reasons = settled(emulator, "images-one")
    assert status == "UPDATE_ROLLBACK_COMPLETE"
    assert f"{images}:2 is not there" in reasons


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            named("CodePipeline::Pipeline", Stages=[STAGE], PipelineKind="V2"),
            "PipelineKind",
        ),
        (
            named(
                "AutoScaling::AutoScalingGroup",
                MinSize="1",
                MaxSize="2",
                MixedInstancesPolicy={"InstancesDistribution": {"SpotPercent": 50}},
            ),
            "SpotPercent",
        ),
        (
            named("CE::AnomalyMonitor", MonitorName="m"),
            "MonitorType",
        ),
        (named("Logs::QueryDefinition", Name="slow"), "queryString"),
        (
            named(
                "CodeDeploy::DeploymentConfig",
                TrafficRoutingConfig={"Type": "TimeBasedCanary", "Share": 10},
            ),
            "Share",
        ),
    ],
)
def test_what_aws_would_refuse_is_refused(
    broken: dict[str, Any], message: str, emulator: Account
) -> None:
    status, reasons = create(emulator, f"broken-{message.lower()}", {"Thing": broken})
    assert status == "ROLLBACK_COMPLETE"
    assert message in reasons
