"""What a gate may bound: each measure, what it is of, and what its bound can mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Measure = Literal[
    "accuracy",
    "accuracy_retained",
    "macro_f1",
    "macro_f1_retained",
    "exact_match",
    "exact_match_retained",
    "f1",
    "f1_retained",
    "agreement",
    "bytes",
    "bytes_ratio",
    "parameters",
    "p50_ms",
    "p99_ms",
    "p50_speedup",
    "requests_per_second",
    "memory_mib",
    "dollars_per_million",
]
Side = Literal["at_least", "at_most"]


@dataclass(frozen=True)
class Limit:
    """The side on which a measure is bounded, and the most that a bound can mean."""

    side: Side
    most: float
    unit: str


# A share above 1 is possible of what is retained: a student may beat its teacher. A
# bound of 97 is a percentage by mistake.
_RETAINED = Limit("at_least", 1.5, "share of the baseline's")
MEASURES: Mapping[Measure, Limit] = {
    "accuracy": Limit("at_least", 1.0, "share of test examples"),
    "accuracy_retained": _RETAINED,
    "macro_f1": Limit("at_least", 1.0, "share, the mean over labels"),
    "macro_f1_retained": _RETAINED,
    "exact_match": Limit("at_least", 1.0, "share of questions"),
    "exact_match_retained": _RETAINED,
    "f1": Limit("at_least", 1.0, "share of an answer's words, the mean over questions"),
    "f1_retained": _RETAINED,
    "agreement": Limit("at_least", 1.0, "share of answers that are the baseline's"),
    "bytes": Limit("at_most", 1e12, "bytes of the model file"),
    "bytes_ratio": Limit("at_most", 1.5, "share of the baseline's bytes"),
    "parameters": Limit("at_most", 1e12, "parameters"),
    "p50_ms": Limit("at_most", 1e6, "milliseconds"),
    "p99_ms": Limit("at_most", 1e6, "milliseconds"),
    "p50_speedup": Limit("at_least", 1e3, "times: the baseline's p50 over its own"),
    "requests_per_second": Limit("at_least", 1e6, "requests a second"),
    "memory_mib": Limit("at_most", 1e6, "MiB"),
    "dollars_per_million": Limit("at_most", 1e6, "dollars a million predictions"),
}
# What is judged of a task; the last decides: variants are compared by it.
FIGURES: Mapping[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "question-answering": ("exact_match", "f1"),
}
JUDGED = tuple(figure for each in FIGURES.values() for figure in each)
SEEDS = 20  # trainings of a released chain, at most


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bound on one measurement of the released variant, which may not be missing.

    `margin` asks for non-inferiority: the whole 95 % interval of the figure less the
    baseline's, on the same examples, is above -margin. `at_least` and `at_most` bound
    the estimate; with `interval`, its whole 95 % interval. `seeds` repeats the passes
    after the baseline with other seeds: the gate then also holds for their mean.
    """

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None
    margin: Annotated[float, Meta(gt=0, lt=1)] | None = None
    interval: bool = False
    seeds: Annotated[int, Meta(ge=1, le=SEEDS)] = 1

    def __post_init__(self) -> None:
        if why := self._wrong_bound() or self._wrong_evidence():
            raise ValueError(f"gate {self.measure}: {why}")

    def _wrong_bound(self) -> str | None:
        limit = MEASURES[self.measure]
        wrong: Side = "at_most" if limit.side == "at_least" else "at_least"
        asked = "at_least or margin" if self.measure in JUDGED else limit.side
        if (bound := getattr(self, wrong)) is not None:
            better = "more" if limit.side == "at_least" else "less"
            return f"{wrong}: {bound:g}: {better} of it is better: give {asked}"
        if self.margin is not None and self.measure not in JUDGED:
            return (
                f"margin: {self.margin:g}: only {', '.join(JUDGED)} are compared with "
                f"the baseline's: give {asked}"
            )
        bound = getattr(self, limit.side)
        if (bound is None) == (self.margin is None):
            return f"give {asked}" + (", not both" if self.margin is not None else "")
        return None if bound is None else _out_of_range(bound, limit)

    def _wrong_evidence(self) -> str | None:
        kept = self.measure.removesuffix("_retained")
        if self.seeds > 1 and kept not in JUDGED:
            return f"seeds: {self.seeds}: speed and size are not measured for each seed"
        if self.interval and kept not in (*JUDGED, "agreement", "p50_speedup"):
            return "interval: true: it is measured without one"
        return None


def _out_of_range(bound: float, limit: Limit) -> str | None:
    # A bound of 0 that is `at_least` lets everything ship, and says so; NaN is no bound.
    low = bound >= 0 if limit.side == "at_least" else bound > 0
    if low and bound <= limit.most:
        return None
    least = "from 0" if limit.side == "at_least" else "above 0 and up"
    return f"{limit.side}: {bound:g} is not {least} to {limit.most:g} ({limit.unit})"


def figure(value: float, digits: int = 4) -> str:
    """Write a number as people read it: 0.985, 6.157, 11,811,872."""
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.{digits}g}"
