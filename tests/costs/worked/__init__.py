"""Prices worked out by hand: dollars a month at minimum and at maximum scale."""

from __future__ import annotations

from tests.costs.worked import compute, insights, network, observability, storage
from tests.costs.worked.subjects import Cases

CASES: Cases = {
    **compute.CASES,
    **insights.CASES,
    **network.CASES,
    **observability.CASES,
    **storage.CASES,
}
