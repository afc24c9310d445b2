"""What the released chain of passes gives when it is trained again with other seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model_build.gates import Found, find_difference, find_figure
from model_build.statistics import Compared, PairedComparison, over_seeds


@dataclass(frozen=True)
class Repeated:
    """One recipe after the same baseline, over several seeds, on the same examples."""

    seeds: Sequence[int]  # the released one first
    each: Sequence[Mapping[str, Compared]]  # figures, seed by seed
    figures: Mapping[str, Compared]  # their means; intervals are of examples and seeds
    examples: int

    def find(self, measure: str) -> Found | None:
        return find_figure(self.figures, measure, self.examples)

    def difference(self, measure: str) -> Found | None:
        return find_difference(self.figures, measure, self.examples)


def repeat(
    seeds: Sequence[int], compared: Sequence[PairedComparison], examples: int
) -> Repeated:
    """Gather what each seed's model gave, all compared with one baseline."""
    each = [comparison.figures for comparison in compared]
    return Repeated(
        seeds,
        each,
        {
            name: Compared(
                own=over_seeds([figures[name].own for figures in each]),
                retained=over_seeds([figures[name].retained for figures in each]),
                difference=over_seeds([figures[name].difference for figures in each]),
            )
            for name in each[0]
        },
        examples,
    )
