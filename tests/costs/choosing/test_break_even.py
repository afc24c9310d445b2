from __future__ import annotations

import math

import pytest

from costs.choosing import break_even
from costs.choosing.break_even import BreakEven, Point, break_evens, points
from costs.choosing.choice import Choice, Mode, Offer, Question
from tests.costs.choosing.conftest import asked


def offer(monthly: float, mode: Mode = "real-time", reason: str | None = None) -> Offer:
    return Offer(mode, "int8", "a machine", "1 machine", monthly, 20.0, reason)


def point(rate: float, **monthly: float) -> Point:
    """What kinds cost at a rate; `always_on` is "always on"."""
    offers = {kind.replace("_", " "): offer(usd) for kind, usd in monthly.items()}
    return Point(rate, offers)


def test_lines_cross_where_both_cost_the_same() -> None:
    """Serverless costs a dollar a request a second, always on ten: on straight lines."""
    rates = (1.0, 3.0, 30.0, 100.0)
    found = [point(rate, always_on=10.0, serverless=rate) for rate in rates]
    (crossing,) = break_evens(found)
    assert crossing.requests_per_second == pytest.approx(10)
    assert (crossing.cheaper, crossing.dearer) == ("always on", "serverless")


def test_a_line_that_falls_below_another_is_the_cheaper_one_from_there() -> None:
    found = [
        point(1.0, always_on=4.0, from_zero=1.0),
        point(100.0, always_on=4.0, from_zero=64.0),
        point(10_000.0, always_on=4.0, from_zero=0.25),
    ]
    first, second = break_evens(found)
    assert first == BreakEven(pytest.approx(100 ** (1 / 3)), "always on", "from zero")
    assert second.requests_per_second == pytest.approx(math.exp(math.log(100) * 1.5))
    assert (second.cheaper, second.dearer) == ("from zero", "always on")


def test_crossings_of_all_kinds_come_by_their_traffic() -> None:
    found = [
        point(rate, always_on=10.0, from_zero=rate / 5, serverless=rate)
        for rate in (1.0, 20.0, 400.0)
    ]
    rates = [each.requests_per_second for each in break_evens(found)]
    assert rates == sorted(rates)
    assert len(rates) == 2


def test_a_kind_that_is_not_sold_somewhere_crosses_nothing_there() -> None:
    found = [point(1.0, serverless=1.0), point(9.0, always_on=1.0, serverless=9.0)]
    assert break_evens(found) == ()


def test_a_kind_costs_what_its_cheapest_does_though_callers_of_a_queue_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real-time is left out where nothing keeps the time; the rest is shown dashed."""
    others = (
        offer(1.0, reason="too slow"),
        offer(3.0, "asynchronous", "callers wait"),
        offer(2.0, "asynchronous", "callers wait"),
    )

    def chosen(question: Question, runners_up: int = 0) -> Choice:
        offers = (offer(7.0, "serverless"), offer(6.0, "serverless"))
        return Choice(question, offers, others, ())

    monkeypatch.setattr(break_even, "choose", chosen)
    first, *rest = points(asked(50))
    assert {kind: each.monthly for kind, each in first.offers.items()} == {
        "from zero": 2.0,
        "serverless": 6.0,
    }
    assert first.requests_per_second == pytest.approx(0.05)
    assert rest[-1].requests_per_second == pytest.approx(500)
