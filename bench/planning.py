"""python -m bench.planning [--write]: what a build's plan takes for granted, measured.

Training steps and LiteRT answers of MiniLM-L6's shape, and of half its layers, with
random weights: how long they take and how much memory a process holds. Each point is
measured in a process of its own, the least of several times, so that other work on the
machine counts little; straight lines are fitted to the points, and their
largest error is kept beside them in model_build/machine.json.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from model_build import sizes
from model_build.machine import MEASURED, MIB, Machine
from model_build.model import EncoderShape, LayerShape
from model_build.passes import Quantize

STEPS = 12  # after the first
NO_BENCH: Any = None  # what a pass that trains nothing looks at
# layers, tokens, rows; layers of a teacher that is asked at every step (0: none)
TRAININGS = (
    (6, 32, 32, 0),
    (6, 64, 32, 0),
    (6, 128, 16, 0),
    (3, 32, 32, 6),
    (3, 128, 16, 6),
    (3, 256, 8, 6),
)
ANSWERS = ((6, 32), (6, 128), (3, 64))  # layers, tokens


def shape_of(layers: int) -> EncoderShape:
    layer = LayerShape(heads=12, ffn=1536)
    return EncoderShape(30522, 512, 384, 32, (layer,) * layers, classes=2)


def training_flops(layers: int, length: int, rows: int, teacher: int) -> float:
    each = 3 * sizes.row_flops(shape_of(layers), length)
    if teacher:
        each += sizes.row_flops(shape_of(teacher), length)
    return float(rows * each)


def held_bytes(layers: int, teacher: int) -> int:
    """Bytes of weights as plan.py counts them, for a student cut from a teacher."""
    own, given = shape_of(layers), shape_of(teacher or layers)
    count = sizes.parameters(given) + sizes.parameters(own) + 3 * sizes.trainable(own)
    return 4 * (count + 2 * sizes.parameters(given) * bool(teacher))


def train(layers: int, length: int, rows: int, teacher: int) -> dict[str, float]:
    """Measure training steps in this process."""
    import resource

    import tensorflow as tf
    import tf_keras as keras

    from model_build import encoder, losses
    from model_build.model import Model

    begun = time.monotonic()
    given = shape_of(teacher or layers)
    parent = Model(given, encoder.fresh_weights(given, 1), "")
    own = shape_of(layers)
    names = {v.name.removesuffix(":0") for v in encoder.build_encoder(own).variables}
    weights = {name: parent.weights[name] for name in names}
    student = encoder.to_keras(Model(own, weights, ""))
    shown = encoder.to_keras(parent) if teacher else None
    optimizer = keras.optimizers.AdamW(1e-5, global_clipnorm=1.0)
    variables = [
        v for v in student.trainable_variables if not v.name.startswith("embed/")
    ]
    optimizer.build(variables)
    ids = np.random.default_rng(1).integers(1, 30_000, (rows, length))
    batch = {
        "ids": tf.constant(ids.astype(np.int32)),
        "label": tf.zeros(rows, tf.int32),
    }

    def loss(outputs: losses.Outputs) -> Any:
        if shown is None:
            return losses.cross_entropy(outputs, batch)
        told = shown(batch["ids"], training=False)
        return losses.softened(outputs, told, batch, temperature=2.0, alpha=0.7)

    def once() -> Any:
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(student(batch["ids"], training=True)))
        gradients = tape.gradient(value, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return value

    step = tf.function(once)
    float(step())
    started, times = time.monotonic() - begun, []
    for _ in range(STEPS):
        at = time.monotonic()
        float(step())
        times.append(time.monotonic() - at)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"start": started, "seconds": min(times), "mib": peak}


def answer(layers: int, length: int) -> dict[str, float]:
    """Measure an export and its answers in this process."""
    import tempfile

    from model_build import encoder, litert
    from model_build.model import Model
    from model_build.tokens import Tokens

    shape = shape_of(layers)
    model = Model(shape, encoder.fresh_weights(shape, 1), "")
    ids = np.random.default_rng(1).integers(1, 30_000, (64, length)).astype(np.int32)
    tokens = Tokens(ids, {}, np.ones(64, np.float32), np.arange(64))
    found = {}
    with tempfile.TemporaryDirectory() as directory:
        for dtype, settings in (("float32", None), ("int8", Quantize())):
            path = Path(directory) / dtype
            stored = settings.apply(model, NO_BENCH) if settings else model
            begun = time.monotonic()
            litert.export_litert(stored, [length], path)
            found[f"{dtype}_export"] = time.monotonic() - begun
            litert.outputs(path, [length], tokens)
            times = []
            for _ in range(3):
                begun = time.monotonic()
                litert.outputs(path, [length], tokens)
                times.append(time.monotonic() - begun)
            found[dtype] = min(times) / len(tokens)
    return found


def measured(kind: str, point: Sequence[int]) -> dict[str, float]:
    """Measure one point in a process of its own."""
    command = [sys.executable, "-m", "bench.planning", "--point", kind]
    done = subprocess.run(
        [*command, json.dumps(point)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    print(f"{kind} {tuple(point)}: {found}", file=sys.stderr, flush=True)
    return found


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Fit y = a + b x with a >= 0, least squares of relative errors; and the largest."""
    if (np.diff(x) == 0).all():
        a, b = 0.0, float(np.mean(y / x))
    else:
        system = np.stack([1 / y, x / y], axis=1)
        a, b = map(float, np.linalg.lstsq(system, np.ones_like(y), rcond=None)[0])
        if a < 0:
            a, b = 0.0, float((x / y).sum() / ((x / y) ** 2).sum())
    return a, b, float(np.abs((a + b * x) / y - 1).max())


def fitted(
    trainings: Sequence[dict[str, float]], answers: Sequence[dict[str, float]]
) -> Machine:
    flops = np.array([training_flops(*point) for point in TRAININGS])
    seconds = np.array([found["seconds"] for found in trainings])
    step, each, step_error = line(flops, seconds)
    kept = [
        rows * sizes.activations(shape_of(n), length)
        for n, length, rows, _ in TRAININGS
    ]
    weights = np.array([held_bytes(n, teacher) for n, _, _, teacher in TRAININGS])
    mib = np.array([found["mib"] for found in trainings])
    base, factor, _ = line(4 * np.array(kept) / MIB, mib - weights / MIB)
    guessed = base + factor * 4 * np.array(kept) / MIB + weights / MIB
    asked = np.array([sizes.row_flops(shape_of(n), length) for n, length in ANSWERS])
    rates = {
        dtype: float(np.median(asked / [found[dtype] for found in answers]) / 1e9)
        for dtype in ("float32", "int8")
    }
    exports = [
        found[f"{dtype}_export"] / layers
        for (layers, _), found in zip(ANSWERS, answers, strict=True)
        for dtype in rates
    ]
    from model_build.measure import hardware

    return Machine(
        hardware=hardware(),
        step_seconds=round(step, 4),
        step_gflops=round(1 / each / 1e9, 2),
        start_seconds=round(float(np.median([f["start"] for f in trainings])), 1),
        answer_gflops={dtype: round(rate, 1) for dtype, rate in rates.items()},
        export_seconds=round(float(np.median(exports)), 3),
        base_mib=round(base),
        activation_factor=round(factor, 2),
        error={
            "step_seconds": round(step_error, 3),
            "mib": round(float(np.abs(guessed / mib - 1).max()), 3),
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.planning")
    parser.add_argument("--write", action="store_true", help=f"{MEASURED.name} anew")
    parser.add_argument("--point", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        kind, point = options.point[0], json.loads(options.point[1])
        found: dict[str, Any] = (train if kind == "train" else answer)(*point)
        print(json.dumps(found))
        return
    trainings = [measured("train", point) for point in TRAININGS]
    answers = [measured("answer", point) for point in ANSWERS]
    text = msgspec.json.format(
        msgspec.json.encode(fitted(trainings, answers)), indent=2
    )
    print(text.decode())
    if options.write:
        MEASURED.write_bytes(text + b"\n")


if __name__ == "__main__":
    main()
