"""Arithmetic as a person writes it: numbers, what they count, and what comes out.

"2 tasks x 0.5 vCPU x 730 h x $0.04048 = 29.55": words are for the reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = re.compile(r"[A-Za-z][A-Za-z-]*|\$")
_LEFT = re.compile(r"[\d.+*/() -]+")


@dataclass(frozen=True)
class Sum:
    """One line of arithmetic; `left` is what it gives, `right` what it says it gives."""

    left: float
    right: float
    price: float  # the figure behind the dollar sign


def worked(text: str) -> Sum:
    """Read a line. ValueError for one that is not of that form."""
    left, equals, right = text.partition(" = ")
    prices = re.findall(r"\$([\d.]+)", left)
    plain = _WORDS.sub("", left.replace(",", "").replace(" x ", " * "))
    if not equals or len(prices) != 1 or not _LEFT.fullmatch(plain):
        raise ValueError(f"{text!r} is no sum with one price")
    found = float(eval(plain))  # of figures and signs alone: see _LEFT
    return Sum(found, float(right.replace(",", "")), float(prices[0]))
