"""What a run measured against what was promised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Promise:
    """One figure and its bound, which may be reached."""

    name: str
    measured: float
    is_at: Literal["least", "most"]
    bound: float
    unit: str = ""

    @property
    def is_kept(self) -> bool:
        if self.is_at == "least":
            return self.measured >= self.bound
        return self.measured <= self.bound

    def line(self) -> str:
        verdict = "kept" if self.is_kept else "BROKEN"
        measured = f"{self.measured:.6g} {self.unit}".strip()
        bound = f"at {self.is_at} {self.bound:.6g}"
        return f"{self.name:44}{measured:>16}   {bound:<18}{verdict}"


def at_least(name: str, measured: float, bound: float, unit: str = "") -> Promise:
    return Promise(name, measured, "least", bound, unit)


def at_most(name: str, measured: float, bound: float, unit: str = "") -> Promise:
    return Promise(name, measured, "most", bound, unit)


def none(name: str, measured: int) -> Promise:
    return Promise(name, measured, "most", 0)


def table(promises: Sequence[Promise]) -> str:
    return "\n".join(promise.line() for promise in promises)
