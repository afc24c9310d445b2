"""A decision report, as far as it fits a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# The figures that variants are compared by, as people call them.
NAMES = {"macro_f1": "macro-F1", "f1": "F1 of words"}


def decision(report: Mapping[str, Any]) -> str:
    """Return markdown of what model_build wrote as report.json."""
    verdict = "passed its gates" if report["passed"] else "**stopped by its gates**"
    lines = [f"### {report['name']} {report['version']} {verdict}", ""]
    for gate in report["gates"]:
        found = "not measured" if gate["found"] is None else f"{gate['found']:.4g}"
        lines.append(f"- {_mark(gate)} {gate['measure']} {found} ({gate['bound']})")
    lines += [
        "",
        f"| variant | {NAMES[report['measure']]} | of the baseline's | bytes | p50 ms | p99 ms | USD a million |",
        "| :-- | --: | --: | --: | --: | --: | --: |",
        *(_row(variant, report) for variant in report["variants"]),
        "",
        f"Brackets are 95 % intervals; measured on {report['conditions']['hardware']}.",
        *_energy(report),
    ]
    return "\n".join(lines)


def _energy(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line of what ships and of what it is compared with, if both are known."""
    variants = {each["name"]: each for each in report["variants"]}
    found = [variants[report[name]].get("energy") for name in ("release", "baseline")]
    ships, baseline = (
        each and f"{each['kwh']:.2g} kWh and {each['grams_co2e']:.2g} g CO2e"
        for each in found
    )
    if ships and baseline:
        yield f"A million predictions draw an estimated {ships}; the baseline's {baseline}."


def _mark(gate: Mapping[str, Any]) -> str:
    if gate["passed"]:
        return "ok"
    if gate.get("needs") is None:
        return "**FAIL**"
    return f"**FAIL, {gate['outcome']}: needs n >= {gate['needs']:,}:**"


def _row(variant: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    quality, served = variant["quality"], variant["serving"] or {}
    name = variant["name"]
    if name == report["release"]:
        name = f"**{name}** (ships)"
    figure = quality["figures"][report["measure"]]
    own = figure["own"]
    cells = [
        name,
        f"{own['value']:.1%} [{own['low']:.1%}, {own['high']:.1%}]",
        f"{figure['retained']['value']:.1%}",
        f"{variant['bytes'] / 1e6:.1f} MB",
        *(_figure(served.get(each), ".2f") for each in ("p50_ms", "p99_ms")),
        _figure(variant["dollars_per_million"], ".3f"),
    ]
    return f"| {' | '.join(cells)} |"


def _figure(value: float | None, form: str) -> str:
    return "not measured" if value is None else format(value, form)
