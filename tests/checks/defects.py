"""Mistakes that people make, each planted in a real template, and who must name it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]

DEV = "dev-endpoint-support-sentiment"
PROD = "prod-endpoint-support-sentiment"
INTERNET = "demo-endpoint-internet"
GPU = "demo-endpoint-gpu"
POOL = "demo-cluster"
NETWORK = "dev-network"
BUDGET = "dev-budget"
REGISTRY = "delivery-registry"
BUILD = "delivery-build"

SERVICE = "AWS::ECS::Service"
TASK = "AWS::ECS::TaskDefinition"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
GROUP = "AWS::EC2::SecurityGroup"
SCALED = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::IAM::Policy"
CONTAINER = "ContainerDefinitions.0"


@dataclass(frozen=True)
class Defect:
    """`by` is TOOL RULE of the check that is there for it; others may see it too."""

    name: str
    stack: str
    by: str
    plant: Callable[[Template], object]


def first(template: Template, kind: str, but: str = "") -> dict[str, Any]:
    """Return the first resource of a type whose logical id does not hold `but`."""
    return next(
        resource
        for id_, resource in template["Resources"].items()
        if resource["Type"] == kind and not (but and but in id_)
    )


def put(kind: str, dotted: str, value: Any) -> Callable[[Template], None]:
    """Set a property of the first resource of a type; digits are places in a list."""

    def plant(template: Template) -> None:
        inside: Any = first(template, kind)["Properties"]
        *way, last = dotted.split(".")
        for key in way:
            inside = inside[int(key)] if key.isdigit() else inside.setdefault(key, {})
        inside[int(last) if last.isdigit() else last] = value

    return plant


def drop(kind: str, dotted: str) -> Callable[[Template], None]:
    """Take a property from the first resource of a type."""

    def plant(template: Template) -> None:
        inside: Any = first(template, kind)["Properties"]
        *way, last = dotted.split(".")
        for key in way:
            inside = inside[int(key)] if key.isdigit() else inside[key]
        del inside[last]

    return plant


def remove(kind: str, holding: str = "") -> Callable[[Template], None]:
    """Take out every resource of a type whose text holds something."""

    def plant(template: Template) -> None:
        gone = [
            id_
            for id_, resource in template["Resources"].items()
            if resource["Type"] == kind and holding in str(resource)
        ]
        assert gone, kind
        for id_ in gone:
            del template["Resources"][id_]

    return plant


def add(id_: str, kind: str, **properties: Any) -> Callable[[Template], None]:
    def plant(template: Template) -> None:
        template["Resources"][id_] = {"Type": kind, "Properties": properties}

    return plant


def kept(kind: str, policy: str) -> Callable[[Template], None]:
    """Give the first resource of a type another DeletionPolicy."""

    def plant(template: Template) -> None:
        first(template, kind)["DeletionPolicy"] = policy

    return plant


def forbid(action: str) -> Callable[[Template], None]:
    """Take an action out of every statement that allows it."""

    def plant(template: Template) -> None:
        for statement in _statements(template):
            actions = statement["Action"]
            listed = actions if isinstance(actions, list) else [actions]
            left = [each for each in listed if each != action]
            statement["Action"] = left or ["sts:GetCallerIdentity"]

    return plant


def allow(action: str, resource: str) -> Callable[[Template], None]:
    """Add a statement to the first policy."""

    def plant(template: Template) -> None:
        document = first(template, POLICY)["Properties"]["PolicyDocument"]
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document["Statement"].append(statement)

    return plant


def same_priority(template: Template) -> None:
    kind = "AWS::ElasticLoadBalancingV2::ListenerRule"
    template["Resources"]["Second"] = dict(first(template, kind))


def let_in(block: str, port: int) -> Callable[[Template], None]:
    """Open the first security group that has rules of its own."""

    def plant(template: Template) -> None:
        rules = first(template, GROUP)["Properties"].setdefault(
            "SecurityGroupIngress", []
        )
        rules.append(
            {"CidrIp": block, "IpProtocol": "tcp", "FromPort": port, "ToPort": port}
        )

    return plant


def balancer_attribute(key: str, value: str) -> Callable[[Template], None]:
    def plant(template: Template) -> None:
        listed = first(template, BALANCER)["Properties"]["LoadBalancerAttributes"]
        listed[:] = [each for each in listed if each["Key"] != key]
        listed.append({"Key": key, "Value": value})

    return plant


def deaf(template: Template) -> None:
    """Let every listener and rule answer by itself."""
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    for each in template["Resources"].values():
        for actions in ("DefaultActions", "Actions"):
            if actions in each.get("Properties", {}) and each["Type"].startswith(
                LISTENER
            ):
                each["Properties"][actions] = [answer]


def plain_http(template: Template) -> None:
    """Answer where the door only sent callers on to HTTPS."""
    listener = next(
        each["Properties"]
        for each in template["Resources"].values()
        if each["Type"] == LISTENER and each["Properties"]["Protocol"] == "HTTP"
    )
    answer = {"StatusCode": "200", "ContentType": "text/plain"}
    listener["DefaultActions"] = [
        {"Type": "fixed-response", "FixedResponseConfig": answer}
    ]


def export(template: Template) -> None:
    (output, *_) = template["Outputs"].values()
    output["Export"] = {"Name": "shared"}


def smaller_instances(template: Template) -> None:
    policy = first(template, "AWS::AutoScaling::AutoScalingGroup")["Properties"]
    overrides = policy["MixedInstancesPolicy"]["LaunchTemplate"]["Overrides"]
    overrides[0]["InstanceType"] = "c7i.xlarge"


def _statements(template: Template) -> Iterator[dict[str, Any]]:
    for resource in template["Resources"].values():
        if resource["Type"] == POLICY:
            yield from resource["Properties"]["PolicyDocument"]["Statement"]
        if resource["Type"] == ROLE:
            for policy in resource["Properties"].get("Policies", []):
                yield from policy["PolicyDocument"]["Statement"]


LAUNCH = "AWS::EC2::LaunchTemplate"
REPOSITORY = "AWS::ECR::Repository"
BUCKET = "AWS::S3::Bucket"
LOG = "AWS::Logs::LogGroup"
ROLE = "AWS::IAM::Role"

DEFECTS = (
    # Two resources that do not fit
    Defect("the service names another container", DEV, "wiring container-name",
           put(SERVICE, "LoadBalancers.0.ContainerName", "server")),
    Defect("the service names a port its container has not", DEV, "wiring container-port",
           put(SERVICE, "LoadBalancers.0.ContainerPort", 9090)),
    Defect("the target group has another port", DEV, "wiring target-port",
           put(TARGETS, "Port", 80)),
    Defect("the target group takes instances", DEV, "wiring target-type",
           put(TARGETS, "TargetType", "instance")),
    Defect("health is asked on another runtime's path", GPU, "wiring health-path",
           put(TARGETS, "HealthCheckPath", "/v2/health/ready")),
    Defect("a rule's priority is taken twice", PROD, "wiring duplicate-priority",
           same_priority),
    Defect("the minimum is over the maximum", DEV, "wiring min-over-max",
           put(SCALED, "MinCapacity", 9)),
    Defect("a pool's minimum is over its maximum", POOL, "wiring min-over-max",
           put("AWS::AutoScaling::AutoScalingGroup", "MinSize", "9")),
    Defect("tasks do not let the balancer in", DEV, "wiring no-way-in",
           remove("AWS::EC2::SecurityGroupIngress")),
    Defect("the balancer is not let out to tasks", DEV, "wiring no-way-out",
           remove("AWS::EC2::SecurityGroupEgress")),
    Defect("no listener forwards to the target group", DEV, "wiring unasked-targets", deaf),
    Defect("no service fills the target group", DEV, "wiring unfilled-targets",
           drop(SERVICE, "LoadBalancers")),
    Defect("a canary has no second target group", PROD, "wiring no-shift",
           drop(SERVICE, "LoadBalancers.0.AdvancedConfiguration.AlternateTargetGroupArn")),
    Defect("the pool is not the cluster's", POOL, "wiring no-capacity",
           put("AWS::ECS::ClusterCapacityProviderAssociations", "CapacityProviders",
               ["FARGATE", "FARGATE_SPOT"])),
    Defect("a GPU task reserves no GPU", GPU, "wiring gpu-unreserved",
           drop(TASK, f"{CONTAINER}.ResourceRequirements")),
    Defect("a GPU task runs where some instances have none", POOL, "wiring gpu-missing",
           smaller_instances),
    Defect("the task may not fetch its image", DEV, "wiring missing-permission",
           forbid("ecr:GetDownloadUrlForLayer")),
    Defect("the task may not write its log", DEV, "wiring missing-permission",
           forbid("logs:PutLogEvents")),
    Defect("ECS may not call the check of a canary", PROD, "wiring hook-permission",
           forbid("lambda:InvokeFunction")),
    Defect("the image is of a repository that nobody makes", DEV, "wiring no-repository",
           put(TASK, f"{CONTAINER}.Image",
               "123456789012.dkr.ecr.us-east-1.amazonaws.com/lathe/other/flask:other-3f1c9a07be24")),
    Defect("a parameter that is read is written under another name", NETWORK,
           "wiring unwritten-parameter", put("AWS::SSM::Parameter", "Name", "/lathe/dev/vpc")),
    Defect("the service names a cluster that is not there", DEV, "wiring no-cluster",
           put(SERVICE, "Cluster", "lathe-test")),
    Defect("an alarm that rolls back is not there", DEV, "wiring no-alarm",
           put(SERVICE, "DeploymentConfiguration.Alarms.AlarmNames.0", "dev-failing")),
    Defect("nothing scales the service", DEV, "wiring unscaled",
           remove("AWS::ApplicationAutoScaling::ScalingPolicy")),
    Defect("the target scales another service", DEV, "wiring no-service",
           put(SCALED, "ResourceId", "service/lathe-dev/other")),
    Defect("the balancer waits longer than the server", DEV, "wiring idle-timeout",
           balancer_attribute("idle_timeout.timeout_seconds", "120")),
    Defect("the budget filters by another stage's tag", BUDGET, "wiring budget-tag",
           put("AWS::Budgets::Budget", "Budget.CostFilters.TagKeyValue", ["user:stage$prod"])),
    Defect("the stage has no budget", BUDGET, "wiring no-budget",
           remove("AWS::Budgets::Budget")),
    Defect("an output is exported", BUDGET, "wiring export", export),
    Defect("a Lambda-backed custom resource", DEV, "wiring custom-resource",
           add("Wait", "Custom::Wait", ServiceToken="arn:aws:lambda:us-east-1:123456789012:function:x")),
    Defect("a log group without the tags of the bill", DEV, "wiring untagged",
           drop(LOG, "Tags")),
    Defect("an internal balancer is open to the world", DEV, "wiring open-door",
           let_in("0.0.0.0/0", 443)),
    Defect("the artifact bucket answers over plain HTTP", REGISTRY, "wiring plain-http",
           remove("AWS::S3::BucketPolicy")),
    # One resource that is wrong
    Defect("SSH is open to the world", INTERNET, "guard OPEN_DOORS_ARE_OF_THE_WEB",
           let_in("0.0.0.0/0", 22)),
    Defect("a public listener answers without TLS", INTERNET, "guard PUBLIC_LISTENERS_SPEAK_TLS",
           plain_http),
    Defect("invalid headers reach the server", DEV, "guard BALANCERS_DROP_INVALID_HEADERS",
           balancer_attribute("routing.http.drop_invalid_header_fields.enabled", "false")),
    Defect("the root file system is writable", DEV, "guard TASK_ROOT_IS_READ_ONLY",
           put(TASK, f"{CONTAINER}.ReadonlyRootFilesystem", False)),
    Defect("the container runs as root", DEV, "guard TASK_USER_IS_NOT_ROOT",
           put(TASK, f"{CONTAINER}.User", "0")),
    Defect("nobody says as whom the container runs", DEV, "guard TASK_USER_IS_NOT_ROOT",
           drop(TASK, f"{CONTAINER}.User")),
    Defect("a privileged container", GPU, "guard TASK_IS_NOT_PRIVILEGED",
           put(TASK, f"{CONTAINER}.Privileged", True)),
    Defect("capabilities are not dropped", DEV, "guard TASK_HAS_NO_CAPABILITY",
           drop(TASK, f"{CONTAINER}.LinuxParameters.Capabilities")),
    Defect("a secret in the environment", DEV, "guard TASK_SECRETS_ARE_NOT_IN_ITS_ENVIRONMENT",
           put(TASK, f"{CONTAINER}.Environment.0.Name", "API_KEY")),
    Defect("an image by the tag latest", DEV, "guard IMAGE_IS_PINNED",
           put(TASK, f"{CONTAINER}.Image",
               "123456789012.dkr.ecr.us-east-1.amazonaws.com/lathe/support-sentiment/flask:latest")),
    Defect("no alarm rolls the deployment back", PROD, "guard SERVICE_ROLLS_BACK",
           drop(SERVICE, "DeploymentConfiguration.Alarms")),
    Defect("a rolling deployment without its circuit breaker", DEV,
           "guard SERVICE_BREAKS_ITS_CIRCUIT",
           drop(SERVICE, "DeploymentConfiguration.DeploymentCircuitBreaker")),
    Defect("a desired count undoes scaling", DEV, "guard SERVICE_LETS_SCALING_COUNT",
           put(SERVICE, "DesiredCount", 1)),
    Defect("tags of images can move", REGISTRY, "guard IMAGE_TAGS_ARE_IMMUTABLE",
           put(REPOSITORY, "ImageTagMutability", "MUTABLE")),
    Defect("images are not scanned", REGISTRY, "guard IMAGES_ARE_SCANNED_ON_PUSH",
           drop(REPOSITORY, "ImageScanningConfiguration")),
    Defect("images go with the stack", REGISTRY, "guard IMAGES_ARE_KEPT",
           kept(REPOSITORY, "Delete")),
    Defect("a log without retention", DEV, "guard LOGS_END", drop(LOG, "RetentionInDays")),
    Defect("artifacts go with the stack", REGISTRY, "guard BUCKETS_ARE_KEPT",
           kept(BUCKET, "Delete")),
    Defect("public access is not blocked", REGISTRY, "guard BUCKETS_ARE_PRIVATE",
           drop(BUCKET, "PublicAccessBlockConfiguration")),
    Defect("a right on every resource", DEV, "guard POLICIES_NAME_THEIR_RESOURCES",
           allow("s3:GetObject", "*")),
    Defect("every action of a service", DEV, "guard POLICIES_NAME_THEIR_ACTIONS",
           allow("s3:*", "arn:aws:s3:::other/*")),
    Defect("a role that may do anything", DEV, "guard ROLES_HAVE_NO_ADMINISTRATOR",
           put(ROLE, "ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"])),
    Defect("a role that anybody may assume", DEV, "guard ROLES_ARE_ASSUMED_BY_WHOM_THEY_NAME",
           put(ROLE, "AssumeRolePolicyDocument.Statement.0.Principal", {"AWS": "*"})),
    Defect("instances answer IMDSv1", POOL, "guard INSTANCES_NEED_A_TOKEN_FOR_THEIR_METADATA",
           put(LAUNCH, "LaunchTemplateData.MetadataOptions.HttpTokens", "optional")),
    Defect("a disk that is not encrypted", POOL, "guard INSTANCE_DISKS_ARE_ENCRYPTED",
           put(LAUNCH, "LaunchTemplateData.BlockDeviceMappings.0.Ebs.Encrypted", False)),
    Defect("instances have public addresses", POOL, "guard INSTANCES_HAVE_NO_PUBLIC_ADDRESS",
           put(LAUNCH, "LaunchTemplateData.NetworkInterfaces.0.AssociatePublicIpAddress", True)),
    Defect("what runs a developer's code is privileged", BUILD, "guard ONLY_THE_BAKE_IS_PRIVILEGED",
           put("AWS::CodeBuild::Project", "Environment.PrivilegedMode", True)),
    # What CloudFormation would refuse
    Defect("a protocol that is none", DEV, "cfn-lint E3030", put(TARGETS, "Protocol", "HTTPX")),
    Defect("a property that is misspelt", DEV, "cfn-lint E3002",
           put(SERVICE, "HealthCheckGracePeriod", 60)),
    Defect("a reference to nothing", DEV, "cfn-lint E1020",
           put(SERVICE, "TaskDefinition", {"Ref": "Gone"})),
)  # fmt: skip
