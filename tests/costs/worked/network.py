"""Load balancers, gateways, endpoints and addresses."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.worked.subjects import Cases, always, one

ADDRESS = 730 * 0.005
TWO = ["subnet-a", "subnet-b"]
# One request a second of 1 KiB, answered by 1 KiB: GB an hour, and GB a month out.
GB_AN_HOUR = 2 * 3600 / 1024**2
GB_OUT = 730 * 3600 / 1024**2


def balanced(requests_per_second: float, unit: float, *, public: bool = False) -> float:
    """A load balancer of two zones that bytes fill most, at a price of its unit."""
    hourly = 0.0225 + requests_per_second * GB_AN_HOUR * unit + public * 2 * 0.005
    return 730 * hourly + public * requests_per_second * GB_OUT * 0.09


CASES: Cases = {
    "a public load balancer": (
        one("ElasticLoadBalancingV2::LoadBalancer", Subnets=TWO),
        Scale(*(balanced(rps, 0.008, public=True) for rps in (1, 10, 50))),
    ),
    "an internal load balancer": (
        one("ElasticLoadBalancingV2::LoadBalancer", Subnets=TWO, Scheme="internal"),
        Scale(*(balanced(rps, 0.008) for rps in (1, 10, 50))),
    ),
    "an internal network load balancer": (
        one(
            "ElasticLoadBalancingV2::LoadBalancer",
            SubnetMappings=[{"SubnetId": "a"}],
            Scheme="internal",
            Type="network",
        ),
        Scale(*(balanced(rps, 0.006) for rps in (1, 10, 50))),
    ),
    "a NAT gateway": (
        one("EC2::NatGateway"),
        Scale(*(730 * 0.045 + gb * 0.045 for gb in (10, 20, 50))),
    ),
    "an address": (one("EC2::EIP"), always(ADDRESS)),
    "a gateway endpoint": (one("EC2::VPCEndpoint"), always(0)),
    "an interface endpoint in two zones": (
        one("EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=TWO),
        Scale(2 * 7.3 + 0.1, 2 * 7.3 + 0.2, 2 * 7.3 + 0.5),
    ),
    "a flow log": (one("EC2::FlowLog"), Scale(0.5, 1.5, 5)),
    "a firewall of two rules": (
        one(
            "WAFv2::WebACL",
            Rules=[
                {
                    "Statement": {
                        "ManagedRuleGroupStatement": {
                            "Name": "AWSManagedRulesCommonRuleSet"
                        }
                    }
                },
                {"Statement": {"RateBasedStatement": {"Limit": 10_000}}},
            ],
        ),
        Scale(*(5 + 2 + rps * 730 * 3600 * 0.6e-6 for rps in (1, 10, 50))),
    ),
}
