"""Held-out texts and the answers of this very artifact, to ask a deployed one for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manifest import SAVED_MODEL

SCHEMA = 1
TEXTS = 32


def write_sample(
    path: Path,
    artifact: Path,
    instances: Sequence[Any],
    answers: Sequence[Mapping[str, Any]],
) -> None:
    """Write what each runtime answers; `answers` are the engine's.

    The artifact's SavedModel, if it has one, is asked here, for its arithmetic is
    another: a deployed server is held to its own runtime's answers.
    """
    by_runtime = {"flask": list(answers)}
    if (artifact / SAVED_MODEL).is_dir():
        by_runtime["tf_serving"] = _saved_model(artifact / SAVED_MODEL, instances)
    sample = {"schema": SCHEMA, "instances": list(instances), "answers": by_runtime}
    text = json.dumps(sample, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _saved_model(folder: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    import tensorflow as tf
    import tensorflow_text  # noqa: F401 -- has the operations of the graph's tokenizer

    loaded = tf.saved_model.load(str(folder))
    found = loaded.signatures["serving_default"](text=tf.constant(list(texts)))
    pairs = zip(found["label"].numpy(), found["score"].numpy(), strict=True)
    return [
        {"label": label.decode(), "score": round(float(s), 6)} for label, s in pairs
    ]
