"""What a shape costs, counted: parameters, bytes, operations. No weights, no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from model_build.model import EncoderShape, LayerShape

# Bytes of one number, by how it is stored.
DTYPES: Mapping[str, float] = {"float32": 4, "float16": 2, "int8": 1, "int4": 0.5}
# LiteRT's converter leaves smaller matrices in float.
QUANTIZED_FROM = 1024  # elements
# Of a LiteRT file beside the weights: tensors and operators of one layer, or of what
# is around the layers, for one length; and what describes one channel's int8 scale.
# Fitted to the files of the support-sentiment build (docs/decisions/0020).
LAYER_BYTES, GRAPH_BYTES, CHANNEL_BYTES = 7_700, 5_600, 12


@dataclass(frozen=True)
class Matrix:
    """A kernel or a table [rows, columns]; a table is read row by row."""

    name: str
    rows: int
    columns: int

    @property
    def size(self) -> int:
        return self.rows * self.columns


def matrices(shape: EncoderShape) -> Iterator[Matrix]:
    """Every weight that has two dimensions, by the name that Model.weights uses."""
    narrow = shape.embedding_width or shape.width
    yield Matrix("embed/tokens", shape.vocabulary, narrow)
    yield Matrix("embed/positions", shape.positions, narrow)
    if shape.separator is not None:
        yield Matrix("embed/segments", 2, narrow)
    if shape.embedding_width is not None:
        yield Matrix("embed_project/kernel", narrow, shape.width)
    for index, layer in enumerate(shape.layers):
        yield from _layer(shape, layer, f"layer{index}")
    yield Matrix("classifier/kernel", shape.width, shape.classes)


def _layer(shape: EncoderShape, layer: LayerShape, name: str) -> Iterator[Matrix]:
    heads = layer.heads * shape.head_width
    for part in ("query", "key", "value"):
        yield Matrix(f"{name}_{part}/kernel", shape.width, heads)
    yield Matrix(f"{name}_output/kernel", heads, shape.width)
    yield Matrix(f"{name}_ffn_in/kernel", shape.width, layer.ffn)
    yield Matrix(f"{name}_ffn_out/kernel", layer.ffn, shape.width)


def weight_shapes(shape: EncoderShape) -> dict[str, tuple[int, ...]]:
    """The sides of every weight, by the name that Model.weights uses."""
    found: dict[str, tuple[int, ...]] = {}
    for matrix in matrices(shape):
        found[matrix.name] = (matrix.rows, matrix.columns)
        if (name := matrix.name).endswith("/kernel"):
            found[name.replace("/kernel", "/bias")] = (matrix.columns,)
    norms = {"embed_norm": shape.embedding_width or shape.width}
    for index in range(len(shape.layers)):
        for part in ("attention", "ffn"):
            norms[f"layer{index}_{part}_norm"] = shape.width
    for name, width in norms.items():
        found[f"{name}/gamma"] = found[f"{name}/beta"] = (width,)
    return found


def vectors(shape: EncoderShape) -> int:
    """The number of biases and of the normalisations' parameters."""
    return sum(sides[0] for sides in weight_shapes(shape).values() if len(sides) == 1)


def parameters(shape: EncoderShape) -> int:
    return sum(matrix.size for matrix in matrices(shape)) + vectors(shape)


def trainable(shape: EncoderShape) -> int:
    """The parameters that training changes where the embeddings are frozen."""
    frozen = ("embed/tokens", "embed/positions", "embed/segments")
    return parameters(shape) - sum(
        matrix.size for matrix in matrices(shape) if matrix.name in frozen
    )


def weight_bytes(shape: EncoderShape) -> dict[str, int]:
    """Bytes of the weights by the type that matrices are stored in; vectors stay float32."""
    held = sum(matrix.size for matrix in matrices(shape))
    return {
        name: round(held * each) + 4 * vectors(shape) for name, each in DTYPES.items()
    }


@dataclass(frozen=True)
class Storage:
    """The types that an export stores weights in."""

    kernels: str = "float32"
    table: str = "float32"  # of token embeddings


def storage_of(scheme: str, embeddings: str | None = None) -> Storage:
    """Return what a quantization scheme, and a wish for the embeddings, come to."""
    kernels = "float32"
    if "int8" in scheme or scheme == "mixed":
        kernels = "int8"
    elif "float16" in scheme:  # bfloat16 too
        kernels = "float16"
    floats = "float32" if kernels == "int8" else kernels
    asked = {None: kernels, "float": floats}
    return Storage(kernels, asked.get(embeddings, embeddings or kernels))


def file_bytes(shape: EncoderShape, storage: Storage, lengths: Sequence[int]) -> int:
    """Bytes of the LiteRT file.

    Weights are shared by the graphs of all `lengths`; each graph has its own slice of
    the positions, its operators, and the scales of its int8 channels. What `mixed`
    leaves in float is not known before, and counts as int8.
    """
    total, channels = 4.0 * vectors(shape), 0
    for matrix in matrices(shape):
        if matrix.name == "embed/positions":
            total += 4 * matrix.columns * sum(lengths)
        elif matrix.name == "embed/tokens":
            total += DTYPES[storage.table] * matrix.size
        elif matrix.size < QUANTIZED_FROM:
            total += 4 * matrix.size
        else:
            total += DTYPES[storage.kernels] * matrix.size
            channels += matrix.columns
    graph = GRAPH_BYTES + LAYER_BYTES * len(shape.layers)
    graph += CHANNEL_BYTES * channels if storage.kernels == "int8" else 0
    return round(total) + graph * len(lengths)


def row_flops(shape: EncoderShape, length: int) -> int:
    """Floating-point operations for one row of `length` tokens; a multiply-add is two.

    Matrix products only: the rest is under 2 % of MiniLM's.
    """
    each = 0  # of a token
    for matrix in matrices(shape):
        if matrix.name.endswith("/kernel") and matrix.name != "classifier/kernel":
            each += 2 * matrix.size
    heads = sum(layer.heads for layer in shape.layers) * shape.head_width
    answers = length if shape.head == "spans" else 1
    return (
        length * each
        + 4 * heads * length**2  # queries with keys, and the mixture of values
        + answers * 2 * shape.width * shape.classes
    )


def activations(shape: EncoderShape, length: int) -> int:
    """Numbers that a training step keeps of one row for its backward pass.

    Of each layer: six of the width (residuals, normalisations, what they were made
    from), queries, keys, values and their mixture, five of the feed-forward block
    (the exact GELU keeps its parts), and three of the scores.
    """
    each = 0
    for layer in shape.layers:
        heads = layer.heads * shape.head_width
        each += 6 * shape.width + 4 * heads + 5 * layer.ffn
        each += 3 * layer.heads * length
    return length * (each + 4 * (shape.embedding_width or shape.width))
