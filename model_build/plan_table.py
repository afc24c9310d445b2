"""A plan as lines for a terminal."""

from __future__ import annotations

from model_build.bounds import figure
from model_build.plan import Plan, VariantPlan
from model_build.serving_plan import CostPlan, Range

COLUMNS: tuple[str, ...] = (
    "variant",
    "by",
    "parameters",
    "file MB",
    "MFLOP/token",
    "GFLOP/request",
    "peak MiB",
    "minutes",
    "p50 ms",
    "served MiB",
    "$/million",
)


def shown(plan: Plan) -> str:
    """Return the plan as lines for a terminal."""
    rows = [COLUMNS, *map(_row, plan.variants)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    total = "not known" if plan.minutes is None else f"{plan.minutes:.0f} min"
    lines += [
        f"{plan.tokens_per_request:.1f} tokens a request, from {plan.lengths_from}",
        f"the whole build: {total} on {plan.hardware}, peak {plan.peak_mib:.0f} MiB",
    ]
    if (search := plan.search) is not None:
        least, most = search.file_bytes
        lines.append(
            f"search: {search.trials} of {search.candidates} points, "
            f"{search.finalists} finalists; {least / 1e6:.1f} to {most / 1e6:.1f} MB"
        )
    if plan.cost is not None:
        lines += _cost_lines(plan.cost)
    for bound in plan.bounds:
        verdict = "ok  " if bound.kept else "MISS"
        lines.append(
            f"  {verdict} {bound.measure} {figure(bound.planned)} ({bound.bound})"
        )
    return "\n".join(lines)


def _cost_lines(cost: CostPlan) -> list[str]:
    demand = cost.demand
    asked = f"{demand.requests_per_second:g} requests a second in {demand.p99_ms:g} ms"
    if cost.monthly is None:
        return [f"  MISS {asked}: nothing keeps that, however fast it turns out"]
    low, high = cost.monthly
    bound = "" if demand.budget is None else f" (at most {demand.budget:g})"
    verdict = "ok  " if cost.is_kept else "MISS"
    return [
        f"  {verdict} USD a month for {asked}: {low:.2f} to {high:.2f}{bound}",
        f"       if fast: {cost.machines[0]}; if slow: {cost.machines[1]}",
    ]


def _between(found: Range, digits: int) -> str:
    return f"{found.low:.{digits}f}-{found.high:.{digits}f}"


def _row(variant: VariantPlan) -> tuple[str, ...]:
    serving = variant.serving
    return (
        variant.name,
        variant.made_by,
        f"{variant.parameters:,}",
        f"{variant.file_bytes / 1e6:.1f}",
        f"{variant.flops_per_token / 1e6:.1f}",
        f"{variant.flops_per_request / 1e9:.3f}",
        "" if variant.training_mib is None else f"{variant.training_mib:.0f}",
        "?" if variant.minutes is None else f"{variant.minutes:.1f}",
        _between(serving.p50_ms, 1),
        _between(serving.memory_mib, 0),
        _between(serving.dollars_per_million, 3),
    )
