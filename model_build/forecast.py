"""A plan beside what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from model_build.plan import VariantPlan
from model_build.steps import Took

if TYPE_CHECKING:
    from model_build.report import VariantReport


@dataclass(frozen=True)
class Forecast:
    """One variant as it was planned, and as it became; None where nobody measured."""

    variant: str
    parameters: tuple[int, int]  # planned, found
    bytes: tuple[int, int]  # of the LiteRT file
    minutes: tuple[float | None, float | None]  # of its pass
    training_mib: tuple[float | None, float | None]
    p50_ms: tuple[float, float | None] | None = None  # of a request alone
    memory_mib: tuple[float, float | None] | None = None  # of its server
    dollars_per_million: tuple[float, float | None] | None = None


def forecast(
    planned: VariantPlan, became: VariantReport, file_bytes: int, took: Took | None
) -> Forecast:
    """Compare a variant's plan to its report, its LiteRT file and what its pass took."""
    trained = took if planned.training_mib is not None else None
    will, served = planned.serving, became.serving
    return Forecast(
        variant=planned.name,
        parameters=(planned.parameters, became.parameters),
        bytes=(planned.file_bytes, file_bytes),
        minutes=(planned.minutes, took.seconds / 60 if took else None),
        training_mib=(planned.training_mib, trained.peak_mib if trained else None),
        p50_ms=(will.p50_ms.middle, served.p50_ms if served else None),
        memory_mib=(
            will.memory_mib.middle,
            float(served.memory_mib) if served else None,
        ),
        dollars_per_million=(
            will.dollars_per_million.middle,
            became.dollars_per_million,
        ),
    )
