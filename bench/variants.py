"""How fast each variant of a build computes one row of a length, on one thread.

python -m bench.variants build/NAME --length 32

What a report says of latency is of real requests through the server, at their own
lengths; this is the engine alone, at one length. The variants take turns within a round,
so that a busy machine slows all of them, and a ratio is of the same round.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from containers.flask.artifact import StartError
from containers.flask.engine import Engine, load_engine
from manifest import ManifestError, read_manifest
from model_build.report import read_report
from model_build.statistics import Interval, ratio

TIMES = 8  # a variant and round


@dataclass(frozen=True)
class Speed:
    p50_ms: float
    ratio: Interval  # of the baseline's time to this one's


def read_engines(build: Path, length: int) -> Mapping[str, Engine]:
    """The variants of a build's last report, as it exported them, baseline first.

    Raises what their readers raise where there is no such report or export, and
    ValueError where a variant is not exported for this length.
    """
    report = read_report(build / "report.json")
    found: dict[str, Engine] = {}
    for variant in report.variants:
        newest = newest_export(build, variant.name)
        manifest = read_manifest(newest / "manifest.json")
        if length not in manifest.lengths:
            raise ValueError(
                f"--length: {length} is none of {variant.name}'s {manifest.lengths}"
            )
        found[variant.name] = load_engine(manifest, newest, cores=1)
    return found


def newest_export(build: Path, variant: str) -> Path:
    """Return what a build exported of a variant last; raises ValueError."""
    name = re.compile(rf"export-{re.escape(variant)}-[0-9a-f]{{12}}")
    exports = [
        path for path in (build / "steps").glob("*") if name.fullmatch(path.name)
    ]
    if not exports:
        raise ValueError(f"{build}/steps: {variant} is not exported")
    return max(exports, key=lambda path: path.stat().st_mtime)


def measure(
    engines: Mapping[str, Engine], length: int, rounds: int, seed: int
) -> dict[str, Speed]:
    """Medians of a round, and their ratios to the first engine's."""
    ids = np.random.default_rng(seed).integers(5, 1000, (1, length)).astype(np.int32)
    names = list(engines)
    times = np.zeros((len(names), rounds))
    for turn in range(rounds):
        for place in np.random.default_rng([seed, turn]).permutation(len(names)):
            each = [_seconds(engines[names[place]], ids) for _ in range(TIMES)]
            times[place, turn] = 1000 * float(np.median(each))
    return {
        name: Speed(float(np.median(own)), ratio(times[0], own))
        for name, own in zip(names, times, strict=True)
    }


def _seconds(engine: Engine, ids: np.ndarray) -> float:
    begun = time.perf_counter()
    engine.run(ids)
    return time.perf_counter() - begun


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.variants",
        description="Compare the variants of a build in the engine alone, at one length.",
    )
    parser.add_argument("build", type=Path, help="a directory that model_build wrote")
    parser.add_argument("--length", type=int, default=32, help="one of serving.lengths")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    try:
        engines = read_engines(given.build, given.length)
    except (OSError, ValueError, ManifestError, StartError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{'variant':16}{'p50 ms':>8}  faster than the first (95 %)")
    for name, speed in measure(engines, given.length, given.rounds, given.seed).items():
        r = speed.ratio
        print(
            f"{name:16}{speed.p50_ms:8.2f}  {r.value:.2f}x [{r.low:.2f}, {r.high:.2f}]"
        )
    print(f"{given.rounds} rounds of {TIMES}, seed {given.seed}, one thread, ", end="")
    print(f"{given.length} tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
