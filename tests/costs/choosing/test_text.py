"""What a choice of a few made-up offers says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from costs.choosing.break_even import BreakEven, Point, Sensitivity
from costs.choosing.choice import Choice, Offer
from costs.choosing.hardware import Unfit
from costs.choosing.processors import FARGATE
from costs.choosing.text import Answer, answer_json, answer_markdown, answer_text
from costs.choosing.traffic import shape
from tests.costs.choosing.conftest import asked

TASK = "Fargate ARM 1 vCPU 2 GB"


def offer(monthly: float, machine: str = TASK, **changes: Any) -> Offer:
    made = Offer("real-time", "int8", machine, "1 machine", monthly, 20.0, None)
    return replace(made, **changes)


def late(monthly: float, machine: str, **changes: Any) -> Offer:
    return offer(monthly, machine, reason="too slow", **changes)


def answered(*offers: Offer, others: tuple[Offer, ...] = (), **changes: Any) -> Answer:
    """10 requests a second are 26.28 million a month; more of them by day."""
    question = asked(profile=shape("day-night").at(10))
    unfit = (Unfit("inf2", "no backend"),)
    points = tuple(
        Point(rate, {"always on": offer(cost), "from zero": offer(cost / 2)})
        for rate, cost in ((0.01, 30.0), (100.0, 300.0))
    )
    values: dict[str, Any] = {
        "model": "sentiment",
        "choice": Choice(question, offers, others, unfit),
        "points": points,
        "break_evens": (),
        "sensitivities": (),
        **changes,
    }
    return Answer(**values)


def said(answer: Answer) -> list[str]:
    return [line.strip() for line in answer_text(answer).splitlines()]


def test_the_question_and_the_cheapest_stand_first() -> None:
    lines = said(answered(offer(52.56, notes=("one more",))))
    assert lines[0].startswith(
        "sentiment at 10 requests a second (day-night), p99 <= 100"
    )
    assert lines[2:4] == [
        f"Cheapest: real-time, {TASK}, int8, 1 machine: 52.56 USD a month.",
        "(one more)",
    ]
    (row,) = (line for line in lines if line.startswith(f"real-time, {TASK}, int8: 1"))
    assert row.split()[-3:] == ["52.56", "2.00", "20"]


def test_six_offers_have_rows_and_the_rest_say_what_they_cost() -> None:
    offers = [offer(float(usd), f"c7i.{usd}") for usd in range(1, 9)]
    text = answer_text(answered(*offers))
    above, _, below = text.partition("Why not the others:")
    assert [f"c7i.{usd}," in above for usd in range(1, 9)] == [True] * 6 + [False] * 2
    assert "c7i.7, int8: dearer, 7.00" in below
    assert "c7i.8, int8: dearer, 8.00" in below


def test_who_comes_near_is_the_cheapest_that_answers_at_once() -> None:
    queue = late(1.0, "queue", mode="asynchronous")
    lines = said(answered(others=(late(9.0, "large"), late(5.0, "small"), queue)))
    assert lines[2] == "Nothing keeps that."
    assert lines[3] == "The cheapest that comes near: real-time, small, int8: too slow."


def test_those_of_one_reason_share_a_line() -> None:
    many = tuple(late(float(n), f"m{n}") for n in range(6))
    bound = replace(late(7.0, "m7"), reason="dearer", simulated=False)
    lines = said(answered(others=(*many, bound)))
    (shared,) = (line for line in lines if line.endswith(": too slow"))
    assert shared.endswith("real-time, m3, int8 and 2 more: too slow")
    assert "real-time, m7, int8 (at least 7.00): dearer" in lines
    assert "inf2: no backend" in lines


def test_a_break_even_says_what_is_cheaper_above_it() -> None:
    crossing = BreakEven(12.0, "always on", "serverless")
    lines = said(answered(offer(1.0), break_evens=(crossing,)))
    assert "above 12 requests a second always on is cheaper than serverless" in lines


def test_without_a_break_even_the_cheapest_kind_stays_so() -> None:
    (line,) = (
        line for line in said(answered(offer(1.0))) if line.startswith("none from")
    )
    assert line == (
        "none from 0.01 to 100 requests a second: from zero stays the cheapest"
    )


def test_a_sensitivity_says_whether_the_choice_stays() -> None:
    lines = said(
        answered(
            offer(10.0),
            sensitivities=(
                Sensitivity("price", -0.2, offer(8.0)),
                Sensitivity("traffic", 0.2, offer(12.0, "c7i.large")),
                Sensitivity("service time", 0.2, None),
                Sensitivity("processors", None, offer(7.0)),
            ),
        )
    )
    assert "price -20 %: the same, 1 machine, 8.00" in lines
    assert "traffic +20 %: real-time, c7i.large, int8, 1 machine, 12.00" in lines
    assert "service time +20 %: nothing keeps it" in lines
    assert "processors as expected: the same, 1 machine, 7.00" in lines


def test_an_answer_rests_on_the_speeds_of_what_it_shows() -> None:
    lines = said(answered(offer(1.0), offer(2.0, "Lambda x86 885 MB")))
    speeds = [line for line in lines if line.startswith("a vCPU of")]
    assert [line.split(" is ")[0] for line in speeds] == [
        "a vCPU of Fargate ARM",
        "a vCPU of Lambda",
    ]
    assert f"holds at {FARGATE['ARM'].low:g}: " in speeds[0]


def test_prices_are_those_of_what_was_offered_from_the_oldest_on() -> None:
    answer = answered(offer(1.0))
    (line,) = (line for line in said(answer) if line.startswith("prices of"))
    _, _, dates = line.partition("read ")
    first, _, last = dates.partition(" to ")
    assert first <= last
    book = answer.choice.question.book
    (queue,) = (p for p in book.prices if p.item == "standard requests")
    assert first <= queue.as_of <= last


@pytest.mark.parametrize("form", [answer_text, answer_markdown, answer_json])
def test_warns_of_prices_that_were_read_long_ago(form: Callable[[Answer], str]) -> None:
    new, old = (answered(offer(1.0), today=date(year, 8, 1)) for year in (2024, 2028))
    assert "STALE" not in form(new)
    assert "python -m costs refresh" in form(old)


def test_machines_read_the_same() -> None:
    refused = offer(3.0, "c7i.large", p99_ms=float("inf"))
    record = json.loads(answer_json(answered(offer(1.0), offer(2.0), refused)))
    assert [each["monthly"] for each in record["offers"]] == [1, 2, 3]
    assert [each["p99_ms"] for each in record["offers"]] == [20, 20, None]
    assert record["objective"]["requests_per_second"] == pytest.approx(10)
    assert record["cost_by_traffic"][1] == {
        "requests_per_second": 100,
        "monthly_usd": {"always on": 300, "from zero": 150},
    }
