from __future__ import annotations

import pytest

from costs.assembly import AssemblyError
from costs.book import PriceError, read_book
from costs.resources import FREE, PRICED
from costs.scale import Scale
from costs.usage import Usage
from tests.costs.conftest import Billed, BilledLine
from tests.costs.samples import Resources, endpoint, resource
from tests.costs.worked import CASES
from tests.costs.worked.instances import (
    environment,
    group,
    managed,
    provider,
    tasks,
)
from tests.costs.worked.subjects import one, scaling, service, tracking


@pytest.mark.parametrize("case", CASES)
def test_costs_what_was_worked_out_by_hand(case: str, billed_line: BilledLine) -> None:
    resources, expected = CASES[case]
    monthly = billed_line(resources).monthly
    assert monthly.ends == pytest.approx(expected.ends)


def test_every_priced_type_is_worked_out_by_hand() -> None:
    every = (each.get("Resources", each) for each, _ in CASES.values())
    worked = {resources["It"]["Type"] for resources in every}
    assert worked == PRICED.keys()


def test_every_price_of_the_book_is_charged_somewhere(billed_line: BilledLine) -> None:
    """A price that nothing uses is one that nobody keeps right."""
    charged = {
        charge.price
        for resources, _ in CASES.values()
        for charge in billed_line(resources).estimate.charges
    }
    unused = set(read_book("us-east-1").prices) - charged
    machines = {"CodeBuild", "EC2", "EC2 Spot"}  # one row for each
    assert {price.service for price in unused} <= machines


def test_no_type_is_both_priced_and_free() -> None:
    assert not PRICED.keys() & FREE.keys()


@pytest.mark.parametrize(
    ("markets", "said"),
    [
        (("FARGATE",), "Fargate 0.5 vCPU"),
        (("FARGATE_SPOT",), "Fargate Spot 0.5 vCPU"),
        (("FARGATE", "FARGATE_SPOT"), "Fargate part Spot 0.5 vCPU"),
    ],
)
def test_a_service_says_what_of_it_is_on_spot(
    markets: tuple[str, ...], said: str, billed_line: BilledLine
) -> None:
    strategy = [{"CapacityProvider": market, "Weight": 1} for market in markets]
    line = billed_line(service(CapacityProviderStrategy=strategy))
    assert line.estimate.detail.startswith(said)


def test_no_fewer_are_expected_than_always_run(billed_line: BilledLine) -> None:
    """Ten requests a second keep one task busy, and three are the fewest."""
    fewest = {**service(), "S": scaling(3, 8), "P": tracking(600)}
    monthly = billed_line(fewest).monthly
    assert monthly.expected == pytest.approx(monthly.minimum)
    assert monthly.maximum == pytest.approx(monthly.minimum * 8 / 3)


def test_a_base_that_is_more_than_runs_is_not_filled(billed_line: BilledLine) -> None:
    strategy = [
        {"CapacityProvider": "FARGATE", "Base": 5},
        {"CapacityProvider": "FARGATE_SPOT", "Weight": 1},
    ]
    two = service(DesiredCount=2, CapacityProviderStrategy=strategy)
    assert billed_line(two).monthly == billed_line(service(DesiredCount=2)).monthly


def test_logs_of_tasks_grow_with_requests(billed: Billed) -> None:
    usage = Usage(log_bytes_per_request=Scale.always(1024), task_log_gb=Scale.always(0))
    resources = endpoint()["Resources"]
    logging = {name: resources[name] for name in ("Task", "Log")}
    found = billed({"dev": {"dev-one": logging}}, usage)
    log = next(line for line in found.lines if line.type == "AWS::Logs::LogGroup")
    ingested = 730 * 3600 / 1024**2  # GB at one request a second
    assert log.monthly.minimum == pytest.approx(
        ingested * (0.5 + 0.15 * 0.03), rel=0.02
    )
    assert log.monthly.maximum == pytest.approx(50 * log.monthly.minimum)


@pytest.mark.parametrize("requests", [0, 1])
def test_few_requests_on_a_connection_make_connections_the_largest_dimension(
    requests: int, billed_line: BilledLine
) -> None:
    balancer = one(
        "ElasticLoadBalancingV2::LoadBalancer",
        Subnets=["subnet-a", "subnet-b"],
        Scheme="internal",
    )
    usage = Usage(requests_per_connection=Scale.always(requests))
    monthly = billed_line(balancer, usage).monthly
    assert monthly.maximum == pytest.approx(730 * (0.0225 + 50 / 25 * 0.008))


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (service(TaskDefinition="arn:elsewhere"), "TaskDefinition: 'arn:elsewhere'"),
        (
            service(TaskDefinition={"Ref": "Nothing"}),
            "TaskDefinition: Ref names Nothing",
        ),
        (service(DesiredCount="many"), "DesiredCount: 'many' is no number"),
        (service(DesiredCount="nan"), "DesiredCount: nan is not from 0 to 1e"),
        (service(DesiredCount=-5), "DesiredCount: -5 is not from 0 to 1e"),
        (service(DesiredCount=10**400), "DesiredCount: '10+' is no number"),
        ({**service(), "S": scaling(4, 1)}, "MinCapacity 4, MaxCapacity 1"),
        (
            service(
                CapacityProviderStrategy=[{"CapacityProvider": "gpus", "Weight": 1}]
            ),
            "CapacityProviderStrategy: gpus: not priced: no capacity provider",
        ),
        (group("g5.xlarge", disk={"VolumeType": "io2"}), "'io2': only gp3 is priced"),
        (
            group("g5.xlarge", disk={"VolumeType": "gp3", "VolumeSize": "nan"}),
            "BlockDeviceMappings.Ebs.VolumeSize: nan is not from 0",
        ),
        (
            group("g5.xlarge", template={"BlockDeviceMappings": []}),
            "BlockDeviceMappings: none",
        ),
        (
            {**group("g5.xlarge"), "Template": resource("EC2::Subnet")},
            "LaunchTemplate: none of the stack",
        ),
        (
            {**group("c7i.large"), **provider(), **tasks(1, gpus=1)},
            "1 GPU: more than the 0 of a c7i.large",
        ),
        (managed(), "AllowedInstanceTypes: none"),
        (environment("EC2", "g5.xlarge", least=4), "MinvCpus: only 0 is priced"),
        (environment("FARGATE"), "no AWS::Batch::JobDefinition on Fargate beside it"),
        (environment("OUTPOST"), "Type: 'OUTPOST': not priced"),
        (environment("EC2"), "InstanceTypes: none"),
        (
            one(
                "WAFv2::WebACL",
                Rules=[
                    {
                        "Statement": {
                            "ManagedRuleGroupStatement": {
                                "Name": "AWSManagedRulesBotControlRuleSet"
                            }
                        }
                    }
                ],
            ),
            "AWSManagedRulesBotControlRuleSet: not priced",
        ),
        (
            one("EC2::FlowLog", LogDestinationType="s3"),
            "LogDestinationType: 's3': not priced",
        ),
        (one("CodePipeline::Pipeline", PipelineType="V1"), "'V1': only V2 is priced"),
        (one("ElasticLoadBalancingV2::LoadBalancer"), "Subnets: none"),
        (
            one("ElasticLoadBalancingV2::LoadBalancer", Type="gateway"),
            "Type: 'gateway'",
        ),
        (
            one(
                "ElasticLoadBalancingV2::LoadBalancer", Subnets={"Ref": "AWS::StackId"}
            ),
            "Subnets: AWS::StackId is only known when deployed",
        ),
        (one("EC2::VPCEndpoint", VpcEndpointType="Interface"), "SubnetIds: none"),
        (one("CodeBuild::Project"), "Environment.ComputeType: not set"),
    ],
)
def test_names_the_property_that_it_cannot_price(
    resources: Resources, message: str, billed_line: BilledLine
) -> None:
    with pytest.raises(AssemblyError, match=message) as refused:
        billed_line(resources)
    assert "dev-one: " in str(refused.value)


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            one(
                "CodeBuild::Project",
                Environment={"ComputeType": "BUILD_LAMBDA_1GB", "Type": "LINUX_LAMBDA"},
            ),
            "It .*no price of CodeBuild, build_lambda_1gb in us-east-1",
        ),
        (
            {
                **service(),
                "Task": resource("ECS::TaskDefinition", Cpu="512", Memory="700"),
            },
            "It .*memory_mib: 700 is not sold with 512 CPU units",
        ),
        (environment("EC2", "optimal"), "It .*instance type optimal is not in"),
        (group("z9.huge"), r"It .*instance type z9\.huge is not in"),
        (
            group("p4d.24xlarge", OnDemandPercentageAboveBaseCapacity=0),
            r"It .*no price of EC2 Spot, p4d\.24xlarge in us-east-1",
        ),
    ],
)
def test_names_the_resource_that_has_no_price(
    resources: Resources, message: str, billed_line: BilledLine
) -> None:
    with pytest.raises(PriceError, match=message):
        billed_line(resources)
