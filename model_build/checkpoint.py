"""From a Hugging Face checkpoint's safetensors to our encoder's weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from model_build.model import EncoderShape, LayerShape, Model

FILES = ("config.json", "model.safetensors", "tokenizer.json")

# Ours -> theirs, within `encoder.layer.N.`; Linear stores [out, in], Dense [in, out].
BERT_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
    "ffn_norm": "output.LayerNorm",
}


class CheckpointError(ValueError):
    """A checkpoint that is not what its spec says, or that we cannot map."""


def read_checkpoint(directory: Path, *, classes: int, seed: int) -> Model:
    """Map a BERT-shaped checkpoint onto our encoder, with a fresh classifier.

    Raises CheckpointError naming the file and what it lacks.
    """
    path = directory / "model.safetensors"
    try:
        theirs = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not safetensors: {error}") from None
    shape = _shape(directory / "config.json", classes)
    try:
        weights = dict(_mapped(theirs, shape))
    except KeyError as error:
        raise CheckpointError(f"{path}: no tensor {error}") from None
    normal = np.random.default_rng(seed).normal(0, 0.02, (shape.width, classes))
    weights["classifier/kernel"] = normal.astype(np.float32)
    weights["classifier/bias"] = np.zeros(classes, np.float32)
    return Model(shape, weights)


def check_length(directory: Path, length: int) -> None:
    """Raise CheckpointError if the checkpoint has no place for so many tokens."""
    positions = _shape(directory / "config.json", classes=2).positions
    if length > positions:
        raise CheckpointError(
            f"serving.lengths: {length} is above the {positions} positions of {directory}"
        )


def _shape(path: Path, classes: int) -> EncoderShape:
    try:
        config = json.loads(path.read_bytes())
        if config["model_type"] != "bert" or config["hidden_act"] != "gelu":
            raise CheckpointError(
                f"{path}: model_type {config['model_type']!r} with "
                f"{config['hidden_act']!r}: known are 'bert' with 'gelu'"
            )
        heads, width = config["num_attention_heads"], config["hidden_size"]
        layer = LayerShape(heads, config["intermediate_size"])
        return EncoderShape(
            vocabulary=config["vocab_size"],
            positions=config["max_position_embeddings"],
            width=width,
            head_width=width // heads,
            layers=(layer,) * config["num_hidden_layers"],
            classes=classes,
            epsilon=config["layer_norm_eps"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path}: {error!r}") from None


def _mapped(
    theirs: dict[str, np.ndarray], shape: EncoderShape
) -> Iterator[tuple[str, np.ndarray]]:
    prefix = "bert." if "bert.embeddings.word_embeddings.weight" in theirs else ""

    def read(name: str) -> np.ndarray:
        return theirs[prefix + name].astype(np.float32)

    yield "embed/tokens", read("embeddings.word_embeddings.weight")
    # One text in: every token is of segment 0, so that its row is a constant.
    segment = read("embeddings.token_type_embeddings.weight")[0]
    yield "embed/positions", read("embeddings.position_embeddings.weight") + segment
    yield from _pair("embed_norm", "embeddings.LayerNorm", read)
    for index in range(len(shape.layers)):
        for ours, name in BERT_LAYER.items():
            yield from _pair(
                f"layer{index}_{ours}", f"encoder.layer.{index}.{name}", read
            )


def _pair(
    ours: str, name: str, read: Callable[[str], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    if ours.endswith("norm"):
        yield f"{ours}/gamma", read(f"{name}.weight")
        yield f"{ours}/beta", read(f"{name}.bias")
    else:
        yield f"{ours}/kernel", np.ascontiguousarray(read(f"{name}.weight").T)
        yield f"{ours}/bias", read(f"{name}.bias")
