from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from costs.choosing.break_even import BreakEven, Point
from costs.choosing.picture import picture
from tests.costs.choosing.test_break_even import offer

FOUND = [
    Point(
        rate,
        {
            "always on": offer(10.0),
            "from zero": offer(rate / 10, "asynchronous", "callers wait"),
            "serverless": offer(rate, "serverless", "cold" if rate < 10 else None),
        },
    )
    for rate in (1.0, 10.0, 100.0)
]


@pytest.fixture(scope="module")
def drawn() -> list[ET.Element]:
    crossing = BreakEven(10**0.5, "serverless", "always on")
    return list(ET.fromstring(picture("Cost", 10.0, FOUND, [crossing])).iter())


def of(drawn: list[ET.Element], kind: str) -> list[ET.Element]:
    return [each for each in drawn if each.get("class", "").startswith(kind)]


def numbers(path: ET.Element) -> list[float]:
    return [float(each) for each in re.findall(r"[\d.]+", path.get("d", ""))]


def test_what_costs_more_is_drawn_higher(drawn: list[ET.Element]) -> None:
    _, _, *rest = of(drawn, "line")  # always on is level
    for path in rest:
        left, low, right, high = numbers(path)
        assert left < right
        assert low > high  # y grows downwards


def test_what_comes_too_late_is_dashed_and_named(drawn: list[ET.Element]) -> None:
    dashed = [each.get("class") == "line late" for each in of(drawn, "line")]
    assert dashed == [False, False, True, True, True, False]
    names = [each.text for each in drawn if each.text]
    assert "from zero, all too late" in names
    assert "serverless" in names


def test_the_traffic_that_was_asked_is_where_it_is(drawn: list[ET.Element]) -> None:
    (asked,) = of(drawn, "asked")
    always_on, *_ = of(drawn, "line")
    assert numbers(asked)[0] == numbers(always_on)[2]  # ends at 10 requests a second


def test_a_crossing_lies_on_its_line(drawn: list[ET.Element]) -> None:
    (circle,) = (each for each in drawn if each.tag.endswith("circle"))
    left, low, right, high = numbers(of(drawn, "line")[4])
    assert float(circle.get("cx", "")) == pytest.approx((left + right) / 2, abs=0.2)
    assert float(circle.get("cy", "")) == pytest.approx((low + high) / 2, abs=0.2)
    assert "3.16" in [each.text for each in drawn]
