"""What a function of AWS Lambda is given with its memory, and how long it is billed."""

from __future__ import annotations

from costs.choosing.service_time import ServiceTime

MB_A_VCPU = 1769  # AWS Lambda developer guide, "Configure function memory"
_ROUNDING_MS = 0.5  # billed by the whole millisecond


def vcpu(memory_mb: float) -> float:
    """Return the cores that come with a function's memory."""
    return memory_mb / MB_A_VCPU


def speed(memory_mb: float, of_a_core: float) -> float:
    """Return how fast a request is answered: on one thread, so by one core at most."""
    return of_a_core * min(1.0, vcpu(memory_mb))


def billed_ms(service: ServiceTime, at: float) -> float:
    """Return the milliseconds that an average request is billed, at such a speed."""
    return service.mean_ms / at + _ROUNDING_MS
