"""Held-out texts and the answers of this very artifact, to ask a deployed one for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from manifest import SAVED_MODEL

SCHEMA = 1
TEXTS = 32


def write_sample(
    path: Path,
    artifact: Path,
    texts: Sequence[str],
    labels: Sequence[str],
    shares: np.ndarray,
) -> None:
    """Write what each runtime answers; `shares` is the engine's float32 [n, classes].

    The artifact's SavedModel is asked here, for its arithmetic is another: a deployed
    server is held to its own runtime's answers.
    """
    answers = {
        "flask": [_answer(labels, row) for row in shares],
        "tf_serving": _saved_model(artifact / SAVED_MODEL, texts),
    }
    sample = {"schema": SCHEMA, "instances": list(texts), "answers": answers}
    text = json.dumps(sample, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _answer(labels: Sequence[str], row: np.ndarray) -> dict[str, str | float]:
    best = int(row.argmax())
    return {"label": labels[best], "score": round(float(row[best]), 6)}


def _saved_model(folder: Path, texts: Sequence[str]) -> list[dict[str, str | float]]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    found = loaded.signatures["serving_default"](text=tf.constant(list(texts)))
    pairs = zip(found["label"].numpy(), found["score"].numpy(), strict=True)
    return [
        {"label": label.decode(), "score": round(float(s), 6)} for label, s in pairs
    ]
