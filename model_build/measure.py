"""What each variant costs to serve, through the real server process, side by side."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.load import LoadError, run_load
from bench.server import PLAIN, Server, ServerError, litert_command, serve
from manifest import Engine
from model_build.progress import Progress
from model_build.spec import Measurement
from model_build.statistics import Interval, ratio


class MeasurementError(RuntimeError):
    """A server that could not be measured; without a figure no gate passes."""


@dataclass(frozen=True)
class Served:
    """One variant's server. Latencies are of one message at a time, in ms."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int  # behind the latencies
    rounds_ms: Sequence[float]  # each round's median latency
    requests_per_second: float  # at full load, the median of the rounds
    memory_mib: int  # peak resident memory of all its processes
    ready_seconds: float
    p50_speedup: Interval  # the baseline's p50 over this one's
    throughput_ratio: Interval  # to the baseline


@dataclass(frozen=True)
class Conditions:
    """Where and how the figures came about."""

    hardware: str
    server_cores: int
    client_cores: int
    rounds: int
    connections: int
    seconds: float


@dataclass(frozen=True)
class Measurements:
    conditions: Conditions
    variants: Mapping[str, Served]
    engines: Mapping[Engine, Interval]  # requests a second, to the first engine's

    def released(self, variant: str, name: str) -> Measurements:
        """Return these with a variant's figures as the server called `name` had them."""
        return replace(self, variants={**self.variants, variant: self.variants[name]})

    def save(self, path: Path) -> None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2))


def load_measurements(path: Path) -> Measurements:
    return msgspec.json.decode(path.read_bytes(), type=Measurements)


def measure(
    artifacts: Mapping[str, Path],
    model: str,
    instances: Sequence[Any],
    *,
    settings: Measurement,
    engines: Mapping[Engine, str],
    vcpu: int,
    progress: Progress,
) -> Measurements:
    """Serve every artifact at once and load them in turn, round after round.

    The first artifact is the baseline. `engines` says which of them runs on which
    engine, to be compared with the first. Servers share `vcpu` cores and only one of
    them is under load; the client has the other cores. Ratios are of one round's
    figures, so that a machine that slows down slows both.

    Raises MeasurementError with the server's last words.
    """
    cores = sorted(os.sched_getaffinity(0))
    server_cores, client_cores = cores[:vcpu], cores[vcpu:] or cores
    latencies: dict[str, list[list[float]]] = {name: [] for name in artifacts}
    rates: dict[str, list[float]] = {name: [] for name in artifacts}
    path = f"/v1/models/{model}:predict"
    try:
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(_serve(artifact, server_cores))
                for name, artifact in artifacts.items()
            }
            os.sched_setaffinity(0, client_cores)
            stack.callback(os.sched_setaffinity, 0, cores)
            for number in range(settings.rounds):
                for name in _rotated([*servers], number):
                    port = servers[name].port
                    alone = run_load(
                        port, path, instances, connections=1, seconds=settings.seconds
                    )
                    full = run_load(
                        port,
                        path,
                        instances,
                        connections=settings.connections,
                        seconds=settings.seconds,
                    )
                    latencies[name].append(alone.latencies_ms)
                    rates[name].append(full.requests_per_second)
                progress.say(f"  round {number + 1}/{settings.rounds}: {_shown(rates)}")
            variants = {
                name: _summary(server, latencies, rates, name, next(iter(artifacts)))
                for name, server in servers.items()
            }
    except (ServerError, LoadError) as error:
        raise MeasurementError(f"measuring {model}: {error}") from error
    conditions = Conditions(
        hardware(),
        len(server_cores),
        len(client_cores),
        settings.rounds,
        settings.connections,
        settings.seconds,
    )
    first = np.array(rates[next(iter(engines.values()))])
    return Measurements(
        conditions,
        variants,
        {e: ratio(np.array(rates[name]), first) for e, name in engines.items()},
    )


def _serve(artifact: Path, cores: Sequence[int]) -> AbstractContextManager[Server]:
    command = litert_command(artifact, python=Path(sys.executable))
    return serve(command, cores=cores, environment=PLAIN)


def _rotated(names: list[str], by: int) -> list[str]:
    by %= len(names)
    return names[by:] + names[:by]


def _shown(rates: Mapping[str, list[float]]) -> str:
    return ", ".join(f"{name} {values[-1]:.0f}/s" for name, values in rates.items())


def _summary(
    server: Server,
    latencies: Mapping[str, list[list[float]]],
    rates: Mapping[str, list[float]],
    name: str,
    baseline: str,
) -> Served:
    every = np.concatenate(latencies[name])
    p50, p95, p99 = np.percentile(every, [50, 95, 99])
    medians = {
        n: np.array([np.median(r) for r in latencies[n]]) for n in (name, baseline)
    }
    return Served(
        p50_ms=float(p50),
        p95_ms=float(p95),
        p99_ms=float(p99),
        requests=len(every),
        rounds_ms=medians[name].tolist(),
        requests_per_second=float(np.median(rates[name])),
        memory_mib=round(server.memory_mib()),
        ready_seconds=server.ready_seconds,
        p50_speedup=ratio(medians[baseline], medians[name]),
        throughput_ratio=ratio(np.array(rates[name]), np.array(rates[baseline])),
    )


def hardware() -> str:
    """The processor's name and widest vector unit: what int8 speed depends on."""
    name, flags = platform.machine(), ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() == "flags":
            flags = value
    known = ("amx_int8", "avx512_vnni", "avx_vnni", "avx512f", "avx2")
    widest = next((f for f in known if f in flags.split()), "no AVX2")
    return f"{name} ({widest}), {os.cpu_count()} cores"
