from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from costs.options import Option, options
from costs.options_text import options_json, options_markdown, options_text
from costs.scale import Scale
from costs.usage import Usage
from tests.costs.conftest import MatchesGolden

FOUND = options("us-east-1", Usage())
BY_NAME = {(option.group, option.name): option for option in FOUND}


def named(name: str) -> Option:
    (option,) = (option for option in FOUND if option.name.startswith(name))
    return option


def test_text_is_the_reviewed_one(matches_golden: MatchesGolden) -> None:
    matches_golden(options_text(FOUND, "us-east-1"), "options.txt")


def test_what_the_documentation_says_is_what_the_command_says(
    matches_golden: MatchesGolden,
) -> None:
    docs = Path(__file__).parents[2] / "docs"
    matches_golden(options_markdown(FOUND, "us-east-1"), "idle.md", docs)


def test_json_has_every_option_and_its_sources() -> None:
    record = json.loads(options_json(FOUND, "us-east-1"))
    assert len(record["options"]) == len(FOUND) == len(BY_NAME)
    for option in record["options"]:
        assert option["sources"] or option["monthly_usd"] == 0


@pytest.mark.parametrize(
    ("name", "usd", "spot"),
    [
        ("private-nat, one NAT gateway", 730 * (0.045 + 0.005), None),
        ("private-endpoints, 3 zones, with a pool of", 730 * 7 * 3 * 0.01, None),
        ("internet-facing, 2 zones", 730 * (0.0225 + 2 * 0.005), None),
        ("0.25 vCPU, 0.5 GB, ARM", 7.21, 7.21 * 0.32),
        ("g5.xlarge", 730 * 1.006 + 60 * 0.08, 730 * 0.436 + 60 * 0.08),
        ("p4d.24xlarge", 730 * 21.957642 + 60 * 0.08, None),
    ],
)
def test_costs_what_was_worked_out_by_hand(
    name: str, usd: float, spot: float | None
) -> None:
    option = named(name)
    assert option.monthly == pytest.approx(usd, abs=0.005)
    assert option.spot == (None if spot is None else pytest.approx(spot, abs=0.005))


def test_traffic_changes_nothing_for_nobody_calls() -> None:
    busy = replace(
        Usage(), requests_per_second=Scale(100, 200, 1000), nat_gb=Scale(5, 10, 50)
    )
    assert options("us-east-1", busy) == FOUND


def test_an_option_costs_what_it_does_at_its_smallest() -> None:
    watched = replace(Usage(), insights_metrics_per_cluster=Scale(11, 20, 99))
    assert options("us-east-1", watched) == FOUND


def test_an_assumption_of_the_reader_replaces_ours() -> None:
    dear = options("us-east-1", replace(Usage(), spot_discount=Scale.always(0.5)))
    (task,) = (option for option in dear if option.name == "1 vCPU, 2 GB, x86")
    assert task.spot == pytest.approx(task.monthly / 2)
