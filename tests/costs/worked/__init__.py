"""Prices worked out by hand: dollars a month at minimum and at maximum scale."""

from __future__ import annotations

from tests.costs.worked import (
    builds,
    compute,
    functions,
    insights,
    instances,
    jobs,
    network,
    observability,
    storage,
)
from tests.costs.worked.subjects import Cases

CASES: Cases = {
    **builds.CASES,
    **compute.CASES,
    **functions.CASES,
    **insights.CASES,
    **instances.CASES,
    **jobs.CASES,
    **network.CASES,
    **observability.CASES,
    **storage.CASES,
}
