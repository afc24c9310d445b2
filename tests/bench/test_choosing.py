"""What the oracle found of `costs choose` is committed; one of it is found again here."""

from __future__ import annotations

import json

import pytest

from bench.choosing import REGRET, RESULT, Outcome, judged, summary
from costs.choosing.objective import LATE

FOUND = [Outcome(**row) for row in json.loads(RESULT.read_text(encoding="utf-8"))]


def test_no_choice_is_a_tenth_dearer_than_the_best() -> None:
    assert len(FOUND) >= 50
    assert max(outcome.regret for outcome in FOUND) <= REGRET


def test_every_choice_keeps_its_time_in_the_oracles_simulation() -> None:
    assert all(outcome.late <= LATE for outcome in FOUND)


def test_the_committed_result_is_of_this_code() -> None:
    """The quickest workload again: red if the choice or the simulation has changed."""
    first = min(FOUND, key=lambda outcome: outcome.seconds)
    again = judged(first.seed)
    assert again is not None
    assert again.chosen == first.chosen
    assert again.late == pytest.approx(first.late)


def test_the_summary_says_what_was_asked() -> None:
    assert f"{len(FOUND)} workloads: regret at most" in summary(FOUND)
    assert "0 violations" in summary(FOUND)
