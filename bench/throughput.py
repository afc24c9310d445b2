"""Requests a second of the served model against its teacher in plain Keras fp32.

python -m bench.throughput build/support-sentiment --teacher model.safetensors

Both servers run the same Flask application under gunicorn, on the same cores, and
stay up; rounds of closed-loop load, one short message a request, take them in turn,
so that a busy machine slows both. The ratio is of neighbouring rounds.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.load import Load, LoadError, run_load
from bench.server import Server, ServerError, litert_command, serve
from manifest import ManifestError, read_manifest

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Served:
    """One server over all rounds; medians of the rounds."""

    name: str
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    server_cpu_ms: float  # a request
    memory_mib: float  # peak, all its processes
    ready_seconds: float


@dataclass(frozen=True)
class Ratio:
    """Median of the rounds' ratios, and the interval that holds it at 95 %."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Comparison:
    connections: int
    seconds: float
    student: Served
    teacher: Served
    requests_per_second: Ratio
    p50: Ratio


@dataclass(frozen=True)
class _Round:
    load: Load
    cpu_seconds: float


def compare(
    commands: dict[str, list[str]],
    path: str,
    texts: Sequence[str],
    *,
    connections: int,
    rounds: int,
    seconds: float,
) -> Comparison:
    """Load two servers in turn; raises ServerError or LoadError."""
    (a, b), taken = commands, {name: list[_Round]() for name in commands}
    with serve(commands[a]) as first, serve(commands[b], timeout_s=180) as second:
        servers = {a: first, b: second}
        for server in servers.values():
            run_load(server.port, path, texts, connections=connections, seconds=1)
        for number in range(rounds):
            for name in (a, b) if number % 2 else (b, a):
                before = servers[name].cpu_seconds()
                load = run_load(
                    servers[name].port,
                    path,
                    texts,
                    connections=connections,
                    seconds=seconds,
                )
                cpu = servers[name].cpu_seconds() - before
                taken[name].append(_Round(load, cpu))
        student, teacher = (_served(n, servers[n], taken[n]) for n in (a, b))
    rates = {n: [r.load.requests_per_second for r in taken[n]] for n in (a, b)}
    latencies = {n: [r.load.quantile_ms(0.5) for r in taken[n]] for n in (a, b)}
    return Comparison(
        connections,
        seconds,
        student,
        teacher,
        requests_per_second=ratio(rates[a], rates[b]),
        p50=ratio(latencies[b], latencies[a]),
    )


def _served(name: str, server: Server, rounds: Sequence[_Round]) -> Served:
    loads = [r.load for r in rounds]
    answers = sum(len(load.latencies_ms) for load in loads)
    return Served(
        name,
        statistics.median(load.requests_per_second for load in loads),
        statistics.median(load.quantile_ms(0.5) for load in loads),
        statistics.median(load.quantile_ms(0.99) for load in loads),
        1e3 * sum(r.cpu_seconds for r in rounds) / answers,
        server.memory_mib(),
        server.ready_seconds,
    )


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Return the median ratio of pairs with its distribution-free 95 % interval.

    Order statistics of the sign test: with 6 to 8 rounds the least and the greatest,
    with more some from the ends. Under 6 rounds no interval has 95 %; then infinite.
    """
    ratios = sorted(x / y for x, y in zip(above, below, strict=True))
    count = len(ratios)
    outside, cut = 0.0, 0
    while (outside := outside + math.comb(count, cut) / 2**count) <= 0.025:
        cut += 1
    low, high = (ratios[cut - 1], ratios[-cut]) if cut else (0.0, math.inf)
    return Ratio(statistics.median(ratios), low, high, count)


def _table(comparison: Comparison) -> str:
    head = f"{'':26}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'MiB':>8}{'ready s':>9}"
    rows = [
        f"{s.name:26}{s.requests_per_second:9.0f}{s.p50_ms:9.2f}{s.p99_ms:9.2f}"
        f"{s.server_cpu_ms:9.2f}{s.memory_mib:8.0f}{s.ready_seconds:9.2f}"
        for s in (comparison.teacher, comparison.student)
    ]
    ratios = [
        f"{name}: {r.median:.1f}x (95 % of {r.rounds} rounds' pairs: {r.low:.1f} to {r.high:.1f})"
        for name, r in (
            ("requests a second", comparison.requests_per_second),
            ("p50 latency", comparison.p50),
        )
    ]
    return "\n".join([head, *rows, *ratios])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.throughput",
        description="Compare a served artifact with its teacher in plain Keras fp32.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory")
    parser.add_argument(
        "--teacher",
        type=Path,
        required=True,
        metavar="FILE",
        help="the teacher's weights: model.safetensors of its build step",
    )
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=8, help="6 or more (default: 8)")
    parser.add_argument("--seconds", type=float, default=2.0, help="a round")
    parser.add_argument(
        "--texts",
        type=Path,
        default=ROOT / "bench/messages.txt",
        help="one message a line (default: bench/messages.txt)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        default=ROOT / ".venv/deploy/bin/python",
        help="has containers/flask/requirements.txt",
    )
    parser.add_argument(
        "--keras-python",
        type=Path,
        default=ROOT / ".venv/build/bin/python",
        help="has model_build/requirements.txt",
    )
    parser.add_argument(
        "--at-least", type=float, metavar="RATIO", help="exit 1 if the ratio is less"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    keras = [str(options.keras_python), "-m", "bench.keras_server"]
    keras += ["--model", str(options.artifact), "--weights", str(options.teacher)]
    try:
        manifest = read_manifest(options.artifact / "manifest.json")
        comparison = compare(
            {
                f"{manifest.variant}, LiteRT": litert_command(
                    options.artifact, python=options.python
                ),
                "teacher, Keras fp32": keras,
            },
            f"/v1/models/{manifest.name}:predict",
            options.texts.read_text(encoding="utf-8").splitlines(),
            connections=options.connections,
            rounds=options.rounds,
            seconds=options.seconds,
        )
    except (ManifestError, ServerError, LoadError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(asdict(comparison)) if options.json else _table(comparison))
    if options.at_least and comparison.requests_per_second.median < options.at_least:
        sys.exit(1)


if __name__ == "__main__":
    main()
