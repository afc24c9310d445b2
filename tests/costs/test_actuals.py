"""A report that is made from the estimate itself, and what is then changed in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from costs.bill import Bill
from costs.ledger.actuals import Actuals, Comparison, _beside, actuals
from costs.ledger.report import Entry, Report, Spent, read_report
from costs.ledger.text import actuals_json, actuals_markdown, actuals_text
from costs.price_list.offers import offers
from costs.scale import Scale
from costs.usage import Usage
from tests.costs.conftest import Billed, MatchesGolden
from tests.costs.samples import resource, stages
from tests.costs.test_usage_report import LEGACY, text_of

Row = dict[str, str]
Change = Callable[[Row], Row | None]
OFFERS = {(offer.service, offer.item): offer for offer in offers()}


def rows(
    bill: Bill, *, start: str = "2026-10-01", end: str = "2026-11-01"
) -> list[Row]:
    """What AWS would bill if the expected came to pass: a line for each charge."""
    return [
        {
            "lineItem/LineItemType": "Usage",
            "lineItem/UsageStartDate": f"{start}T00:00:00Z",
            "lineItem/UsageEndDate": f"{end}T00:00:00Z",
            "lineItem/ProductCode": offer.code,
            "lineItem/UsageType": offer.usage[0],
            "lineItem/Operation": dict(offer.where).get("operation", ""),
            "lineItem/UsageAmount": str(charge.quantity.expected * offer.per),
            "lineItem/UnblendedCost": str(charge.monthly.expected),
            "resourceTags/user:stage": line.stage,
        }
        for line in bill.lines
        for charge in line.estimate.charges
        for offer in [OFFERS[charge.price.service, charge.price.item]]
    ]


@pytest.fixture
def compared(billed: Billed, tmp_path: Path) -> Callable[..., Actuals]:
    def run(
        *changes: Change, usage: Usage | None = None, more: Row | None = None
    ) -> Actuals:
        found = billed(stages(), usage)
        kept = list(changed(rows(found), changes))
        path = tmp_path / "report.csv"
        path.write_text(text_of(LEGACY, *kept, *([more] if more else [])))
        return actuals(found, read_report(path, "stage"))

    return run


def changed(lines: list[Row], changes: tuple[Change, ...]) -> Iterator[Row]:
    for line in lines:
        row: Row | None = line
        for change in changes:
            row = change(row) if row else None
        if row:
            yield row


def times(usage: str, *, amount: float = 1, usd: float = 1) -> Change:
    """Change the lines of one usage type."""

    def change(row: Row) -> Row:
        if row["lineItem/UsageType"] != usage:
            return row
        figures = {
            name: str(float(row[name]) * factor)
            for name, factor in (
                ("lineItem/UsageAmount", amount),
                ("lineItem/UnblendedCost", usd),
            )
        }
        return row | figures

    return change


def of(found: Actuals, usage: str, resource: str = "") -> Comparison:
    (one,) = (
        each
        for each in found.comparisons
        if (each.thing.usage, each.resource) == (usage, resource)
    )
    return one


def test_nothing_is_off_where_the_expected_came_to_pass(
    compared: Callable[..., Actuals],
) -> None:
    found = compared()
    assert not found.unmatched
    assert [each.findings for each in found.comparisons if each.findings] == []
    for each in found.comparisons:
        assert each.billed == pytest.approx(each.estimated.expected)
        assert each.expected
        assert each.used == pytest.approx(each.expected.expected)


def test_all_that_is_estimated_and_all_that_is_billed_is_there(
    compared: Callable[..., Actuals], billed: Billed
) -> None:
    found, monthly = compared(), billed(stages()).monthly
    total = Scale.total(each.estimated for each in found.comparisons)
    assert total.maximum == pytest.approx(monthly.maximum)
    assert sum(e.billed for e in found.comparisons) == pytest.approx(monthly.expected)


def test_says_which_assumption_is_wrong_and_what_would_fit(
    compared: Callable[..., Actuals],
) -> None:
    """repository_gb is 2; ten times as much is stored."""
    found = compared(times("TimedStorage-ByteHrs", amount=10, usd=10))
    (finding,) = (
        each.findings[0]
        for each in found.comparisons
        if each.thing.name == "ECR private storage"
    )
    assert finding.startswith(
        "20 GB-month used, 2 expected: repository_gb = 2; 20 would"
    )


def test_names_all_that_a_quantity_rests_on(compared: Callable[..., Actuals]) -> None:
    usage = "Build-Min:Linux:g1.medium"
    (finding,) = of(compared(times(usage, amount=3, usd=3)), usage).findings
    assert "rests on builds_per_month = 8, minutes_per_build = 30" in finding


def test_no_figure_would_fit_where_a_quantity_is_no_multiple_of_one(
    billed: Billed, tmp_path: Path
) -> None:
    """A key is one, and one more for each of its rotations."""
    key = {"It": resource("KMS::Key", EnableKeyRotation=True)}
    found = billed({"dev": {"dev-one": key}})
    path = tmp_path / "report.csv"
    path.write_text(text_of(LEGACY, rows_of("awskms", "us-east-1-KMS-Keys", 9, 9.0)))
    keys = of(actuals(found, read_report(path, "stage")), "KMS-Keys")
    (finding,) = keys.findings
    assert "rests on key_rotations" in finding
    assert "would fit" not in finding


def test_more_hours_than_scaling_allows_are_no_assumption(
    compared: Callable[..., Actuals],
) -> None:
    found = of(
        compared(times("LoadBalancerUsage", amount=2, usd=2)), "LoadBalancerUsage"
    )
    (finding,) = found.findings
    assert "1,460 hour used, 730 expected: how many there are" in finding


@pytest.mark.parametrize(("factor", "is_off"), [(1.08, False), (1.12, True)])
def test_a_tenth_above_the_range_is_right_still(
    factor: float, is_off: bool, compared: Callable[..., Actuals]
) -> None:
    usage = "LoadBalancerUsage"
    found = of(compared(times(usage, amount=factor, usd=factor)), usage)
    assert bool(found.findings) == is_off


def test_what_is_sold_by_the_thousand_is_counted_one_by_one(
    billed: Billed, tmp_path: Path
) -> None:
    """A bill counts in the price's unit, a report in single requests."""
    kinds = ("SQS::Queue", "KMS::Key", "SecretsManager::Secret", "S3::Bucket")
    stack = {kind.partition(":")[0]: resource(kind) for kind in kinds}
    found = billed({"dev": {"dev-one": stack}})
    path = tmp_path / "report.csv"
    path.write_text(text_of(LEGACY, *rows(found)))
    comparisons = actuals(found, read_report(path, "stage")).comparisons
    assert len(comparisons) == 8
    assert [each.findings for each in comparisons if each.findings] == []


def test_what_no_bill_has_comes_by_its_size_whichever_its_sign(
    compared: Callable[..., Actuals],
) -> None:
    credit = {"lineItem/LineItemType": "Credit", "lineItem/UnblendedCost": "-5"}
    found = compared(
        lambda row: (
            row | (credit if "LoadBalancer" in row["lineItem/UsageType"] else {})
        ),
        more=rows_of("AmazonRDS", "Usage", 1, 11.9),
    )
    assert [spent.usd for _, spent in found.unmatched] == [11.9, -5]


def test_within_the_range_nothing_is_off(compared: Callable[..., Actuals]) -> None:
    """Tasks may be one to four: twice the expected is as good."""
    usage = "Fargate-GB-Hours"
    assert of(compared(times(usage, amount=1.9, usd=1.9)), usage).findings == ()
    assert of(compared(times(usage, amount=9, usd=9)), usage).findings


def test_another_price_is_said_apart_from_the_quantity(
    compared: Callable[..., Actuals],
) -> None:
    usage = "Fargate-vCPU-Hours:perCPU"
    (finding,) = of(compared(times(usage, usd=0.8)), usage).findings
    assert finding.startswith("0.032384 USD paid for each, 0.04048 estimated")


def test_spot_and_on_demand_hours_are_the_same_hours(
    compared: Callable[..., Actuals],
) -> None:
    def on_spot(row: Row) -> Row:
        usage = row["lineItem/UsageType"]
        known = usage == "Fargate-GB-Hours"
        return row | {
            "lineItem/UsageType": f"USE1-SpotUsage-{usage}" if known else usage
        }

    assert of(compared(on_spot), "Fargate-GB-Hours").findings == ()


def test_what_is_not_billed_and_what_is_not_estimated_say_so(
    compared: Callable[..., Actuals],
) -> None:
    extra = rows_of("AmazonEC2", "USE1-NatGateway-Hours", 744, 33.48)
    found = compared(
        lambda row: None if row["lineItem/UsageType"] == "LoadBalancerUsage" else row,
        more=extra,
    )
    assert of(found, "LoadBalancerUsage").findings == ("estimated, but not billed",)
    assert of(found, "NatGateway-Hours").findings == ("not in the estimate",)


def rows_of(product: str, usage: str, amount: float, usd: float, **more: str) -> Row:
    return {
        "lineItem/LineItemType": "Usage",
        "lineItem/UsageStartDate": "2026-10-01T00:00:00Z",
        "lineItem/UsageEndDate": "2026-11-01T00:00:00Z",
        "lineItem/ProductCode": product,
        "lineItem/UsageType": usage,
        "lineItem/UsageAmount": str(amount),
        "lineItem/UnblendedCost": str(usd),
        "resourceTags/user:stage": "dev",
        **more,
    }


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (rows_of("AmazonRDS", "InstanceUsage:db.t4g.micro", 744, 11.9), "AmazonRDS"),
        (rows_of("AmazonSES", "TimedStorage-ByteHrs", 1, 2.0), "AmazonSES"),
        (
            rows_of("AmazonECS", "", 1, 9.5) | {"lineItem/LineItemType": "Tax"},
            "Tax",
        ),
        (
            rows_of("AmazonECS", "Fargate-GB-Hours", 1, -5.0)
            | {"lineItem/LineItemType": "Credit"},
            "Credit",
        ),
    ],
)
def test_lines_that_no_bill_has_are_listed_not_lost(
    compared: Callable[..., Actuals], row: Row, name: str
) -> None:
    found = compared(more=row)
    ((entry, spent),) = found.unmatched
    assert name in (entry.product, entry.kind)
    assert spent.usd == float(row["lineItem/UnblendedCost"])
    assert name in actuals_text(found, "")


def test_a_resource_that_the_report_names_has_its_own_line(
    compared: Callable[..., Actuals],
) -> None:
    """CloudFormation names what it makes after the stack and the logical id."""

    def named(row: Row) -> Row:
        if row["lineItem/UsageType"] != "LoadBalancerUsage":
            return row
        arn = "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/"
        return row | {"lineItem/ResourceId": f"{arn}dev-endpoint-Balancer-1ABC/9f"}

    found = compared(named)
    own = of(found, "LoadBalancerUsage", "dev-endpoint: Balancer")
    assert own.billed == pytest.approx(own.estimated.expected)
    assert not [e for e in found.comparisons if e.findings]


def test_a_part_of_a_month_is_compared_with_that_part_of_the_estimate(
    billed: Billed, tmp_path: Path
) -> None:
    found = billed(stages())
    half = [
        row
        | {
            "lineItem/UsageStartDate": "2026-11-15T00:00:00Z",
            "lineItem/UsageEndDate": "2026-11-16T00:00:00Z",
            "lineItem/UsageAmount": str(float(row["lineItem/UsageAmount"]) / 2),
            "lineItem/UnblendedCost": str(float(row["lineItem/UnblendedCost"]) / 2),
        }
        for row in rows(found)
    ]
    path = tmp_path / "report.csv"
    path.write_text(text_of(LEGACY, *half))
    compared = actuals(found, read_report(path, "stage"))
    assert compared.months == {"2026-11": 0.5}
    assert not [each for each in compared.comparisons if each.findings]
    assert "2026-11: the report covers 50% of the month" in actuals_text(compared, "")


def test_what_aws_never_tags_is_compared_for_all_stages_as_one(
    compared: Callable[..., Actuals],
) -> None:
    """Alarms carry no cost allocation tag: that is no finding."""
    usage = "CW:AlarmMonitorUsage"
    found = compared(
        lambda row: (
            row
            | (
                {"resourceTags/user:stage": ""}
                if row["lineItem/UsageType"] == usage
                else {}
            )
        )
    )
    assert of(found, usage).group == ""
    assert of(found, usage).findings == ()
    assert of(found, "LCUUsage").group == "dev"


def test_a_report_without_the_tag_is_compared_as_a_whole(
    compared: Callable[..., Actuals],
) -> None:
    found = compared(lambda row: row | {"resourceTags/user:stage": ""})
    assert {each.group for each in found.comparisons} == {""}
    assert not [each for each in found.comparisons if each.findings]
    assert "No line carries the tag 'stage'" in actuals_text(found, "")


def test_what_is_tagged_in_part_is_compared_by_the_tag(
    compared: Callable[..., Actuals],
) -> None:
    usage = "LoadBalancerUsage"
    code = OFFERS["ALB", "load balancer"].code
    untagged = rows_of(code, usage, 1, 0.02) | {"resourceTags/user:stage": ""}
    found = compared(more=untagged)
    groups = {
        each.group: each.estimated.expected
        for each in found.comparisons
        if each.thing.usage == usage
    }
    assert groups == {"dev": pytest.approx(730 * 0.0225), "": 0}


def test_what_may_not_come_at_all_is_not_missed(
    compared: Callable[..., Actuals],
) -> None:
    usage, name = Usage(repository_gb=Scale(0, 1, 2)), "LoadBalancerUsage"

    def only(row: Row) -> Row | None:
        return row if row["lineItem/UsageType"] == name else None

    found = compared(only, usage=usage)
    missed = [each for each in found.comparisons if each.findings]
    assert missed
    for each in missed:
        assert each.findings == ("estimated, but not billed",)
        assert each.expected
        assert each.expected.minimum > 0


def test_dollars_beyond_a_range_are_told_from_its_near_end() -> None:
    assert _beside(20, 5, 10) == "2 times"
    assert _beside(1, 5, 10) == "0.2 times"
    assert _beside(3, 0, 0) == "without"


def test_what_nobody_knows_aws_name_of_is_estimated_and_not_billed(
    billed: Billed, tmp_path: Path
) -> None:
    settings = [{"Name": "containerInsights", "Value": "enhanced"}]
    cluster = {"It": resource("ECS::Cluster", ClusterSettings=settings)}
    found = billed({"dev": {"dev-one": cluster}})
    path = tmp_path / "report.csv"
    path.write_text(text_of(LEGACY, rows_of("AmazonECS", "Something-New", 1, 2.0)))
    compared = actuals(found, read_report(path, "stage"))
    names = {each.thing.name: each.findings for each in compared.comparisons}
    name = "Container Insights enhanced observability (ECS)"
    assert names[name] == ("estimated, but not billed",)
    assert len(compared.unmatched) == 1


def explorer(tmp_path: Path, text: str) -> Report:
    path = tmp_path / "explorer.csv"
    path.write_text(text)
    return read_report(path, "stage")


def test_cost_explorers_services_are_compared_in_dollars(
    billed: Billed, tmp_path: Path
) -> None:
    found = billed(stages())
    elb = sum(
        charge.monthly.expected
        for line in found.lines
        for charge in line.estimate.charges
        if charge.price.service == "ALB"
    )
    report = explorer(
        tmp_path,
        f'"Service","EC2-ELB($)","CloudWatch($)","RDS($)","Total costs($)"\n'
        f'"2026-10-01","{elb}","9","3","15"\n',
    )
    compared = actuals(found, report)
    by_name = {each.thing.name: each for each in compared.comparisons}
    assert by_name["EC2-ELB"].findings == ()
    assert "times the estimate" in by_name["CloudWatch"].findings[0]
    assert [entry.product for entry, _ in compared.unmatched] == ["RDS"]
    estimated = Scale.total(each.estimated for each in compared.comparisons)
    assert estimated.expected == pytest.approx(found.monthly.expected)


@pytest.mark.parametrize(
    ("billed_share", "said"), [(0.5, "0.5 times"), (1.05, ""), (3, "3 times")]
)
def test_dollars_alone_are_compared_with_a_tenth_to_spare(
    billed_share: float, said: str, billed: Billed, tmp_path: Path
) -> None:
    """Of a thing that costs the same at each scale."""
    found = billed({"dev": {"dev-one": {"It": resource("CloudWatch::Dashboard")}}})
    usd = billed_share * found.monthly.expected
    text = f'"Service","CloudWatch($)","Total costs($)"\n"2026-10-01","{usd}","{usd}"\n'
    (one,) = actuals(found, explorer(tmp_path, text)).comparisons
    assert one.findings == ((f"billed {said} the estimate",) if said else ())


def test_cost_explorers_tags_are_compared_as_wholes(
    billed: Billed, tmp_path: Path
) -> None:
    found = billed(stages())
    usd = found.monthly.expected
    text = f'"stage","dev($)","Total costs($)"\n"2026-10-01","{usd}","{usd}"\n'
    (one,) = actuals(found, explorer(tmp_path, text)).comparisons
    assert (one.group, one.findings) == ("dev", ())
    assert one.estimated.maximum == pytest.approx(found.monthly.maximum)


def test_what_cost_explorer_does_not_list_is_estimated_under_its_name(
    billed: Billed, tmp_path: Path
) -> None:
    found = billed({"dev": {"dev-one": {"It": resource("CloudWatch::Dashboard")}}})
    text = '"Service","RDS($)","Total costs($)"\n"2026-10-01","3","3"\n'
    (one,) = actuals(found, explorer(tmp_path, text)).comparisons
    assert (one.thing.name, one.billed) == ("CloudWatch", 0)


def test_a_network_load_balancer_is_not_taken_for_an_application_one(
    billed: Billed, tmp_path: Path
) -> None:
    """Both have the same usage types, and another operation."""
    door = resource(
        "ElasticLoadBalancingV2::LoadBalancer",
        Type="network",
        Scheme="internal",
        Subnets=["a"],
    )
    found = billed({"dev": {"dev-one": {"It": door}}})
    path = tmp_path / "report.csv"
    path.write_text(text_of(LEGACY, *rows(found)))
    comparisons = actuals(found, read_report(path, "stage")).comparisons
    assert {each.thing.name for each in comparisons} == {
        "NLB load balancer",
        "NLB NLCU",
    }
    assert [each.findings for each in comparisons if each.findings] == []


def test_an_alarm_on_a_band_is_billed_as_three(billed: Billed, tmp_path: Path) -> None:
    band = resource("CloudWatch::Alarm", ThresholdMetricId="b", Period=60)
    found = billed({"dev": {"dev-one": {"It": band}}})
    path = tmp_path / "report.csv"
    path.write_text(text_of(LEGACY, *rows(found)))
    (alarm,) = actuals(found, read_report(path, "stage")).comparisons
    assert (alarm.used, alarm.findings) == (3, ())


def test_of_many_lines_that_no_bill_has_the_largest_are_shown(
    compared: Callable[..., Actuals],
) -> None:
    def entry(number: int) -> Entry:
        return Entry("2026-10", "Usage", f"Product{number}", "Hours", "", "", "")

    many = tuple((entry(n), Spent(usd=100.0 - n)) for n in range(23))
    text = actuals_text(replace(compared(), unmatched=many), "")
    assert "In the report, but in no bill of ours: 2,047.00" in text
    assert "Product19 Hours: 81.00" in text
    assert "Product20" not in text
    assert "and 3 more: 237.00; --json has all" in text


def test_a_text_says_where_nothing_is_off_and_which_lines_have_no_tag(
    compared: Callable[..., Actuals],
) -> None:
    untagged = {"resourceTags/user:stage": ""}
    usage = "CW:AlarmMonitorUsage"
    text = actuals_text(
        compared(
            lambda row: row | (untagged if row["lineItem/UsageType"] == usage else {})
        ),
        "",
    )
    assert "Nothing is off." in text
    assert "2026-10, without a stage" in text
    assert "the report covers" not in text


def test_a_replaced_assumption_is_what_is_compared(
    compared: Callable[..., Actuals],
) -> None:
    usage = replace(Usage(), repository_gb=Scale.always(20))
    assert not [each for each in compared(usage=usage).comparisons if each.findings]


def test_text_and_markdown_are_the_reviewed_ones(
    compared: Callable[..., Actuals], matches_golden: MatchesGolden
) -> None:
    found = compared(
        times("Build-Min:Linux:g1.medium", amount=3, usd=3),
        times("Fargate-vCPU-Hours:perCPU", usd=0.8),
        times("DataTransfer-Out-Bytes", amount=40, usd=40),
        more=rows_of("AmazonRDS", "InstanceUsage:db.t4g.micro", 744, 11.9),
    )
    matches_golden(actuals_text(found, "Billed in report.csv"), "actuals.txt")
    matches_golden(actuals_markdown(found, "Billed in report.csv"), "actuals.md")


def test_json_has_every_comparison_and_what_is_unmatched(
    compared: Callable[..., Actuals],
) -> None:
    found = compared(more=rows_of("AmazonRDS", "Usage", 1, 1.0))
    record = json.loads(actuals_json(found))
    assert len(record["comparisons"]) == len(found.comparisons)
    assert len(record["unmatched"]) == 1
    assert record["months"] == {"2026-10": 1}
