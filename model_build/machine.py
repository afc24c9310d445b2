"""How long work takes on one machine, and how much memory: machine.json says which.

`python -m bench.planning --write` measures it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

MEASURED = Path(__file__).with_name("machine.json")
MIB = 1 << 20


@dataclass(frozen=True)
class Machine:
    """A straight line for each kind of work, fitted to measured points.

    A training step takes `step_seconds` and its operations at `step_gflops`; a process
    that trains holds `base_mib`, its weights, and `activation_factor` times what
    sizes.activations() counts.
    """

    hardware: str
    step_seconds: float
    step_gflops: float  # a second
    start_seconds: float  # of a pass: models are built, the first step is traced
    answer_gflops: Mapping[str, float]  # a second through LiteRT, by type of weights
    export_seconds: float  # of a LiteRT file, a layer and length
    base_mib: float
    activation_factor: float
    error: Mapping[str, float]  # of the lines: the largest, as a share of the measured

    def training_seconds(self, steps: int, flops: float) -> float:
        """Return how long `steps` of together `flops` operations take."""
        return (
            self.start_seconds
            + steps * self.step_seconds
            + flops / (self.step_gflops * 1e9)
        )

    def answer_seconds(self, flops: float, dtype: str) -> float:
        known = self.answer_gflops.get(dtype, self.answer_gflops["float32"])
        return flops / (known * 1e9)

    def training_mib(self, weights: int, activations: int) -> float:
        """`weights` in bytes; `activations` are numbers of a whole batch."""
        held = weights + 4 * self.activation_factor * activations
        return self.base_mib + held / MIB


def reset_peak() -> None:
    """Let peak_mib() count from here, where the kernel lets us (proc_pid_clear_refs(5))."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mib() -> float | None:
    """The most resident memory of this process since reset_peak()."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return None


def read_machine(path: Path = MEASURED) -> Machine:
    return msgspec.json.decode(path.read_bytes(), type=Machine)
