"""The OpenVINO engine: token ids in, answers out, eight rows at a time."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray
from openvino import Core, InferRequest, Tensor

from containers.flask.artifact import StartError

BATCH = 8  # rows at once: a ninth costs as much as the eighth


class OpenVINOEngine:
    """One compiled model with a stream for every core; safe to call from any thread.

    Rows run in eights and the rest one by one, so that a server meets no shape that it
    has not warmed: the first run of a shape costs ten later ones. Activations are
    quantized on scales fixed by the build, so no answer depends on its neighbours.
    """

    batch_tokens = 512  # eights of the longer lengths

    def __init__(
        self, model: Path, *, shapes: Mapping[int, tuple[int, ...]], cores: int
    ) -> None:
        """Load and warm every shape; raises StartError naming what is wrong.

        `shapes`: for each length of a row, the shape of its answer.
        """
        self._requests: SimpleQueue[InferRequest] = SimpleQueue()
        try:
            compiled = Core().compile_model(
                model,
                "CPU",
                {
                    "INFERENCE_NUM_THREADS": cores,
                    "NUM_STREAMS": cores,
                    # Not bfloat16 where there is AMX: answers would be others there.
                    "INFERENCE_PRECISION_HINT": "f32",
                },
            )
            for _ in range(cores):
                self._requests.put(compiled.create_infer_request())
            self._warm(model, shapes)
        except RuntimeError as error:
            raise StartError(f"{model}: {error}") from error

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return one answer a row of ids [rows, length], padded with 0."""
        whole = len(ids) - len(ids) % BATCH
        starts = [*range(0, whole, BATCH), *range(whole, len(ids) + 1)]
        request = self._requests.get()
        try:
            return np.concatenate(
                [
                    _infer(request, ids[start:end])
                    for start, end in itertools.pairwise(starts)
                ]
            )
        finally:
            self._requests.put(request)

    def _warm(self, model: Path, shapes: Mapping[int, tuple[int, ...]]) -> None:
        for length, shape in shapes.items():
            for rows in (1, BATCH):
                found = self.run(np.ones((rows, length), np.int32)).shape
                if found != (rows, *shape):
                    raise StartError(
                        f"{model}: {rows} x {length} tokens: answers {found}, "
                        f"{(rows, *shape)} wanted"
                    )


def _infer(request: InferRequest, ids: NDArray[np.int32]) -> NDArray[np.float32]:
    request.set_input_tensor(0, Tensor(np.ascontiguousarray(ids)))
    request.infer()
    answer: NDArray[np.float32] = request.get_output_tensor(0).data.copy()
    return answer
