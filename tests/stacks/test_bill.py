"""What the real stages cost: every resource of theirs is known to the bill."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest

from costs.bill import Bill, Line, bill
from costs.book import read_book
from costs.diff import difference
from costs.options import options
from costs.predictions import dollars_per_million
from costs.reading import read_assembly
from costs.scale import Scale
from costs.usage import Usage
from stacks.config import deployment
from tests.conftest import ManifestFactory
from tests.stacks.conftest import (
    CDK_JSON,
    only,
    release,
    synthesize,
    template,
    write_release,
)

SPOT = 1 - Usage().spot_discount.minimum  # dev runs on Spot alone
HOUR = SPOT * (0.04048 + 2 * 0.004445) + 0.005  # 1 vCPU, 2 GB, a public address


def billed(assembly: Path) -> Bill:
    return bill(read_assembly(assembly), Usage())


def services(found: Bill) -> list[Line]:
    return [line for line in found.lines if line.type == "AWS::ECS::Service"]


def test_every_resource_of_every_stage_is_priced_or_free(assembly: Path) -> None:
    found = billed(assembly)
    assert {line.stage for line in found.lines} == {"delivery", "dev", "prod", "demo"}
    assert found.monthly.maximum > found.monthly.minimum > 0


def test_a_service_costs_its_tasks_between_the_ends_of_its_scaling(
    assembly: Path,
) -> None:
    dev = next(line for line in services(billed(assembly)) if line.stage == "dev")
    endpoint = template(assembly, dev.stack)
    scaling = only(endpoint, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert dev.monthly.minimum == pytest.approx(730 * HOUR * scaling["MinCapacity"])
    assert dev.monthly.maximum == pytest.approx(730 * HOUR * scaling["MaxCapacity"])


def test_the_cheapest_stage_that_serves_costs_at_most_40_dollars_a_month(
    assembly: Path,
) -> None:
    dev = bill(read_assembly(assembly).stage("dev"), Usage())
    assert [line.stack for line in services(dev)] == ["dev-endpoint-support-sentiment"]
    assert dev.monthly.minimum <= 40


def test_what_is_idle_costs_what_its_option_says(assembly: Path) -> None:
    """The options are written by hand: here they meet the templates."""
    nobody = Scale.always(0)
    traffic = ("requests_per_second", "nat_gb", "endpoint_gb", "flow_log_gb")
    idle = replace(Usage(), **dict.fromkeys(traffic, nobody))
    lines = bill(read_assembly(assembly), idle).lines
    expected = {option.name: option.monthly for option in options("us-east-1", idle)}
    for stack, name in (
        ("prod-network", "private-nat, one NAT gateway"),
        ("demo-network", "private-endpoints, 2 zones, with a pool of GPUs"),
    ):
        cost = sum(line.monthly.minimum for line in lines if line.stack == stack)
        if stack == "demo-network":  # whose asynchronous endpoint has a topic as well
            more = "private-endpoints, 2 zones, for an asynchronous endpoint more"
            cost -= 2 * expected[more]
        assert cost == pytest.approx(expected[name])
    (firewall,) = (line for line in lines if line.type == "AWS::WAFv2::WebACL")
    assert firewall.monthly.minimum == expected["firewall of 3 rules"]


def test_the_walk_quotes_what_the_bill_says(
    assembly: Path,
    tmp_path: Path,
    make_manifest: ManifestFactory,
    pytestconfig: pytest.Config,
) -> None:
    """The table of docs/deploy.md, for what `cdk deploy --all` deploys."""
    for stage in ("dev", "prod"):
        write_release(tmp_path / "releases", stage, make_manifest())
    shipped = synthesize(tmp_path / "cdk.out", tmp_path / "releases", deployment())
    page = CDK_JSON.parent / "docs" / "deploy.md"
    quoted = expected = page.read_text()
    for row, found, stage in (
        ("delivery", shipped, "delivery"),
        ("dev", shipped, "dev"),
        ("prod without a release", assembly, "prod"),
        ("prod with one", shipped, "prod"),
    ):
        cost = bill(read_assembly(found).stage(stage), Usage()).monthly
        figures = f"| {' | '.join(f'{usd:.2f}' for usd in cost.ends)} |"
        line = re.compile(rf"^(\| {row}: [^|]*)\|.*$", re.M)
        expected, count = line.subn(rf"\g<1>{figures}", expected)
        assert count == 1, f"docs/deploy.md: a row {row}"
    if pytestconfig.getoption("--write-golden"):
        page.write_text(expected)
    else:
        assert quoted == expected


def test_a_stage_without_a_release_pays_for_no_endpoint(assembly: Path) -> None:
    empty = {line.stage for line in services(billed(assembly))} ^ {
        "dev",
        "prod",
        "demo",
    }
    assert empty == {"prod"}


def test_a_release_that_grows_across_a_fargate_size_changes_the_bill(
    assembly: Path, tmp_path: Path, make_manifest: ManifestFactory
) -> None:
    small = make_manifest()
    _, serving = small.measured()
    grown = replace(small, serving=replace(serving, memory_mib=1700))
    release(tmp_path / "releases", make_manifest())
    write_release(tmp_path / "releases", "dev", grown)
    after = synthesize(tmp_path / "cdk.out", tmp_path / "releases")
    (change,) = difference(billed(assembly), billed(after)).changes
    assert (change.kind, change.stack) == ("changed", "dev-endpoint-support-sentiment")
    assert change.monthly.minimum == pytest.approx(730 * SPOT * 0.004445)


def test_a_template_tells_which_release_it_runs_and_what_was_measured(
    assembly: Path, make_manifest: ManifestFactory
) -> None:
    made = make_manifest()
    found = {endpoint.name: endpoint for endpoint in billed(assembly).endpoints}
    endpoint = found["dev/support-sentiment"]
    told = endpoint.release
    assert (told.quality, told.serving) == made.measured()
    for name in ("version", "variant", "engine", "architecture"):
        assert getattr(told, name) == getattr(made, name)
    assert found["demo/gpu"].release.engine == "tf_serving"
    assert found["demo/gpu"].full_load is None  # it is no Fargate task
    floor = dollars_per_million(made.measured()[1], read_book("us-east-1"))
    assert endpoint.full_load == floor


def test_more_requests_expected_run_more_tasks_as_the_release_was_measured(
    assembly: Path,
) -> None:
    """dev scales from one task to two at 60 % of the 400 a second it was measured at."""
    read = read_assembly(assembly).stage("dev")
    costs = []
    for expected in (240, 241):
        usage = Usage(requests_per_second=Scale(1, expected, 500))
        (line,) = services(bill(read, usage))
        costs.append(line.monthly.expected)
    assert costs[1] == pytest.approx(2 * costs[0])


def test_a_bill_of_all_stages_and_a_diff_are_there_in_seconds(assembly: Path) -> None:
    """Seconds of CPU, for another may have the machine; docs/results.md has wall time."""
    for command, most in ((["bill"], 2.0), (["diff", str(assembly)], 3.0)):
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "costs", *command, str(assembly)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = getrusage(RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert used < most
