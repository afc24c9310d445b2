"""A model in process, one instance after another: what every served answer equals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from containers.flask.engine import Engine, load_engine, padded
from containers.flask.task import Encoded, Task, load_task
from manifest import Manifest


class Predictor:
    """Answers each instance as if it were alone: its own rows, nothing beside them."""

    def __init__(self, task: Task, engine: Engine, lengths: tuple[int, ...]) -> None:
        self._task = task
        self._engine = engine
        self._lengths = lengths

    def predict(self, instances: Sequence[Any]) -> list[Mapping[str, Any]]:
        """Return one answer an instance, in their order; BadRequest names a bad one."""
        items = [
            self._task.read(instance, f"instances[{place}]")
            for place, instance in enumerate(instances)
        ]
        return [
            self._task.answer(encoded, list(self._outputs(encoded)))
            for encoded in self._task.encode(items)
        ]

    def _outputs(self, encoded: Encoded) -> Iterator[NDArray[np.float32]]:
        for row in encoded.rows:
            length = self._lengths[bisect_left(self._lengths, len(row))]
            yield self._engine.run(padded([row], length))[0]


def load_predictor(manifest: Manifest, directory: Path, cores: int = 1) -> Predictor:
    """Load an artifact's model; raises StartError naming what is wrong."""
    engine = load_engine(manifest, directory, cores)
    return Predictor(load_task(manifest, directory), engine, manifest.lengths)
