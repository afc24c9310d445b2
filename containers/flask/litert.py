"""The LiteRT engine: token ids in, answers out, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Lock

import numpy as np
from ai_edge_litert.interpreter import (  # type: ignore[import-untyped]
    Interpreter,
    SignatureRunner,
)
from numpy.typing import NDArray

from containers.flask.artifact import StartError

QUIET_CALLS = 8  # that met no other: the server has cores to spare

Runners = dict[int, SignatureRunner]  # one a length, all of one interpreter


class LiteRTEngine:
    """Interpreters over one mapped model file; safe to call from any thread.

    While calls do not meet, they get an interpreter with a thread for every core; as
    soon as some have met, single-threaded ones. On two cores the wide one answers in
    three quarters of the time and costs 1.4 times the CPU, for its threads spin.

    Rows are run one by one: LiteRT's cost is linear in tokens (eight rows cost eight
    times one), so a batch would gain nothing, and no answer depends on its neighbours.
    """

    batch_tokens = 64  # a hand-over for two messages; more would only make them wait

    def __init__(
        self, model: Path, *, shapes: Mapping[int, tuple[int, ...]], cores: int
    ) -> None:
        """Load and warm every signature; raises StartError naming what is wrong.

        `shapes`: for each length of a row, the shape of its answer.
        """
        self._narrow: SimpleQueue[Runners] = SimpleQueue()
        for _ in range(cores):
            self._narrow.put(_load(model, shapes, threads=1))
        self._wide = _load(model, shapes, threads=cores) if cores > 1 else None
        self._calls = 0
        self._alone_in_a_row = 0
        self._calls_lock = Lock()

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one answer a row of ids [rows, length], padded with 0."""
        with self._runners() as runners:
            run = runners[ids.shape[1]]
            return np.concatenate([_only(run(ids=row[np.newaxis])) for row in ids])

    @contextmanager
    def _runners(self) -> Iterator[Runners]:
        with self._calls_lock:
            self._alone_in_a_row = 0 if self._calls else self._alone_in_a_row + 1
            is_wide = self._alone_in_a_row > QUIET_CALLS
            self._calls += 1
        try:
            if is_wide and self._wide:
                yield self._wide
            else:
                runners = self._narrow.get()
                try:
                    yield runners
                finally:
                    self._narrow.put(runners)
        finally:
            with self._calls_lock:
                self._calls -= 1


def _only(outputs: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    (output,) = outputs.values()
    return output


def _load(
    model: Path, shapes: Mapping[int, tuple[int, ...]], *, threads: int
) -> Runners:
    try:
        # By path, not by content: the file is mapped and its pages are shared.
        interpreter = Interpreter(model_path=str(model), num_threads=threads)
        runners = {
            length: interpreter.get_signature_runner(f"tokens_{length}")
            for length in shapes
        }
        # The first run of a signature packs its weights and plans its memory.
        for length, run in runners.items():
            shape = _only(run(ids=np.ones((1, length), np.int32))).shape
            if shape != (1, *shapes[length]):
                raise StartError(
                    f"{model}: tokens_{length}: answers {shape}, "
                    f"{(1, *shapes[length])} wanted"
                )
    except (ValueError, RuntimeError, KeyError) as error:
        raise StartError(f"{model}: {error}") from error
    return runners
