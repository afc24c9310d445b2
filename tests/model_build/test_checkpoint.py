"""A checkpoint that is not whole is refused, before training and by plan alike."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model_build.checkpoint import (
    CheckpointError,
    TaskHead,
    check_weights,
    read_checkpoint,
)

HEAD = TaskHead("classes", 2, 1)
READ = {
    "weights": lambda directory: read_checkpoint(directory, HEAD, seed=0),
    "header": lambda directory: check_weights(directory, HEAD),
}
TABLE = "embeddings.word_embeddings.weight"


def changed(**settings: Any) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        path = directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | settings))

    return spoil


def without(tensor: str) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        path = directory / "model.safetensors"
        save_file({n: t for n, t in load_file(path).items() if n != tensor}, path)

    return spoil


def cut(name: str, share: float) -> Callable[[Path], None]:
    def spoil(directory: Path) -> None:
        content = (directory / name).read_bytes()
        (directory / name).write_bytes(content[: int(share * len(content))])

    return spoil


@pytest.mark.parametrize("read", READ)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            changed(intermediate_size=64),
            "layer0_ffn_in/kernel is 16 x 32; .*config.json it would be 16 x 64",
            id="narrower blocks",
        ),
        pytest.param(
            changed(max_position_embeddings=64),
            "embed/positions is 32 x 16; .* 64 x 16",
            id="fewer positions",
        ),
        pytest.param(
            changed(num_hidden_layers=3), "no tensor .*layer.2", id="fewer layers"
        ),
        pytest.param(without(TABLE), f"no tensor '{TABLE}'", id="no table"),
        pytest.param(cut("model.safetensors", 0.5), "not safetensors", id="cut off"),
        pytest.param(cut("model.safetensors", 0), "not safetensors", id="empty"),
        pytest.param(
            cut("tokenizer.json", 0.5),
            "tokenizer.json: not a tokenizer",
            id="tokenizer",
        ),
        pytest.param(
            changed(vocab_size=9),
            r"tokenizer.json: has the id \d+; vocab_size .* is 9",
            id="more pieces than rows",
        ),
    ],
)
def test_what_is_broken_is_named(
    tiny_checkpoint: Path, spoil: Callable[[Path], None], message: str, read: str
) -> None:
    spoil(tiny_checkpoint)
    with pytest.raises(CheckpointError, match=message):
        READ[read](tiny_checkpoint)


def test_a_whole_one_passes(tiny_checkpoint: Path) -> None:
    check_weights(tiny_checkpoint, HEAD)


def test_bfloat16_is_read_as_float32(tiny_checkpoint: Path) -> None:
    path = tiny_checkpoint / "model.safetensors"
    exact = read_checkpoint(tiny_checkpoint, HEAD, seed=0).weights
    write_bfloat16(path, load_file(path))
    check_weights(tiny_checkpoint, HEAD)
    rounded = read_checkpoint(tiny_checkpoint, HEAD, seed=0).weights
    for name, weight in exact.items():
        assert rounded[name].dtype == np.float32
        np.testing.assert_allclose(rounded[name], weight, rtol=2**-7, atol=0.01)


def write_bfloat16(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """The format by hand: the library's numpy side writes no bfloat16."""
    header, body = {}, b""
    for name, tensor in tensors.items():
        upper = tensor.astype("<f4").view("<u2").reshape(-1, 2)[:, 1].tobytes()
        places = [len(body), len(body) + len(upper)]
        shape = list(tensor.shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": places}
        body += upper
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
