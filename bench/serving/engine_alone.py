"""What the engine costs without a server around it.

python -m bench.serving.engine_alone DIR --texts FILE --rate 200 --seconds 5

The same rows at the same moments as the server gets them: an engine that slept has
colder caches and slower clocks than one that is called in a loop.
"""

from __future__ import annotations

import argparse
import json
import time
from bisect import bisect_left
from pathlib import Path

import numpy as np

from bench.serving.open_loop import Schedule
from bench.serving.poisson import read_questions
from containers.flask.engine import load_engine
from containers.flask.task import Item, load_task
from manifest import read_manifest


def _rows(directory: Path, texts: list[str]) -> list[np.ndarray]:
    """Return [1, length] of ids for each text, as the server would pad it alone."""
    manifest = read_manifest(directory / "manifest.json")
    rows = []
    for encoded in load_task(manifest, directory).encode([Item(t) for t in texts]):
        for ids in encoded.rows:
            length = manifest.lengths[bisect_left(manifest.lengths, len(ids))]
            rows.append(np.array([ids + [0] * (length - len(ids))], np.int32))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.engine_alone",
        description="Run the engine on a Poisson schedule; print its CPU time.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory")
    parser.add_argument("--texts", required=True)
    parser.add_argument("--rate", type=float, required=True, help="rows a second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    questions = read_questions(options.texts)
    rows = _rows(options.artifact, [q.text for q in questions])
    manifest = read_manifest(options.artifact / "manifest.json")
    engine = load_engine(manifest, options.artifact, 1)
    schedule = Schedule(
        [(str(place).encode(), None) for place in range(len(rows))],
        rate=options.rate,
        seconds=options.seconds,
        seed=options.seed,
    )
    started, cpu, count = time.perf_counter(), time.process_time(), 0
    for request in schedule:
        ahead = request.scheduled - (time.perf_counter() - started)
        if ahead > 0:
            time.sleep(ahead)
        engine.run(rows[int(request.content)])
        count += 1
    spent = time.process_time() - cpu
    print(json.dumps({"rows": count, "cpu_seconds": spent}))


if __name__ == "__main__":
    main()
