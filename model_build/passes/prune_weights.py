"""Set the smallest weights to zero while training the rest: smaller when compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from msgspec import Meta

from model_build.passes.base import Taught, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model


class PruneWeights(Taught, frozen=True, kw_only=True, tag="prune_weights"):
    """Magnitude pruning of every encoder matrix on a polynomial schedule.

    Zhu and Gupta, 2017 (https://arxiv.org/abs/1710.01878), as tensorflow-model-
    optimization has it. Dense runtimes are no faster for it; only bytes shrink,
    after compression.
    """

    sparsity: Annotated[float, Meta(gt=0, lt=1)]
    frequency: Annotated[int, Meta(ge=1)] = 20  # steps between two prunings

    def planned(self, shape: EncoderShape) -> EncoderShape:
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        import tensorflow_model_optimization as tfmot

        from model_build import encoder, training

        sparsity = tfmot.sparsity.keras
        tokens = bench.tokens(model, bench.train)
        steps = training.step_count(self, len(tokens))
        schedule = sparsity.PolynomialDecay(
            initial_sparsity=0.0,
            final_sparsity=self.sparsity,
            begin_step=0,
            end_step=max(1, round(0.7 * steps)),  # the rest recovers
            frequency=min(self.frequency, max(1, steps // 4)),
        )
        wrapped = _wrap(encoder.to_keras(model), schedule)
        update = sparsity.UpdatePruningStep()

        def start(optimizer: Any) -> None:
            wrapped.optimizer = optimizer  # tfmot reads its step from there
            update.set_model(wrapped)
            update.on_train_begin()

        hooks = training.Hooks(
            on_start=start,
            before_step=lambda: update.on_train_batch_begin(batch=-1),
        )
        training.recover(wrapped, tokens, self, bench, hooks=hooks)
        update.on_epoch_end(batch=-1)
        return model.with_weights(encoder.weights_of(sparsity.strip_pruning(wrapped)))


def _wrap(plain: Any, schedule: Any) -> Any:
    """tfmot refuses a whole model with layers it does not know; Dense it knows."""
    import tensorflow_model_optimization as tfmot
    import tf_keras as keras

    def wrap(layer: Any) -> Any:
        if isinstance(layer, keras.layers.Dense) and layer.name != "classifier":
            return tfmot.sparsity.keras.prune_low_magnitude(layer, schedule)
        return layer

    wrapped = keras.models.clone_model(plain, clone_function=wrap)
    trained = {v.name: v for v in plain.variables}  # clone_model makes new weights
    for variable in wrapped.variables:
        if (source := trained.get(variable.name)) is not None:
            variable.assign(source)
    return wrapped
