"""Bills that others have published, beside ours: within 3 %, or whose error it is."""

from __future__ import annotations

import pytest

from costs.charges import HOURS
from costs.usage import Usage
from tests.costs.conftest import BilledLine
from tests.costs.samples import Resources, resource
from tests.costs.worked.subjects import one

FORTEM = "https://fortem.dev/blog/aws-fargate-pricing-real-costs, read 2026-11-21"
FACTUAL = "https://www.factualminds.com/blog/amazon-fargate-ecs-task-pricing-2026/, of 2026-06-17"
LCU_MONTH = HOURS * 0.008


def tasks(count: int, vcpu: float, gib: float) -> Resources:
    cpu, memory = int(vcpu * 1024), int(gib * 1024)
    runs = {"LaunchType": "FARGATE", "DesiredCount": count}
    return {
        "Task": resource("ECS::TaskDefinition", Cpu=cpu, Memory=memory),
        "It": resource("ECS::Service", TaskDefinition={"Ref": "Task"}, **runs),
    }


@pytest.mark.parametrize(
    ("source", "says", "resources", "usd"),
    [
        (FORTEM, "8 services of 0.5 vCPU and 1 GB, all month", tasks(8, 0.5, 1), 144),
        (FORTEM, "a NAT gateway in a zone", one("EC2::NatGateway"), 33),
        (FACTUAL, "0.25 vCPU and 0.5 GB, all month", tasks(1, 0.25, 0.5), 9),
    ],
)
def test_a_published_figure_is_met_within_3_percent(
    source: str, says: str, resources: Resources, usd: float, billed_line: BilledLine
) -> None:
    usage = Usage(nat_gb=Usage().nat_gb * 0)
    assert billed_line(resources, usage).monthly.minimum == pytest.approx(usd, rel=0.03)


def test_a_load_balancer_of_one_unit_is_met_within_3_percent(
    billed_line: BilledLine,
) -> None:
    """FORTEM: a load balancer is 22 dollars a month, which is hours and one unit."""
    subnets = ["subnet-a", "subnet-b"]
    balancer = one(
        "ElasticLoadBalancingV2::LoadBalancer", Subnets=subnets, Scheme="internal"
    )
    idle = Usage(requests_per_second=Usage().requests_per_second * 0)
    monthly = billed_line(balancer, idle).monthly.minimum
    assert monthly + LCU_MONTH == pytest.approx(22, rel=0.03)


def test_the_discount_of_spot_is_met_within_3_percent() -> None:
    """FORTEM: 0.01291 an hour of a vCPU on Spot, 68 % below 0.04048."""
    assert (1 - Usage().spot_discount.expected) * 0.04048 == pytest.approx(
        0.01291, rel=0.03
    )


def test_an_article_that_says_145_for_16_gb_prices_8(billed_line: BilledLine) -> None:
    """FACTUAL: "4 vCPU / 16 GB costs ~$145/mo"; by its own prices an hour that is 170."""
    monthly = {gib: billed_line(tasks(1, 4, gib)).monthly.minimum for gib in (8, 16)}
    assert monthly[16] == pytest.approx(HOURS * (4 * 0.04048 + 16 * 0.004445))
    assert monthly[16] / 145 == pytest.approx(1.17, abs=0.01)
    assert monthly[8] == pytest.approx(145, rel=0.03)
