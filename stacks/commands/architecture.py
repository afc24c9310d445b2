"""What is worth drawing of an assembly: stacks, what they hold, what they take."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from costs.assembly import Assembly, Resource, Stack
from costs.bill import Bill
from costs.resources.functions import serves
from costs.scale import Scale

# What a box names, in this order -> one, several. The rest are their accessories.
COUNTED: Mapping[str, tuple[str, str]] = {
    "AWS::EC2::NatGateway": ("NAT gateway", "NAT gateways"),
    "AWS::EC2::FlowLog": ("flow log", "flow logs"),
    "AWS::CodePipeline::Pipeline": ("pipeline", "pipelines"),
    "AWS::CodeBuild::Project": ("build project", "build projects"),
    "AWS::ECR::Repository": ("image repository", "image repositories"),
    "AWS::S3::Bucket": ("bucket", "buckets"),
    "AWS::KMS::Key": ("key", "keys"),
    "AWS::WAFv2::WebACL": ("web ACL", "web ACLs"),
    "AWS::Lambda::Function": ("check function", "check functions"),
    "AWS::CloudWatch::Alarm": ("alarm", "alarms"),
    "AWS::CloudWatch::Dashboard": ("dashboard", "dashboards"),
    "AWS::SNS::Topic": ("topic", "topics"),
}


_IMAGE = re.compile(r"/lathe/[a-z0-9-]+/([a-z_]+):")
_BUCKET = re.compile(r"lathe-[a-z]+-")


@dataclass(frozen=True)
class Box:
    """A stack: what it holds, line by line, and dollars a month."""

    stack: str
    stage: str
    lines: tuple[str, ...]
    monthly: Scale


@dataclass(frozen=True)
class Arrow:
    """`target` takes something from `source`."""

    source: str
    target: str
    what: str


@dataclass(frozen=True)
class Architecture:
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]


def describe(assembly: Assembly, prices: Bill) -> Architecture:
    """Return the boxes in the assembly's order, and every arrow between them once."""
    boxes = []
    for stack in assembly.stacks:
        lines = (line for line in prices.lines if line.stack == stack.name)
        monthly = Scale.total(line.monthly for line in lines)
        boxes.append(Box(stack.name, stack.stage, tuple(_lines(stack)), monthly))
    return Architecture(tuple(boxes), tuple(sorted(_arrows(assembly), key=str)))


def _lines(stack: Stack) -> Iterator[str]:
    for vpc in stack.of_type("AWS::EC2::VPC"):
        yield f"VPC {vpc.get('CidrBlock')}"
    yield from _addresses(stack)
    for cluster in stack.of_type("AWS::ECS::Cluster"):
        (setting,) = cluster.items("ClusterSettings")
        yield f"ECS cluster, insights {setting['Value']}"
    for group in stack.of_type("AWS::AutoScaling::AutoScalingGroup"):
        low, high = (int(group.number(size)) for size in ("MinSize", "MaxSize"))
        yield f"pool of {low} to {high} instances"
    yield from _door(stack)
    yield from _service(stack)
    serving = [f for f in stack.of_type("AWS::Lambda::Function") if serves(f)]
    for function in serving:
        most = int(function.number("ReservedConcurrentExecutions"))
        yield f"function: {function.number('MemorySize'):,.0f} MB, {most} at once"
    for budget in stack.of_type("AWS::Budgets::Budget"):
        limit = budget.number("Budget.BudgetLimit.Amount")
        yield f"budget of ${limit:,.0f} a month"
    found = Counter(r.type for r in stack.resources if r not in serving)
    for kind, (one, several) in COUNTED.items():
        if found[kind]:
            yield f"{found[kind]} {several}" if found[kind] > 1 else one


def _addresses(stack: Stack) -> Iterator[str]:
    subnets = stack.of_type("AWS::EC2::Subnet")
    public = sum(bool(s.get("MapPublicIpOnLaunch", False)) for s in subnets)
    for count, kind in ((public, "public"), (len(subnets) - public, "private")):
        if count:
            yield f"{count} {kind} subnets"
    endpoints = stack.of_type("AWS::EC2::VPCEndpoint")
    interfaces = [e for e in endpoints if e.get("VpcEndpointType") == "Interface"]
    if len(endpoints) > len(interfaces):
        yield "S3 gateway endpoint"
    if interfaces:
        yield f"{len(interfaces)} interface endpoints"


def _door(stack: Stack) -> Iterator[str]:
    for balancer in stack.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer"):
        listeners = stack.of_type("AWS::ElasticLoadBalancingV2::Listener")
        ports = " ".join(sorted({f":{int(each.number('Port'))}" for each in listeners}))
        yield f"load balancer, {balancer.get('Scheme', 'internet-facing')}, {ports}"


def _service(stack: Stack) -> Iterator[str]:
    for service in stack.of_type("AWS::ECS::Service"):
        configuration = service.get("DeploymentConfiguration", {})
        strategy = str(configuration.get("Strategy", "ROLLING")).lower()
        for target in stack.of_type("AWS::ApplicationAutoScaling::ScalableTarget"):
            low, high = (int(target.number(f"{end}Capacity")) for end in ("Min", "Max"))
            yield f"ECS service, {strategy.replace('_', '-')}, {low} to {high} tasks"
    for task in stack.of_type("AWS::ECS::TaskDefinition"):
        yield _size(task)


def _size(task: Resource) -> str:
    image = _IMAGE.search(json.dumps(task.properties.get("ContainerDefinitions")))
    runtime = image[1] if image else "?"
    if "FARGATE" not in task.items("RequiresCompatibilities"):
        return f"task: {runtime}, on instances"
    vcpu, gib = task.number("Cpu") / 1024, task.number("Memory") / 1024
    return f"task: {runtime}, {vcpu:g} vCPU, {gib:g} GB"


def _arrows(assembly: Assembly) -> Iterator[Arrow]:
    """What one stack defines by name, and another one's template says."""
    named = {
        (stack.name, what, name)
        for stack in assembly.stacks
        for what, name in _names(stack)
    }
    texts = {stack.name: json.dumps(stack.template.body) for stack in assembly.stacks}
    taken: dict[tuple[str, str], set[str]] = {}
    for source, what, name in named:
        for target, text in texts.items():
            if source != target and name in text:
                taken.setdefault((source, target), set()).add(what)
    for (source, target), whats in taken.items():
        yield Arrow(source, target, ", ".join(sorted(whats)))


def _names(stack: Stack) -> Iterator[tuple[str, str]]:
    for parameter in stack.of_type("AWS::SSM::Parameter"):
        yield "addresses", f'"{parameter.get("Name")}"'
    for cluster in stack.of_type("AWS::ECS::Cluster"):
        yield "capacity", f'"Cluster": "{cluster.get("ClusterName")}"'
    for repository in stack.of_type("AWS::ECR::Repository"):
        yield "images", f"{repository.get('RepositoryName')}:"
    for bucket in stack.of_type("AWS::S3::Bucket"):
        name = json.dumps(bucket.properties.get("BucketName", ""))
        if found := _BUCKET.search(name):  # the account that ends it is not known here
            yield "artifacts", found[0]
