"""What `costs choose` finds, beside an oracle that tries everything: the written result."""

from __future__ import annotations

import json
from dataclasses import asdict

from bench.choosing import REGRET, RESULT, Outcome, judged

WORKLOADS = [Outcome(**row) for row in json.loads(RESULT.read_text())]


def test_no_choice_of_fifty_breaks_its_objective() -> None:
    assert len(WORKLOADS) >= 50
    assert [o.seed for o in WORKLOADS if o.violated] == []


def test_no_choice_is_a_tenth_dearer_than_the_best() -> None:
    assert [o.seed for o in WORKLOADS if o.regret > REGRET] == []


def test_the_result_is_that_of_the_code_as_it_is() -> None:
    """Of the workload that is judged fastest; what has changed says --write."""
    written = min(WORKLOADS, key=lambda outcome: outcome.seconds)
    again = judged(written.seed)
    assert again is not None
    assert {**asdict(again), "seconds": 0} == {**asdict(written), "seconds": 0}
