"""Remove whole heads and feed-forward neurons: smaller matrices, really faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta

from model_build.model import EncoderShape, LayerShape
from model_build.passes.base import Taught, Workbench

if TYPE_CHECKING:
    from model_build.model import Model
    from model_build.tokens import Tokens

Share = Annotated[float, Meta(gt=0, le=1)]
NEURON_STEP = 16  # widths that are not multiples of a vector register waste one


class PruneStructure(Taught, frozen=True, kw_only=True, tag="prune_structure"):
    """Keep the heads and neurons whose absence would change the loss most.

    Importance is first-order Taylor, |activation x gradient| summed over a unit
    (Molchanov et al., 2017, https://arxiv.org/abs/1611.06440; for heads Michel et
    al., 2019, https://arxiv.org/abs/1905.10650), on `calibration` training
    examples, ranked over all layers at once, so that each layer keeps what it
    needs. What is left recovers on the teacher's answers.
    """

    keep_heads: Share = 1.0
    keep_neurons: Share = 1.0
    calibration: Annotated[int, Meta(ge=1)] = 512  # examples

    def planned(self, shape: EncoderShape) -> EncoderShape:
        """As if every layer lost the same share; which lose more, importance says."""
        layers = tuple(
            LayerShape(
                max(1, round(self.keep_heads * layer.heads)),
                max(NEURON_STEP, round(self.keep_neurons * layer.ffn)),
            )
            for layer in shape.layers
        )
        return replace(shape, layers=layers)

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, training

        tokens = bench.tokens(model, bench.train)
        heads, neurons = importance(model, tokens, self.calibration)
        pruned = remove(
            model,
            heads=strongest(heads, self.keep_heads, step=1),
            neurons=strongest(neurons, self.keep_neurons, step=NEURON_STEP),
        )
        recovering = encoder.to_keras(pruned)
        training.recover(recovering, tokens, self, bench)
        return pruned.with_weights(encoder.weights_of(recovering))


def importance(
    model: Model, tokens: Tokens, examples: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The loss's change to first order, by layer: [heads] and [neurons]."""
    import tensorflow as tf
    import tf_keras as keras

    from model_build import encoder, training
    from model_build.losses import cross_entropy
    from model_build.tokens import batches, first

    full = encoder.to_keras(model)
    layers = range(len(model.shape.layers))
    names = [f"layer{i}_{part}" for part in ("attend", "act") for i in layers]
    probe = keras.Model(
        full.input,
        {
            "logits": full.output["logits"],
            "units": [full.get_layer(name).output for name in names],
        },
    )

    @tf.function(reduce_retracing=True)
    def scores(batch: dict[str, tf.Tensor]) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            outputs = probe(batch["ids"])
            loss = tf.reduce_sum(cross_entropy(outputs, batch))
        slopes = tape.gradient(loss, outputs["units"])
        return [
            tf.reduce_sum(tf.abs(tf.reduce_sum(unit * slope, 1)), 0)
            for unit, slope in zip(outputs["units"], slopes, strict=True)
        ]

    sums: Any = 0
    for batch in batches(first(tokens, examples), 32):
        found = scores(training.tensors(batch.tokens))
        sums = [
            a + b.numpy() for a, b in zip(sums or [0] * len(names), found, strict=True)
        ]
    attend, neurons = sums[: len(layers)], sums[len(layers) :]
    return [a.reshape(-1, model.shape.head_width).sum(1) for a in attend], neurons


def strongest(
    scores: Sequence[np.ndarray], share: float, *, step: int
) -> list[np.ndarray]:
    """The indices of each layer's units that stay, in their old order.

    `share` is of all layers' units together; a layer keeps a multiple of `step`,
    and at least one step.
    """
    ranked = np.sort(np.concatenate(scores))
    threshold = ranked[len(ranked) - round(share * len(ranked))] if share < 1 else -1.0
    kept = []
    for layer in scores:
        above = int((layer >= threshold).sum())
        count = min(len(layer), max(step, round(above / step) * step))
        kept.append(np.sort(np.argsort(-layer, kind="stable")[:count]))
    return kept


def remove(
    model: Model, *, heads: Sequence[np.ndarray], neurons: Sequence[np.ndarray]
) -> Model:
    """Cut everything but the given units of each layer out of the matrices."""
    weights = dict(model.weights)
    width = model.shape.head_width
    layers: list[LayerShape] = []
    for index, layer in enumerate(model.shape.layers):
        columns = (heads[index][:, None] * width + np.arange(width)).ravel()
        name = f"layer{index}"
        for part in ("query", "key", "value"):
            _cut(weights, f"{name}_{part}", columns, axis=1)
        _cut(weights, f"{name}_output", columns, axis=0)
        _cut(weights, f"{name}_ffn_in", neurons[index], axis=1)
        _cut(weights, f"{name}_ffn_out", neurons[index], axis=0)
        layers.append(replace(layer, heads=len(heads[index]), ffn=len(neurons[index])))
    return model.with_weights(weights, replace(model.shape, layers=tuple(layers)))


def _cut(
    weights: dict[str, np.ndarray], dense: str, kept: np.ndarray, axis: int
) -> None:
    weights[f"{dense}/kernel"] = np.take(weights[f"{dense}/kernel"], kept, axis)
    if axis == 1:  # an output that is gone has no bias
        weights[f"{dense}/bias"] = weights[f"{dense}/bias"][kept]
