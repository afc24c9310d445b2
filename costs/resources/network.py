"""What traffic passes: load balancers, gateways, endpoints, addresses."""

from __future__ import annotations

from costs.assembly import AssemblyError, Resource
from costs.charges import HOURS, SECONDS, Charge, Estimate, Rates
from costs.scale import Scale, counted

_KIB_A_GB = 1024 * 1024
_TRAFFIC = ("requests_per_second", "request_kib", "response_kib")
# One load balancer capacity unit, the largest of these:
_LCU_CONNECTIONS = 25  # new ones a second
_LCU_GB = 1  # an hour; requests and responses
_NLCU_CONNECTIONS = 800
# Rule groups that AWS charges for beyond a rule's price.
_DEAR_RULES = (
    "AWSManagedRulesACFPRuleSet",
    "AWSManagedRulesATPRuleSet",
    "AWSManagedRulesAntiDDoSRuleSet",
    "AWSManagedRulesBotControlRuleSet",
)


def load_balancer(resource: Resource, rates: Rates) -> Estimate:
    """Price the hours, the capacity units, the addresses and the traffic out."""
    kind = resource.get("Type", "application")
    if kind not in ("application", "network"):
        raise AssemblyError(f"{resource}: Type: {kind!r}: only ALB and NLB are priced")
    service = "ALB" if kind == "application" else "NLB"
    unit = "LCU" if kind == "application" else "NLCU"
    zones = len(resource.items("Subnets") or resource.items("SubnetMappings"))
    if not zones:
        raise AssemblyError(f"{resource}: Subnets: none, so its zones are not known")
    facing = resource.get("Scheme", "internet-facing")
    charges = [
        rates.charge(service, "load balancer", HOURS),
        rates.charge(
            service,
            unit,
            _units(unit, rates) * HOURS,
            *_TRAFFIC,
            "requests_per_connection",
        ),
    ]
    if facing == "internet-facing":
        charges += _public(zones, rates)
    return Estimate(
        f"{kind} load balancer, {facing}, {counted(zones, 'zone')}", tuple(charges)
    )


def _public(zones: int, rates: Rates) -> list[Charge]:
    usage = rates.usage
    out = usage.requests_per_second * usage.response_kib * (SECONDS / _KIB_A_GB)
    item = "out to internet, first 10 TB"
    return [
        rates.charge("Public IPv4", "address in use", zones * HOURS),
        rates.charge("Data transfer", item, out, "requests_per_second", "response_kib"),
    ]


def _units(unit: str, rates: Rates) -> Scale:
    """Return capacity units: AWS bills the dimension that traffic uses most of."""
    connections = _LCU_CONNECTIONS if unit == "LCU" else _NLCU_CONNECTIONS
    usage = rates.usage

    def used(rps: float, sent: float, answered: float, reuse: float) -> float:
        gb_an_hour = rps * (sent + answered) * 3600 / _KIB_A_GB
        return max(rps / max(reuse, 1) / connections, gb_an_hour / _LCU_GB)

    return Scale.of(
        used, *(usage[name] for name in (*_TRAFFIC, "requests_per_connection"))
    )


def nat_gateway(resource: Resource, rates: Rates) -> Estimate:
    data = rates.charge("NAT gateway", "data processed", rates.usage.nat_gb, "nat_gb")
    return Estimate(
        "NAT gateway", (rates.charge("NAT gateway", "gateway", HOURS), data)
    )


def vpc_endpoint(resource: Resource, rates: Rates) -> Estimate:
    """Price an interface endpoint in each of its zones; gateway ones are free."""
    kind = resource.get("VpcEndpointType", "Gateway")
    if kind == "Gateway":
        return Estimate("gateway endpoint")
    if kind != "Interface":
        raise AssemblyError(f"{resource}: VpcEndpointType: {kind!r}: not priced")
    zones = len(resource.items("SubnetIds"))
    if not zones:
        raise AssemblyError(f"{resource}: SubnetIds: none, so its zones are not known")
    service, gb = "VPC interface endpoint", rates.usage.endpoint_gb
    hours = rates.charge(service, "per zone", zones * HOURS)
    data = rates.charge(service, "data, first 1 PB", gb, "endpoint_gb")
    return Estimate(f"interface endpoint, {counted(zones, 'zone')}", (hours, data))


def elastic_address(resource: Resource, rates: Rates) -> Estimate:
    """An address is charged whether something uses it or not."""
    return Estimate(
        "public address", (rates.charge("Public IPv4", "address in use", HOURS),)
    )


def flow_log(resource: Resource, rates: Rates) -> Estimate:
    kind = resource.get("LogDestinationType", "cloud-watch-logs")
    if kind != "cloud-watch-logs":
        raise AssemblyError(f"{resource}: LogDestinationType: {kind!r}: not priced")
    item, gb = "vended logs, first 10 TB", rates.usage.flow_log_gb
    return Estimate("flow log", (rates.charge("CloudWatch", item, gb, "flow_log_gb"),))


def web_acl(resource: Resource, rates: Rates) -> Estimate:
    """Price a firewall, its rules and the requests it looks at."""
    rules = resource.items("Rules")
    for rule in rules:
        group = rule.get("Statement", {}).get("ManagedRuleGroupStatement", {})
        if (name := group.get("Name")) in _DEAR_RULES:
            raise AssemblyError(f"{resource}: Rules: {name}: not priced")
    requests = rates.usage.requests_per_second * (SECONDS * 1e-6)
    charges = (
        rates.charge("WAF", "web ACL", 1),
        rates.charge("WAF", "rule or managed rule group", len(rules)),
        rates.charge("WAF", "requests", requests, "requests_per_second"),
    )
    return Estimate(f"firewall of {counted(len(rules), 'rule')}", charges)
