"""When somebody is woken about an endpoint, and who."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.settings.checked import Checked


@dataclass(frozen=True)
class WatchConfig:
    """Bounds of what callers notice; the same ones take a rollout back."""

    latency_slo_ms: int  # p99 at the load balancer
    failing_percent: float  # of requests answered 5xx
    refused_percent: float = 10.0  # of requests answered 4xx, for a quarter of an hour
    emails: tuple[str, ...] = ()  # who is woken, besides what the topic is wired to
    anomaly_detection: bool = False  # of the number of requests; three alarms' price
    dashboard: bool = True

    def check(self, checked: Checked) -> None:
        checked.whole("watch.latency_slo_ms", self.latency_slo_ms, 1, 60_000)
        checked.within("watch.failing_percent", self.failing_percent, 0.01, 50)
        checked.within("watch.refused_percent", self.refused_percent, 0.01, 100)
        checked.addresses("watch.emails", self.emails)
