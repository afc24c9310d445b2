"""A figure at the smallest, the expected and the largest scale of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

ENDS = ("minimum", "expected", "maximum")


@dataclass(frozen=True)
class Scale:
    """The two ends between which the real figure lies, and where it is expected."""

    minimum: float
    expected: float
    maximum: float

    @staticmethod
    def always(value: float) -> Scale:
        """Return a figure that does not move with the number of running tasks."""
        return Scale(value, value, value)

    @staticmethod
    def total(figures: Iterable[Scale]) -> Scale:
        return sum(figures, Scale.always(0.0))

    @staticmethod
    def of(function: Callable[..., float], *figures: Scale) -> Scale:
        """Return what a function of some figures is at each scale."""
        return Scale(*map(function, *(figure.ends for figure in figures)))

    @property
    def ends(self) -> tuple[float, float, float]:
        return self.minimum, self.expected, self.maximum

    def __add__(self, other: Scale) -> Scale:
        return Scale.of(lambda one, two: one + two, self, other)

    def __sub__(self, other: Scale) -> Scale:
        return Scale.of(lambda one, two: one - two, self, other)

    def __mul__(self, other: Scale | float) -> Scale:
        by = other if isinstance(other, Scale) else Scale.always(other)
        return Scale.of(lambda one, two: one * two, self, by)

    @property
    def largest(self) -> float:
        return max(self.ends)


def number(figure: float) -> str:
    """Return all digits of what is 100 or more, three significant ones of the rest."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def spread(figure: Scale) -> str:
    """Return "1 / 2 / 4", or one figure where all are the same."""
    numbers = [number(value) for value in figure.ends]
    return numbers[0] if len(set(numbers)) == 1 else " / ".join(numbers)


def counted(count: Scale | int, noun: str) -> str:
    """Return "1 task", "2 tasks" or "1 to 4 tasks (2 expected)"."""
    scale = count if isinstance(count, Scale) else Scale.always(count)
    low, middle, high = (number(value) for value in scale.ends)
    if low == high:
        return f"{low} {noun}{'' if low == '1' else 's'}"
    return f"{low} to {high} {noun}s ({middle} expected)"
