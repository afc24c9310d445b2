"""What runs a model: the Protocol, and the engine that a manifest asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from containers.flask.artifact import MODEL
from manifest import Manifest


class Engine(Protocol):
    """A loaded and warmed model.

    `ids` is [rows, length]: token ids padded with 0, any number of rows, a length that
    the manifest names. The answer is [rows, classes] probabilities, or [rows, length,
    2] logits of an answer's start and end. `cores` threads may call at once; Python's
    lock is free meanwhile; no row depends on another.
    """

    @property
    def batch_tokens(self) -> int:
        """Tokens, padding included, from which on a larger batch gains nothing."""
        ...

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]: ...


def load_engine(manifest: Manifest, directory: Path, cores: int) -> Engine:
    """Load and warm the model of an artifact; raises StartError naming what is wrong.

    `cores` is how many threads will call run() at once, and how many cores they share.
    """
    path = directory / manifest.engine / MODEL[manifest.engine][0]
    shapes = row_shapes(manifest)
    if manifest.engine == "openvino":
        from containers.flask.openvino import OpenVINOEngine  # an image has one engine

        return OpenVINOEngine(path, shapes=shapes, cores=cores)
    from containers.flask.litert import LiteRTEngine

    return LiteRTEngine(path, shapes=shapes, cores=cores)


def padded(rows: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
    """Return rows of token ids as Engine.run takes them: [rows, length], 0 behind."""
    ids = np.zeros((len(rows), length), np.int32)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = row
    return ids


def row_shapes(manifest: Manifest) -> dict[int, tuple[int, ...]]:
    """Return what a row of each length gives: the shape of one answer."""
    if manifest.task == "question-answering":
        return {length: (length, 2) for length in manifest.lengths}
    return {length: (len(manifest.labels),) for length in manifest.lengths}
