"""How long a model takes, in this process: enough for a pass to choose by.

What a variant's speed *is*, the report says: measured through the real server.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter  # type: ignore[import-untyped]

from model_build.litert import export_litert
from model_build.model import Model
from model_build.quiet import quiet

PAIRS = 40  # of runs, one of each model in turn
WARM = 3

Run = Callable[[], object]


def compared_to(baseline: Model, length: int) -> Callable[[Model], float]:
    """Return what gives a model's p50 as a share of the baseline's.

    Both are exported to LiteRT at their precision, and run in turn on one thread, a row
    of `length` tokens at a time.
    """
    reference = _exported(baseline, length)

    def share(model: Model) -> float:
        runs = _exported(model, length), reference
        for _ in range(WARM):
            seconds(runs)
        times = np.array([seconds(runs) for _ in range(PAIRS)])
        own, other = np.median(times, axis=0)
        return float(own / other)

    return share


def seconds(runs: tuple[Run, ...]) -> list[float]:
    """How long each takes, once, one after the other."""
    found = []
    for run in runs:
        begun = time.perf_counter()
        run()
        found.append(time.perf_counter() - begun)
    return found


def _exported(model: Model, length: int) -> Run:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "model.tflite"
        export_litert(model, [length], path)
        content = path.read_bytes()
    with quiet():
        interpreter = Interpreter(model_content=content, num_threads=1)
        runner = interpreter.get_signature_runner(f"tokens_{length}")
    ids = np.ones((1, length), np.int32)  # any but padding
    return lambda: (interpreter, runner(ids=ids))
