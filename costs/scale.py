"""A figure at the smallest and at the largest that a deployment may scale to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """The two ends between which the real figure lies."""

    minimum: float
    maximum: float

    @staticmethod
    def always(value: float) -> Scale:
        """Return a figure that does not move with the number of running tasks."""
        return Scale(value, value)

    @staticmethod
    def total(figures: Iterable[Scale]) -> Scale:
        return sum(figures, Scale(0.0, 0.0))

    def __add__(self, other: Scale) -> Scale:
        return Scale(self.minimum + other.minimum, self.maximum + other.maximum)

    def __sub__(self, other: Scale) -> Scale:
        return Scale(self.minimum - other.minimum, self.maximum - other.maximum)

    def __mul__(self, other: Scale | float) -> Scale:
        by = other if isinstance(other, Scale) else Scale.always(other)
        return Scale(self.minimum * by.minimum, self.maximum * by.maximum)


def number(figure: float) -> str:
    """Return all digits of what is 100 or more, three significant ones of the rest."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"


def spread(figure: Scale) -> str:
    """Return "1 to 4", or one figure where both ends are the same."""
    return " to ".join(dict.fromkeys((number(figure.minimum), number(figure.maximum))))


def counted(count: Scale | int, noun: str) -> str:
    """Return "1 task", "2 tasks" or "1 to 4 tasks"."""
    text = spread(count if isinstance(count, Scale) else Scale.always(count))
    return f"{text} {noun}{'' if text == '1' else 's'}"
