"""What the load balancer before a service costs, by the rules of the bill."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from costs.assembly import Assembly, Stack
from costs.bill import bill
from costs.book import PRICES
from costs.scale import Scale
from costs.template import Template, Unknown
from costs.usage import Usage

_BALANCER = {
    "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "Properties": {"Scheme": "internal", "Subnets": ["a", "b"]},
}


@cache
def door(
    region: str, usage: Usage, requests_per_second: float, prices: Path = PRICES
) -> float:
    """Return USD a month of an internal load balancer at that rate on average.

    Raises PriceError where the region's book lacks a price.
    """
    body = {"Resources": {"Door": _BALANCER}}
    template = Template("door", region, body, lambda name: Unknown(name))
    assembly = Assembly(Path(), (Stack("door", "", template, {}),))
    asked = replace(usage, requests_per_second=Scale.always(requests_per_second))
    return bill(assembly, asked, prices=prices).monthly.expected
