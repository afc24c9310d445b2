"""Closed-loop load, driven from a process of its own.

Each connection sends its next message as soon as the last was answered, as wrk does.
In its own process, a measuring program's threads and garbage do not mix with what is
timed. Standard library only.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class LoadError(Exception):
    """An answer that was not the one promised: nothing measured with it counts."""


@dataclass(frozen=True)
class Load:
    """What one run of closed-loop load saw."""

    connections: int
    seconds: float
    client_cpu_seconds: float
    latencies_ms: list[float]  # one an answer, in order of completion

    @property
    def requests_per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def quantile_ms(self, share: float) -> float:
        """Return the latency that this share of the answers did not exceed."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def run_load(
    port: int,
    path: str,
    instances: Sequence[Any],
    *,
    connections: int,
    seconds: float,
    host: str = "127.0.0.1",
) -> Load:
    """Load a server from a child process; raises LoadError with what went wrong.

    An instance is what a request asks about: a text, or an object of texts.
    `connections=1` measures latency, more measure throughput.
    """
    options = {"host": host, "port": port, "path": path}
    options |= {"connections": connections, "seconds": seconds}
    command = [sys.executable, "-m", "bench.client", "--texts", "-"]
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    child = subprocess.run(
        command,
        input="\n".join(json.dumps(instance) for instance in instances),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if child.returncode:
        raise LoadError(child.stderr.strip() or f"client ended with {child.returncode}")
    return Load(**json.loads(child.stdout))
