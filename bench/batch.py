"""Texts a second of `python -m batch run`, beside the best that its engine can do.

python -m bench.batch build/support-sentiment --lines 1000000 --rounds 1

The engine's best is of the same rows: tokenized before, sorted by length, as many to a
run as serve it best (found first), a thread a core. Rounds take the two in turn, each
in a process of its own, so that a busy machine slows both; the ratio is of neighbours,
and of the seconds without loading the model.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.comparison import Ratio, ratio
from containers.flask.artifact import StartError
from containers.flask.cores import usable_cores
from containers.flask.engine import Engine, load_engine
from containers.flask.task import Item, load_task
from manifest import Manifest, ManifestError, read_manifest

ROOT = Path(__file__).parents[1]
SIZES = (8, 32, 64)  # rows a run: one of them is the engine's best
_CHUNK = 4096  # texts that are tokenized at once

Batch = NDArray[np.int32]


class RunError(Exception):
    """A run of the command that did not end well."""


@dataclass(frozen=True)
class Found:
    """Medians of the rounds; the ratio is of the command's rate to the engine's."""

    lines: int
    command_per_second: float
    engine_per_second: float
    ratio: Ratio
    peak_mib: float  # the most of a run of the command
    cores: int


def best_rate(manifest: Manifest, artifact: Path, texts: Sequence[str]) -> float:
    """Return the engine's texts a second with the size of batches that suits it best."""
    return best_batches(manifest, artifact, texts)()


def best_batches(
    manifest: Manifest, artifact: Path, texts: Sequence[str]
) -> Callable[[], float]:
    """Return what runs the texts in batches that suit the engine, and texts a second."""
    cores = usable_cores()
    engine = load_engine(manifest, artifact, cores)
    rows = _rows(manifest, artifact, texts)
    sample = rows[:: max(1, len(rows) // 400)]
    size = max(SIZES, key=lambda size: _rate(engine, _batches(sample, size), cores))
    batches = _batches(rows, size)
    return lambda: _rate(engine, batches, cores) * len(texts) / len(rows)


def _rows(manifest: Manifest, artifact: Path, texts: Sequence[str]) -> list[Batch]:
    """Return rows with their padding, the longest first."""
    task, rows = load_task(manifest, artifact), list[Batch]()
    for start in range(0, len(texts), _CHUNK):
        for encoded in task.encode([Item(t) for t in texts[start : start + _CHUNK]]):
            for ids in encoded.rows:
                length = manifest.lengths[bisect_left(manifest.lengths, len(ids))]
                rows.append(np.array(ids + [0] * (length - len(ids)), np.int32))
    return sorted(rows, key=len, reverse=True)


def _batches(rows: Sequence[Batch], size: int) -> list[Batch]:
    found: list[list[Batch]] = [[]]
    for row in rows:
        if found[-1] and (len(found[-1]) == size or len(found[-1][0]) != len(row)):
            found.append([])
        found[-1].append(row)
    return [np.stack(batch) for batch in found]


def _rate(engine: Engine, batches: Sequence[Batch], cores: int) -> float:
    """Return rows a second."""
    with ThreadPoolExecutor(cores) as threads:
        began = time.perf_counter()
        rows = sum(map(len, threads.map(engine.run, batches)))
        return rows / (time.perf_counter() - began)


def measure(artifact: Path, texts: Sequence[str], rounds: int) -> Found:
    """Raises RunError."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.jsonl", Path(folder) / "out.jsonl"
        source.write_text("".join(json.dumps(text) + "\n" for text in texts))
        command = ["-m", "batch", "run", str(artifact), str(source), str(out), "--json"]
        alone = ["-m", "bench.batch", str(artifact), "--engine-alone", str(source)]
        ours, peaks, engines = [], [], []
        for number in range(rounds):
            for is_ours in (True, False) if number % 2 else (False, True):
                if is_ours:
                    found = _run([*command, "--fresh"])
                    ours.append(found["texts_per_second"])
                    peaks.append(found["peak_mib"])
                else:
                    engines.append(_run(alone)["texts_per_second"])
    return Found(
        lines=len(texts),
        command_per_second=statistics.median(ours),
        engine_per_second=statistics.median(engines),
        ratio=ratio(ours, engines),
        peak_mib=max(peaks),
        cores=usable_cores(),
    )


def _run(command: Sequence[str]) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True
    )
    if ran.returncode:
        raise RunError(ran.stderr.strip().splitlines()[-1])
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> None:
    options = _options()
    artifact = options.artifact.resolve()
    try:
        manifest = read_manifest(artifact / "manifest.json")
        if options.engine_alone:
            os.environ["TOKENIZERS_PARALLELISM"] = "true"
            lines = options.engine_alone.read_text(encoding="utf-8").splitlines()
            rate = best_rate(manifest, artifact, [json.loads(line) for line in lines])
            print(json.dumps({"texts_per_second": rate}))
            return
        messages = options.texts.read_text(encoding="utf-8").splitlines()
        texts = random.Random(1).choices(messages, k=options.lines)
        found = measure(artifact, texts, options.rounds)
    except (ManifestError, StartError, RunError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(asdict(found)) if options.json else _words(found))
    if options.at_least and found.ratio.median < options.at_least:
        sys.exit(1)


def _words(found: Found) -> str:
    r = found.ratio
    return (
        f"{found.lines:,} texts on {found.cores} cores: the command "
        f"{found.command_per_second:.0f} a second, its engine alone "
        f"{found.engine_per_second:.0f}: {r.median:.2f}x [{r.low:.2f}, {r.high:.2f}], "
        f"{r.rounds} rounds; {found.peak_mib:.0f} MiB at the most"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.batch",
        description="Measure python -m batch run beside its engine's best.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory")
    parser.add_argument("--lines", type=int, default=20_000, help="texts, of these:")
    parser.add_argument(
        "--texts",
        type=Path,
        default=ROOT / "bench/messages.txt",
        help="one message a line (default: bench/messages.txt)",
    )
    parser.add_argument(
        "--rounds", type=int, default=6, help="6 or more, for an interval of 95 %%"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--at-least", type=float, metavar="RATIO", help="exit 1 if the ratio is less"
    )
    parser.add_argument("--engine-alone", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
