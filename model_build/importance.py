"""What an encoder's parts are worth and cost, and the encoder without some of them.

Parts are layers, attention heads, and feed-forward neurons in groups of NEURON_STEP.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from model_build.model import EncoderShape, LayerShape, Model

if TYPE_CHECKING:
    from model_build.tokens import Tokens

NEURON_STEP = 16  # widths that are not multiples of a vector register waste one
BATCH = 32


@dataclass(frozen=True)
class Importance:
    """How much the loss would change without a part, to first order, by layer.

    `layers` is float [layers]; `heads` and `neurons` are float [heads] and [ffn] of each.
    """

    layers: np.ndarray
    heads: Sequence[np.ndarray]
    neurons: Sequence[np.ndarray]

    def of(self, kept: Sequence[int]) -> Importance:
        """That of these layers alone."""
        return Importance(
            self.layers[list(kept)],
            [self.heads[index] for index in kept],
            [self.neurons[index] for index in kept],
        )


@dataclass(frozen=True)
class Units:
    """Which heads and neurons stay, by layer: rising indices int [kept]."""

    heads: Sequence[np.ndarray]
    neurons: Sequence[np.ndarray]


@dataclass(frozen=True)
class Cost:
    """What the layers of an encoder cost, as a sum over their parts."""

    layer: float = 0.0  # what is there whatever is left of it
    head: float = 0.0
    neuron: float = 0.0

    def of(self, shape: EncoderShape) -> float:
        return sum(
            self.layer + layer.heads * self.head + layer.ffn * self.neuron
            for layer in shape.layers
        )


HEADS, NEURONS = Cost(head=1.0), Cost(neuron=1.0)


def parameters(shape: EncoderShape) -> Cost:
    """The weights of the layers: without embeddings and classifier."""
    return Cost(
        layer=6 * shape.width,  # two biases, two normalisations
        head=shape.head_width * (4 * shape.width + 3),
        neuron=2 * shape.width + 1,
    )


def smallest(shape: EncoderShape) -> EncoderShape:
    """One head and NEURON_STEP neurons in each layer: less is no layer."""
    layers = (LayerShape(1, min(NEURON_STEP, layer.ffn)) for layer in shape.layers)
    return replace(shape, layers=tuple(layers))


def importance(model: Model, tokens: Tokens, rows: int) -> Importance:
    """Measure it on the first `rows` of `tokens`, by their targets.

    |activation x gradient|, summed over a part within a row and then over rows
    (Molchanov et al., 2017, https://arxiv.org/abs/1611.06440). A head's activation is
    what it mixes (Michel et al., 2019, https://arxiv.org/abs/1905.10650), a layer's is
    what it adds to its input: without the layer, the input stands for the output.
    """
    import tensorflow as tf

    from model_build import training
    from model_build.losses import cross_entropy
    from model_build.tokens import batches, first

    probe, width = _probe(model), model.shape.head_width

    def scores(batch: dict[str, Any]) -> dict[str, list[Any]]:
        with tf.GradientTape() as tape:
            outputs = probe(batch["ids"])
            loss = tf.reduce_sum(cross_entropy(outputs, batch))
        slopes = tape.gradient(loss, {name: outputs[name] for name in _PARTS})
        added = [after - before for before, after in pairwise(outputs["hidden"])]
        return {
            "hidden": _taylor(added, slopes["hidden"][1:]),
            "heads": _taylor(outputs["heads"], slopes["heads"], of=width),
            "neurons": _taylor(outputs["neurons"], slopes["neurons"], of=1),
        }

    signature = [training.any_batch(tokens)]
    compiled = tf.function(scores, signature, autograph=False)
    sums: dict[str, list[np.ndarray]] = {}
    for batch in batches(first(tokens, rows), BATCH):
        for name, each in compiled(training.tensors(batch.tokens)).items():
            before = sums.get(name, [np.float32(0)] * len(each))
            sums[name] = [a + b.numpy() for a, b in zip(before, each, strict=True)]
    return Importance(np.ravel(sums["hidden"]), sums["heads"], sums["neurons"])


_PARTS = ("hidden", "heads", "neurons")


def _probe(model: Model) -> Any:
    """The encoder, with what its heads and neurons put out."""
    import tf_keras as keras

    from model_build.encoder import to_keras

    encoder = to_keras(model)
    layers = range(len(model.shape.layers))
    outputs = {
        "heads": [encoder.get_layer(f"layer{i}_attend").output for i in layers],
        "neurons": [encoder.get_layer(f"layer{i}_act").output for i in layers],
    }
    return keras.Model(encoder.input, {**encoder.output, **outputs})


def _taylor(values: list[Any], slopes: list[Any], of: int | None = None) -> list[Any]:
    """Sum value x slope over tokens and `of` channels, its size over rows: [parts]."""
    import tensorflow as tf

    found = []
    for value, slope in zip(values, slopes, strict=True):
        channels = tf.reduce_sum(value * slope, 1)  # [rows, channels]
        each = [tf.shape(channels)[0], -1, of or value.shape[-1]]
        parts = tf.reshape(channels, each)
        found.append(tf.reduce_sum(tf.abs(tf.reduce_sum(parts, -1)), 0))
    return found


def strongest(found: Importance, cost: Cost, budget: float) -> Units:
    """Return the units that stay: the most important for what they cost.

    The cost of what is left is at most `budget`; but each layer keeps its best head and
    its best NEURON_STEP neurons, whatever they cost, and what costs nothing stays.
    """
    left = budget - cost.layer * len(found.layers)
    kept: dict[tuple[str, int], list[np.ndarray]] = {}
    for unit in sorted(_units(found, cost), key=_first_then_worth):
        if unit.first or unit.cost <= left:
            left -= unit.cost
            kept.setdefault((unit.kind, unit.layer), []).append(unit.indices)

    def sorted_indices(kind: str) -> list[np.ndarray]:
        layers = range(len(found.layers))
        return [np.sort(np.concatenate(kept[kind, layer])) for layer in layers]

    return Units(sorted_indices("heads"), sorted_indices("neurons"))


@dataclass(frozen=True)
class _Unit:
    """A head, or the NEURON_STEP neurons that follow one another in importance."""

    kind: str  # heads or neurons
    layer: int
    indices: np.ndarray
    importance: float
    cost: float
    first: bool  # the best of its layer


def _units(found: Importance, cost: Cost) -> Iterator[_Unit]:
    for layer in range(len(found.layers)):
        for kind, scores, price, step in (
            ("heads", found.heads[layer], cost.head, 1),
            ("neurons", found.neurons[layer], cost.neuron, NEURON_STEP),
        ):
            order = np.argsort(-scores, kind="stable")
            for place in range(0, len(order), step):
                unit = order[place : place + step]
                worth = float(scores[unit].sum())
                yield _Unit(kind, layer, unit, worth, price * len(unit), place == 0)


def _first_then_worth(unit: _Unit) -> tuple[bool, float]:
    worth = unit.importance / unit.cost if unit.cost else np.inf
    return not unit.first, -worth


def remove(model: Model, units: Units) -> Model:
    """Cut everything but these heads and neurons out of the matrices."""
    weights = dict(model.weights)
    width = model.shape.head_width
    layers: list[LayerShape] = []
    pairs = zip(units.heads, units.neurons, strict=True)
    for index, (heads, neurons) in enumerate(pairs):
        columns = (heads[:, None] * width + np.arange(width)).ravel()
        name = f"layer{index}"
        for part in ("query", "key", "value"):
            _cut(weights, f"{name}_{part}", columns, axis=1)
        _cut(weights, f"{name}_output", columns, axis=0)
        _cut(weights, f"{name}_ffn_in", neurons, axis=1)
        _cut(weights, f"{name}_ffn_out", neurons, axis=0)
        layers.append(LayerShape(len(heads), len(neurons)))
    return model.with_weights(weights, replace(model.shape, layers=tuple(layers)))


def _cut(
    weights: dict[str, np.ndarray], dense: str, kept: np.ndarray, axis: int
) -> None:
    weights[f"{dense}/kernel"] = np.take(weights[f"{dense}/kernel"], kept, axis)
    if axis == 1:  # an output that is gone has no bias
        weights[f"{dense}/bias"] = weights[f"{dense}/bias"][kept]
