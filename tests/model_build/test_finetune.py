"""Fine-tuning learns the labels, in the parts that it is given."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from model_build.examples import Example
from model_build.model import Model
from model_build.passes import Finetune
from model_build.passes.base import PlanError, Workbench
from model_build.passes.finetune import Lora, Matrix, weights_by_class

pytestmark = pytest.mark.tf

FAST = Finetune(epochs=30, batch_size=16, learning_rate=0.02, dropout=0.0)


def logits(model: Model, bench: Workbench) -> np.ndarray:
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    return np.array(logits_of(to_keras(model), bench.tokens(model, bench.train)))


def accuracy(model: Model, bench: Workbench) -> float:
    labels = [example.label for example in bench.train]
    return float((logits(model, bench).argmax(1) == labels).mean())


def test_it_learns_the_labels(tiny_model: Model, bench: Workbench) -> None:
    assert accuracy(FAST.apply(tiny_model, bench), bench) > 0.9


@pytest.mark.parametrize("train_embeddings", [False, True])
def test_embeddings_learn_where_they_are_asked_to(
    tiny_model: Model, bench: Workbench, train_embeddings: bool
) -> None:
    """Red if the switch is not read, either way."""
    asked = Finetune(epochs=1, train_embeddings=train_embeddings)
    weights = asked.apply(tiny_model, bench).weights
    for name in ("embed/tokens", "embed/positions"):
        changed = not np.array_equal(weights[name], tiny_model.weights[name])
        assert changed == train_embeddings, name


def test_a_loss_that_is_no_number_stops_it(tiny_model: Model, bench: Workbench) -> None:
    weights = {k: v * np.float32(np.nan) for k, v in tiny_model.weights.items()}
    with pytest.raises(ArithmeticError, match="learning_rate 0.0001 may be too high"):
        Finetune().apply(tiny_model.with_weights(weights), bench)


def test_it_keeps_the_epoch_that_validates_best(
    tiny_model: Model, bench: Workbench
) -> None:
    """Red if `patience` does not reach the loop: 30 epochs would be judged."""
    bench = replace(bench, validation=bench.train)
    stopped = replace_settings(FAST, patience=2).apply(tiny_model, bench)
    assert isinstance(bench.progress.stream, io.StringIO)
    said = bench.progress.stream.getvalue()
    judged = [line.split()[-3] for line in said.splitlines() if " epoch " in line]
    *epochs, kept = [float(value) for value in judged]
    assert len(epochs) < 30
    assert kept == max(epochs) == pytest.approx(accuracy(stopped, bench), abs=1e-4)


def replace_settings(settings: Finetune, **changes: object) -> Finetune:
    import msgspec

    return msgspec.structs.replace(settings, **changes)


def test_classes_are_balanced_by_how_rare_they_are() -> None:
    examples = [Example(("x",), label) for label in (0, 0, 0, 1)]
    weights = weights_by_class("balanced", ("bad", "good"), examples)
    np.testing.assert_allclose(weights, [4 / 6, 4 / 2])


def test_a_class_without_a_weight_counts_as_one() -> None:
    weights = weights_by_class({"good": 3.0}, ("bad", "good"), [])
    assert weights.tolist() == [1.0, 3.0]


def test_weights_of_no_class_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\['fine'\] are not among the labels"):
        weights_by_class({"fine": 2.0}, ("bad", "good"), [])


def test_a_weighted_class_is_answered_more_often(
    tiny_model: Model, bench: Workbench
) -> None:
    """Red if the weights do not reach the loss."""
    counts = [
        logits(
            Finetune(
                epochs=10,
                learning_rate=0.01,
                class_weights={"bad": 1.0, "good": weight},
            ).apply(tiny_model, replace(bench, kept=fresh(bench, weight))),
            bench,
        )
        .argmax(1)
        .sum()
        for weight in (0.02, 50.0)
    ]
    assert counts[0] < 10
    assert counts[1] > 54


def fresh(bench: Workbench, name: object) -> object:
    directory = bench.kept / str(name)
    directory.mkdir()
    return directory


def test_class_weights_want_classes(tiny_model: Model) -> None:
    spans = replace(tiny_model.shape, head="spans")
    with pytest.raises(PlanError, match="finetune.class_weights"):
        Finetune(class_weights="balanced").planned(spans)


@pytest.mark.parametrize(
    "matrices", [("query", "value"), ("output", "ffn_in", "ffn_out")]
)
def test_lora_learns_in_the_named_matrices_and_the_classifier_alone(
    tiny_model: Model, bench: Workbench, matrices: tuple[Matrix, ...]
) -> None:
    """Red if the encoder is not frozen, or what was learnt is not merged."""
    lora = Lora(rank=4, alpha=8.0, matrices=matrices)
    learnt = replace_settings(FAST, lora=lora, learning_rate=0.05).apply(
        tiny_model, bench
    )
    assert learnt.weights.keys() == tiny_model.weights.keys()
    changed = {
        name
        for name, weight in learnt.weights.items()
        if not np.array_equal(weight, tiny_model.weights[name])
    }
    named = {f"layer{i}_{part}/kernel" for i in range(2) for part in matrices}
    assert changed == named | {"classifier/kernel", "classifier/bias"}
    for name in named:
        delta = learnt.weights[name] - tiny_model.weights[name]
        assert np.linalg.matrix_rank(delta, tol=1e-4) <= 4
    assert accuracy(learnt, bench) > 0.8


def test_merged_adapters_answer_as_they_did_beside_the_matrices(
    tiny_model: Model, bench: Workbench
) -> None:
    """Red if the scale, or a factor's side, is another when they are merged."""
    from model_build.encoder import to_keras
    from model_build.lora import adapt, merged
    from model_build.training import logits_of

    tokens = bench.tokens(tiny_model, bench.train)
    lora = Lora(rank=3, alpha=6.0, matrices=("query", "key", "value", "ffn_in"))
    adapted = adapt(tiny_model, lora, dropout=0.1, seed=7)
    unadapted = np.array(logits_of(adapted, tokens))
    np.testing.assert_allclose(unadapted, logits(tiny_model, bench), atol=1e-5)
    random = np.random.default_rng(7)
    for variable in adapted.variables:
        if variable.name.endswith("/up:0"):
            variable.assign(random.normal(size=variable.shape))
    beside = np.array(logits_of(adapted, tokens))
    plain = to_keras(tiny_model.with_weights(merged(adapted)))
    assert np.abs(beside - unadapted).max() > 0.1
    np.testing.assert_allclose(np.array(logits_of(plain, tokens)), beside, atol=1e-4)


def test_adapters_are_thinner_than_what_they_adapt(tiny_model: Model) -> None:
    with pytest.raises(PlanError, match="finetune.lora.rank: 16 is not below 16"):
        Finetune(lora=Lora(rank=16)).planned(tiny_model.shape)


def test_lora_trains_no_embeddings() -> None:
    with pytest.raises(ValueError, match="train_embeddings"):
        Finetune(lora=Lora(), train_embeddings=True)
