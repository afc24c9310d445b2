"""Each pass does what its name says to a real encoder, and leaves its input alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from model_build.model import Model, Precision
from model_build.passes import Distill, Finetune, Quantize
from model_build.passes.base import Workbench

pytestmark = pytest.mark.tf


def answers(model: Model, bench: Workbench) -> np.ndarray:
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    return np.array(logits_of(to_keras(model), bench.tokens(model, bench.train)))


def accuracy(model: Model, bench: Workbench) -> float:
    labels = [example.label for example in bench.train]
    return float((answers(model, bench).argmax(1) == labels).mean())


def test_finetune_learns_the_labels(tiny_model: Model, bench: Workbench) -> None:
    learned = Finetune(epochs=40, learning_rate=0.02, dropout=0.0).apply(
        tiny_model, bench
    )
    assert accuracy(learned, bench) > 0.9
    assert np.array_equal(
        learned.weights["embed/tokens"], tiny_model.weights["embed/tokens"]
    )


def test_training_is_the_same_for_the_same_seed(
    tiny_model: Model, bench: Workbench
) -> None:
    first, again = (Finetune(dropout=0.0).apply(tiny_model, bench) for _ in range(2))
    assert all(
        np.allclose(first.weights[k], v, atol=1e-6) for k, v in again.weights.items()
    )


def test_a_loss_that_is_no_number_stops_the_pass(
    tiny_model: Model, bench: Workbench
) -> None:
    weights = {k: v * np.float32(np.nan) for k, v in tiny_model.weights.items()}
    with pytest.raises(ArithmeticError, match="learning_rate 0.0001 may be too high"):
        Finetune().apply(tiny_model.with_weights(weights), bench)


def test_a_distilled_student_is_shallower_and_nears_its_teacher(
    tiny_model: Model, bench: Workbench
) -> None:
    start = Distill(layers=1, epochs=0.01, learning_rate=1e-9).apply(tiny_model, bench)
    student = Distill(layers=1, epochs=40, learning_rate=0.01, alpha=1.0).apply(
        tiny_model, bench
    )
    assert len(student.shape.layers) == 1
    teacher = answers(tiny_model, bench)
    before, after = (
        np.abs(answers(m, bench) - teacher).mean() for m in (start, student)
    )
    assert after < before / 2


def test_a_student_has_no_more_layers_than_its_teacher(
    tiny_model: Model, bench: Workbench
) -> None:
    with pytest.raises(
        ValueError, match="distill.layers: 3 is more than the teacher's 2"
    ):
        Distill(layers=3).apply(tiny_model, bench)


def test_quantization_is_left_to_the_export(
    tiny_model: Model, bench: Workbench
) -> None:
    assert Quantize().apply(tiny_model, bench) == replace(
        tiny_model, precision=Precision("dynamic-int8", "int8")
    )
