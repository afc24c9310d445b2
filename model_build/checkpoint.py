"""From a Hugging Face checkpoint to our encoder: weights, sizes and tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  numpy knows bfloat16 then
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from model_build.architectures import ARCHITECTURES, Architecture
from model_build.cleaning import Side
from model_build.model import Activation, EncoderShape, Head, LayerShape, Model
from model_build.sizes import weight_shapes
from model_build.vocabulary import (
    TokenizerError,
    cut_at,
    load_tokenizer,
    pair_separator,
    renumber,
)

WEIGHTS_FILE = "model.safetensors"
SHAPE_FILES = ("config.json", "tokenizer.json")
FILES = ("config.json", WEIGHTS_FILE, "tokenizer.json")

_ACTIVATIONS: Mapping[str, Activation] = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}


class CheckpointError(ValueError):
    """A checkpoint that is not what its spec says, or that we cannot map."""


@dataclass(frozen=True)
class TaskHead:
    """What the task asks of the model: its answers, and how many texts it is given."""

    kind: Head
    classes: int
    texts: int  # in a row: 1, or 2 with a separator between
    truncate: Side = "end"  # where a text that is too long is cut


def read_checkpoint(directory: Path, head: TaskHead, *, seed: int) -> Model:
    """Map a checkpoint onto our encoder, with a fresh classifier.

    Padding is id 0 afterwards, whatever it was. Raises CheckpointError naming the file
    and what it lacks; an architecture that is not known is told which are.
    """
    config = _Config.read(directory / "config.json")
    tokenizer = _read_text(directory / "tokenizer.json")
    path = directory / WEIGHTS_FILE
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not safetensors: {error}") from None
    shape, mapped = _shaped(config, tensors, head, tokenizer, path)
    weights = dict(mapped)
    try:
        tokenizer, weights["embed/tokens"] = _padded_with_0(
            tokenizer, weights["embed/tokens"], config.architecture.pad
        )
    except TokenizerError as error:
        raise CheckpointError(f"{directory / 'tokenizer.json'}: {error}") from None
    normal = np.random.default_rng(seed).normal(0, 0.02, (shape.width, head.classes))
    weights["classifier/kernel"] = normal.astype(np.float32)
    weights["classifier/bias"] = np.zeros(head.classes, np.float32)
    return Model(shape, weights, cut_at(tokenizer, head.truncate))


def read_shape(directory: Path, head: TaskHead) -> EncoderShape:
    """Return the shape that read_checkpoint() gives its model, from SHAPE_FILES alone.

    Raises CheckpointError naming the file and what it lacks.
    """
    config = _Config.read(directory / "config.json")
    tokenizer = _read_text(directory / "tokenizer.json")
    return config.shape(head, tokenizer, segments=config.segments)


def check_weights(directory: Path, head: TaskHead) -> None:
    """Raise CheckpointError where read_checkpoint() would; of the weights, the header is read."""
    config = _Config.read(directory / "config.json")
    tokenizer = _read_text(directory / "tokenizer.json")
    path = directory / WEIGHTS_FILE
    try:
        with safe_open(path, "numpy") as file:
            # Of the right shape, and of one number.
            tensors = {
                name: np.broadcast_to(np.float32(0), file.get_slice(name).get_shape())
                for name in file.keys()  # noqa: SIM118  it is no mapping
            }
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path}: not safetensors: {error}") from None
    for _ in _shaped(config, tensors, head, tokenizer, path)[1]:
        pass


@dataclass(frozen=True)
class _Config:
    path: Path
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> _Config:
        try:
            raw = json.loads(_read_text(path))
        except ValueError as error:
            raise CheckpointError(f"{path}: not JSON: {error}") from None
        if not isinstance(raw, dict):
            raise CheckpointError(f"{path}: not an object")
        return cls(path, raw)

    @property
    def architecture(self) -> Architecture:
        name = self.raw.get("model_type")
        if not isinstance(name, str) or name not in ARCHITECTURES:
            known = ", ".join(sorted(ARCHITECTURES))
            raise CheckpointError(
                f"{self.path}: model_type {name!r} is not known; known are {known}"
            )
        return ARCHITECTURES[name]

    @property
    def positions(self) -> int:
        rows = self._count("max_position_embeddings")
        return rows - self.architecture.first_position

    @property
    def segments(self) -> int:
        key = self.architecture.segments
        return self._count(key) if key in self.raw and key is not None else 0

    def shape(self, head: TaskHead, tokenizer: str, *, segments: int) -> EncoderShape:
        known = self.architecture
        width, heads, layers, ffn = (
            self._count(known.config[name])
            for name in ("width", "heads", "layers", "ffn")
        )
        if width % heads:
            raise CheckpointError(
                f"{self.path}: {known.config['width']} {width} is no multiple of "
                f"{known.config['heads']} {heads}"
            )
        if (kind := self.raw.get("position_embedding_type", "absolute")) != "absolute":
            raise CheckpointError(
                f"{self.path}: position_embedding_type {kind!r} is not 'absolute'"
            )
        embedding = self._count("embedding_size") if known.narrow else width
        two = head.texts == 2 and segments == 2
        vocabulary = self._count("vocab_size")
        separator = self._separator(tokenizer, vocabulary, two=two)
        return EncoderShape(
            vocabulary=vocabulary,
            positions=self.positions,
            width=width,
            head_width=width // heads,
            layers=(LayerShape(heads, ffn),) * layers,
            classes=head.classes,
            epsilon=float(self.raw.get("layer_norm_eps", 1e-12)),
            activation=self._activation(),
            embedding_width=embedding if embedding != width else None,
            separator=separator,
            head=head.kind,
        )

    def _separator(self, tokenizer: str, vocabulary: int, *, two: bool) -> int | None:
        """What is between two texts, of a tokenizer that has a row for each piece."""
        path = self.path.with_name("tokenizer.json")
        try:
            pieces = load_tokenizer(tokenizer).get_vocab()
            separator = pair_separator(tokenizer) if two else None
        except TokenizerError as error:
            raise CheckpointError(f"{path}: {error}") from None
        if (last := max(pieces.values(), default=-1)) >= vocabulary:
            raise CheckpointError(
                f"{path}: has the id {last}; vocab_size of {self.path} is {vocabulary}"
            )
        return separator

    def _count(self, key: str) -> int:
        found = self.raw.get(key)
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise CheckpointError(
                f"{self.path}: {key}: {found!r} is not a whole number above 0"
            )
        return found

    def _activation(self) -> Activation:
        key = self.architecture.config["activation"]
        found = self.raw.get(key)
        if not isinstance(found, str) or found not in _ACTIVATIONS:
            raise CheckpointError(
                f"{self.path}: {key}: {found!r} is not known; known are "
                f"{', '.join(_ACTIVATIONS)}"
            )
        return _ACTIVATIONS[found]


@dataclass(frozen=True)
class _Tensors:
    """A checkpoint's tensors under the names of the bare encoder."""

    by_name: Mapping[str, np.ndarray]
    prefix: str

    def rows(self, name: str) -> np.ndarray:
        """A table [rows, width]; no rows where there is no such table."""
        found = self._find(f"{name}.weight")
        return np.zeros((0, 0), np.float32) if found is None else found

    def read(self, *names: str) -> np.ndarray:
        """The tensor that has one of these names; raises KeyError with the first."""
        for name in names:
            if (found := self._find(name)) is not None:
                return found
        raise KeyError(names[0])

    def _find(self, name: str) -> np.ndarray | None:
        for full in (self.prefix + name, name):
            if full in self.by_name:
                return self.by_name[full].astype(np.float32, copy=False)
        return None

    def part(self, ours: str, name: str) -> Iterator[tuple[str, np.ndarray]]:
        """A Dense or LayerNormalization; Linear stores [out, in], Dense [in, out]."""
        if ours.endswith("norm"):
            # Checkpoints that were TensorFlow's once still say gamma and beta.
            yield f"{ours}/gamma", self.read(f"{name}.weight", f"{name}.gamma")
            yield f"{ours}/beta", self.read(f"{name}.bias", f"{name}.beta")
        else:
            kernel = self.read(f"{name}.weight").T
            yield f"{ours}/kernel", np.ascontiguousarray(kernel)
            yield f"{ours}/bias", self.read(f"{name}.bias")


def _shaped(
    config: _Config,
    tensors: Mapping[str, np.ndarray],
    head: TaskHead,
    tokenizer: str,
    path: Path,
) -> tuple[EncoderShape, Iterator[tuple[str, np.ndarray]]]:
    """The model's shape, and its weights as they are asked for, each of that shape."""
    theirs = _Tensors(tensors, config.architecture.prefix)
    segments = theirs.rows("embeddings.token_type_embeddings")
    shape = config.shape(head, tokenizer, segments=len(segments))
    mapped = _mapped(theirs, segments, shape, config.architecture)
    return shape, _fitting(mapped, shape, config, path)


def _fitting(
    mapped: Iterator[tuple[str, np.ndarray]],
    shape: EncoderShape,
    config: _Config,
    path: Path,
) -> Iterator[tuple[str, np.ndarray]]:
    wanted = weight_shapes(shape)
    try:
        for name, array in mapped:
            if array.shape != wanted[name]:
                raise ValueError(
                    f"{name} is {_sides(array.shape)}; after {config.path} it would be "
                    f"{_sides(wanted[name])}"
                )
            yield name, array
    except KeyError as error:
        raise CheckpointError(f"{path}: no tensor {error}") from None
    except ValueError as error:  # tables that are summed, of different widths
        raise CheckpointError(f"{path}: {error}") from None


def _sides(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "one number"


def _mapped(
    theirs: _Tensors, segments: np.ndarray, shape: EncoderShape, known: Architecture
) -> Iterator[tuple[str, np.ndarray]]:
    yield "embed/tokens", theirs.read("embeddings.word_embeddings.weight")
    positions = theirs.read("embeddings.position_embeddings.weight")
    positions = positions[known.first_position :]
    if shape.separator is not None:
        yield "embed/segments", segments
    elif len(segments):  # every token is of the first: its row is a constant
        positions = positions + segments[0]
    yield "embed/positions", positions
    yield from theirs.part("embed_norm", "embeddings.LayerNorm")
    if shape.embedding_width is not None:
        yield from theirs.part("embed_project", "embeddings_project")
    for index in range(len(shape.layers)):
        for ours, name in known.layer.items():
            yield from theirs.part(
                f"layer{index}_{ours}", f"{known.layers}.{index}.{name}"
            )


def _padded_with_0(
    tokenizer: str, table: np.ndarray, pad: int
) -> tuple[str, np.ndarray]:
    """Exchange padding's id with 0: servers and batches pad with 0 and nothing else."""
    if pad == 0:
        return tokenizer, table
    order = np.arange(len(table))
    order[[0, pad]] = order[[pad, 0]]
    return renumber(tokenizer, order), table[order]


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: {error}") from None
