"""Load balancers, gateways, endpoints and addresses."""

from __future__ import annotations

from costs.scale import Scale
from tests.costs.worked.subjects import Cases, both, one

ADDRESS = 730 * 0.005
TWO = ["subnet-a", "subnet-b"]
# 50 requests a second of 1 KiB, answered by 1 KiB: GB an hour, and GB a month out.
GB_AN_HOUR = 50 * 2 * 3600 / 1024**2
GB_OUT = 50 * 730 * 3600 / 1024**2

CASES: Cases = {
    "a public load balancer": (
        one("ElasticLoadBalancingV2::LoadBalancer", Subnets=TWO),
        Scale(
            730 * (0.0225 + 2 * 0.005 + GB_AN_HOUR / 50 * 0.008) + GB_OUT / 50 * 0.09,
            730 * (0.0225 + 2 * 0.005 + GB_AN_HOUR * 0.008) + GB_OUT * 0.09,
        ),
    ),
    "an internal load balancer": (
        one("ElasticLoadBalancingV2::LoadBalancer", Subnets=TWO, Scheme="internal"),
        Scale(
            730 * (0.0225 + GB_AN_HOUR / 50 * 0.008),
            730 * (0.0225 + GB_AN_HOUR * 0.008),
        ),
    ),
    "an internal network load balancer": (
        one(
            "ElasticLoadBalancingV2::LoadBalancer",
            SubnetMappings=[{"SubnetId": "a"}],
            Scheme="internal",
            Type="network",
        ),
        Scale(
            730 * (0.0225 + GB_AN_HOUR / 50 * 0.006),
            730 * (0.0225 + GB_AN_HOUR * 0.006),
        ),
    ),
    "a NAT gateway": (
        one("EC2::NatGateway"),
        Scale(730 * 0.045 + 10 * 0.045, 730 * 0.045 + 50 * 0.045),
    ),
    "an address": (one("EC2::EIP"), both(ADDRESS)),
    "a gateway endpoint": (one("EC2::VPCEndpoint"), both(0)),
    "an interface endpoint in two zones": (
        one("EC2::VPCEndpoint", VpcEndpointType="Interface", SubnetIds=TWO),
        Scale(2 * 7.3 + 0.1, 2 * 7.3 + 0.5),
    ),
    "a flow log": (one("EC2::FlowLog"), Scale(0.5, 5)),
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
        Scale(
            5 + 2 + 730 * 3600 * 0.6e-6,
            5 + 2 + 50 * 730 * 3600 * 0.6e-6,
        ),
    ),
}
