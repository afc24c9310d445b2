"""The task sizes AWS Fargate sells, and the cheapest one a measured model fits.

Source: "Task CPU and memory" in the Amazon ECS developer guide (Linux, platform
version 1.4.0; the 32 vCPU row since 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Fargate kills a task that runs out of memory. Above the measured peak of the server
# the task holds its page cache and log buffer, and longer texts or more threads than
# the load test had. A quarter is a judgement; the next step of the ladder is often
# the same, since memory is sold by the GiB.
HEADROOM = 1.25

_GIB = 1024

# CPU units (1024 is one vCPU) -> the memory, in MiB, that can go with them.
MEMORY_MIB: Mapping[int, tuple[int, ...]] = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(gib * _GIB for gib in range(1, 5)),
    1024: tuple(gib * _GIB for gib in range(2, 9)),
    2048: tuple(gib * _GIB for gib in range(4, 17)),
    4096: tuple(gib * _GIB for gib in range(8, 31)),
    8192: tuple(gib * _GIB for gib in range(16, 61, 4)),
    16384: tuple(gib * _GIB for gib in range(32, 121, 8)),
    32768: (60 * _GIB, 120 * _GIB, 244 * _GIB),
}


class SizeError(ValueError):
    """A task that Fargate does not sell."""


@dataclass(frozen=True)
class FargateSize:
    """One size on Fargate's ladder; any other is refused."""

    cpu_units: int  # 1024 is one vCPU
    memory_mib: int

    def __post_init__(self) -> None:
        if self.cpu_units not in MEMORY_MIB:
            sold = ", ".join(map(str, MEMORY_MIB))
            raise SizeError(f"cpu_units: {self.cpu_units} is not one of {sold}")
        memories = MEMORY_MIB[self.cpu_units]
        if self.memory_mib not in memories:
            raise SizeError(
                f"memory_mib: {self.memory_mib} is not sold with {self.cpu_units}"
                f" CPU units: {memories[0]} to {memories[-1]} in Fargate's steps"
            )

    @property
    def vcpu(self) -> float:
        return self.cpu_units / 1024

    @property
    def memory_gib(self) -> float:
        return self.memory_mib / _GIB


# By CPU first: cheapest first among the sizes that hold a given memory, in every
# region, because the next CPU step always costs more than the memory it could save
# (at most 4 GiB, where 16 vCPU steps to 64 GiB and 32 vCPU sells 60).
LADDER = tuple(
    FargateSize(cpu_units, memory_mib)
    for cpu_units, memories in MEMORY_MIB.items()
    for memory_mib in memories
)


def fargate_size(peak_mib: int, *, vcpu: float) -> FargateSize:
    """Return the cheapest size with that many vCPU or more that holds the peak.

    `peak_mib` is the measured peak of resident memory in MiB; the size holds it
    `HEADROOM` times. Raises SizeError naming the manifest's field, its value and
    Fargate's bound.
    """
    largest = LADDER[-1]
    if peak_mib < 1:
        raise SizeError(f"serving.memory_mib: {peak_mib} is not at least 1")
    if not 0 < vcpu <= largest.vcpu:
        raise SizeError(
            f"serving.vcpu: {vcpu} is not above 0 and at most {largest.vcpu:g}"
        )
    needed = peak_mib * HEADROOM
    for size in LADDER:
        if size.vcpu >= vcpu and size.memory_mib >= needed:
            return size
    raise SizeError(
        f"serving.memory_mib: {peak_mib} needs {needed:.0f} MiB with headroom, above"
        f" Fargate's {largest.memory_mib}"
    )
