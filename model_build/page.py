"""report.html: the decision report as a page that opens anywhere, without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from costs.energy import METHOD
from model_build import charts
from model_build.bounds import figure
from model_build.gates import explain
from model_build.report import PassEffect, Report, VariantReport
from model_build.statistics import Interval

FINDINGS = 12  # of a variant that are shown; the worst
NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro-F1",
    "exact_match": "exact match",
    "f1": "F1 of words",
}


def render(report: Report) -> str:
    """Return the whole page: no script, no font, no image from elsewhere."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    shown = dict.fromkeys((report.baseline, report.release))
    return environment.get_template("report.html.j2").render(
        report=report,
        panels=charts.panels(report),
        waterfall=charts.waterfall(report),
        reliability=[
            charts.reliability(name, found)
            for name in shown
            if (found := report.variant(name).calibration)
        ],
        search=charts.search(report),
        FINDINGS=FINDINGS,
        energy_method=METHOD,
    )


def _interval(found: Interval) -> str:
    return f"{100 * found.value:.1f} % [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _points(found: Interval) -> str:
    return (
        f"{100 * found.value:+.2f} points "
        f"[{100 * found.low:+.2f}, {100 * found.high:+.2f}]"
    )


def _ratio_interval(found: Interval) -> str:
    return f"{found.value:.2f} x [{found.low:.2f}, {found.high:.2f}]"


def _size(count: float) -> str:
    return f"{count / 1e6:.1f} MB"


def _said(effect: PassEffect, variant: VariantReport) -> str:
    """What may be claimed of a pass."""
    change = [*effect.difference.values()][-1]
    claims = []
    if change.low > 0:
        claims.append("better")
    if change.high < 0:
        claims.append("worse")
    if effect.faster:
        claims.append("faster")
    elif effect.p50_speedup and effect.p50_speedup.high < 1:
        claims.append("slower")
    if effect.bytes_ratio < 1:
        claims.append("smaller")
    elif variant.sparse and effect.compressed_ratio < 1:
        claims.append("smaller only once compressed")
    return ", ".join(claims) or "no difference shown"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "percent": lambda x: f"{100 * x:.1f} %",
    "interval": _interval,
    "points": _points,
    "ratio_interval": _ratio_interval,
    "size": _size,
    "count": lambda x: f"{x:,}".replace(",", " "),
    "figure": figure,
    "named": lambda figure: NAMES[figure],
    "explained": explain,
    "said": _said,
    "p": lambda p: "< 0.001" if p < 0.001 else f"{p:.3f}",
}
