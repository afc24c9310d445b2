"""A student is what was asked for, and learns what its teachers know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_build.examples import Example
from model_build.model import LayerShape, Model
from model_build.passes import Distill, Finetune
from model_build.passes.base import PlanError, Workbench
from model_build.student import kept_layers, narrowed, strongest_channels, student_of
from model_build.tokens import Tokens
from tests.model_build.conftest import bench_of

pytestmark = pytest.mark.tf

FAST: Any = {"epochs": 20, "batch_size": 16, "learning_rate": 0.01, "alpha": 1.0}
STILL: Any = {"epochs": 0.01, "learning_rate": 1e-9, "alpha": 1.0}
NOTHING_INSIDE: Any = {"hidden_weight": 0.0}


def answers(model: Model, bench: Workbench) -> np.ndarray:
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    return np.array(logits_of(to_keras(model), bench.tokens(model, bench.train)))


def gap(student: Model, teacher: Model, bench: Workbench) -> float:
    return float(np.abs(answers(student, bench) - answers(teacher, bench)).mean())


def inside(model: Model, bench: Workbench) -> np.ndarray:
    """The last hidden states of all the real tokens."""
    import tensorflow as tf

    from model_build.encoder import to_keras

    ids = bench.tokens(model, bench.train).ids
    hidden = to_keras(model)(tf.constant(ids))["hidden"][-1].numpy()
    return np.asarray(hidden[ids != 0])


@pytest.fixture(scope="module")
def teacher(
    tiny_model: Model,
    tiny_examples: list[Example],
    tmp_path_factory: pytest.TempPathFactory,
) -> Model:
    """One that knows something."""
    bench = bench_of(tiny_model, tiny_examples, tmp_path_factory.mktemp("teacher"))
    settings = Finetune(epochs=15, batch_size=16, learning_rate=0.01)
    return settings.apply(tiny_model, bench)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(NOTHING_INSIDE, id="answers"),
        pytest.param({}, id="hidden states"),
        pytest.param({**NOTHING_INSIDE, "attention_weight": 1.0}, id="attention"),
        pytest.param(
            {**NOTHING_INSIDE, "relation_weight": 1.0, "relation_heads": 4},
            id="relations",
        ),
        pytest.param({"width": 8, "train_embeddings": True}, id="narrower"),
        pytest.param({"layer_map": (0,)}, id="by a map"),
    ],
)
def test_a_student_nears_its_teacher(
    teacher: Model, bench: Workbench, settings: dict[str, Any]
) -> None:
    asked = {"layers": 1, **settings}
    step = Distill(**asked, **FAST)
    start, _ = step._student(teacher, bench)
    student = step.apply(teacher, bench)
    assert len(student.shape.layers) == 1
    assert student.shape == Distill(**asked).planned(teacher.shape)
    assert gap(student, teacher, bench) < gap(start, teacher, bench) / 2


@pytest.mark.parametrize("weight", ["hidden", "attention", "relation"])
def test_each_loss_inside_is_nothing_between_equals_and_something_between_others(
    tiny_model: Model, bench: Workbench, weight: str
) -> None:
    """Red if a loss compares other layers, or is not added."""
    from model_build import encoder, training
    from model_build.encoder import fresh_weights

    other = tiny_model.with_weights(fresh_weights(tiny_model.shape, seed=9))
    weights = {"hidden_weight": 0.0, f"{weight}_weight": 1.0}
    losses = [
        Distill(**{**weights, f"{weight}_weight": w}, relation_heads=4, alpha=0.0)
        for w in (1.0, 0.0)
    ]
    tokens = bench.tokens(tiny_model, bench.train)
    batch = training.tensors(replace(tokens, targets={"label": np.full(64, -1)}))

    def found(settings: Distill, student: Model) -> np.ndarray:
        heads = [(2, 2), (2, 2)]
        observed = [
            encoder.observed(encoder.to_keras(m), (0, 1)) for m in (student, tiny_model)
        ]
        loss = settings._loss(observed[1], heads)
        return np.asarray(loss(observed[0](batch["ids"]), batch))

    assert np.abs(found(losses[0], tiny_model)).max() < 1e-6
    assert found(losses[0], other).min() > 1e-6
    assert np.abs(found(losses[1], other)).max() == 0


@pytest.mark.parametrize(
    ("weight", "changed", "seen"),
    [
        ("attention", "query", True),
        ("attention", "key", True),
        ("attention", "value", False),
        ("relation", "query", True),
        ("relation", "key", True),
        ("relation", "value", True),
        ("hidden", "query", True),
    ],
)
def test_what_is_compared_inside_are_the_named_parts_of_the_layers(
    teacher: Model, bench: Workbench, weight: str, changed: str, seen: bool
) -> None:
    """Of two models that differ in one matrix of the last layer."""
    from model_build import encoder, training

    name = f"layer1_{changed}/kernel"
    other = teacher.with_weights({**teacher.weights, name: teacher.weights[name] + 0.1})
    tokens = bench.tokens(teacher, bench.train)
    batch = training.tensors(replace(tokens, targets={"label": np.full(64, -1)}))
    own, shown = (
        encoder.observed(encoder.to_keras(each), (0, 1)) for each in (other, teacher)
    )
    weights: Any = {"hidden_weight": 0.0, f"{weight}_weight": 1.0}
    loss = Distill(**weights, relation_heads=4, alpha=0.0)._loss(shown, [(2, 2)] * 2)
    found = np.abs(loss(own(batch["ids"]), batch)).max()
    assert found > 1e-4 if seen else found < 1e-6


def test_the_distance_of_hidden_states_is_a_mean_over_real_tokens() -> None:
    from model_build.losses import hidden_distance

    own = np.array([[[1.0, 3.0], [0.0, 0.0], [9.0, 9.0]]], np.float32)
    shown = np.array([[[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]]], np.float32)
    found = hidden_distance(own, shown, np.array([[5, 6, 0]]))
    np.testing.assert_allclose(found, [((1 + 4) / 2 + 1 / 2) / 2])


def hinton(
    own: np.ndarray, shown: np.ndarray, labels: np.ndarray, t: float, alpha: float
) -> np.ndarray:
    """Equation 4 of https://arxiv.org/abs/1503.02531, by row."""
    from scipy.special import log_softmax, softmax

    soft = -(softmax(shown / t, axis=1) * log_softmax(own / t, axis=1)).sum(1)
    hard = -log_softmax(own, axis=1)[np.arange(len(own)), labels]
    return np.asarray(alpha * t**2 * soft + (1 - alpha) * np.where(labels < 0, 0, hard))


def test_softened_answers_and_labels_are_weighed_as_hinton_has_it() -> None:
    """Red if an unknown label, -1, counts."""
    from model_build.losses import softened

    own, shown = np.random.default_rng(7).normal(size=(2, 3, 4)).astype(np.float32)
    labels = np.array([2, 0, -1])
    found = softened(
        {"logits": own}, {"logits": shown}, {"label": labels}, temperature=3, alpha=0.2
    )
    np.testing.assert_allclose(found, hinton(own, shown, labels, 3, 0.2), rtol=1e-5)


@pytest.mark.parametrize(
    "hidden", [pytest.param(0.0, id="answers"), pytest.param(1e-9, id="inside")]
)
def test_a_student_is_trained_on_the_loss_that_its_settings_say(
    teacher: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch, hidden: float
) -> None:
    """Red if temperature or alpha do not reach it."""
    from model_build import training

    found: list[np.ndarray] = []

    def watched(
        student: Any, _: Model, tokens: Tokens, loss: Any, *__: Any, **___: Any
    ) -> None:
        batch = training.tensors(tokens)
        found.append(np.asarray(loss(student(batch["ids"]), batch)))

    monkeypatch.setattr(training, "train_to_best", watched)
    asked = Distill(layers=1, hidden_weight=hidden, temperature=3.0, alpha=0.25)
    start, _ = asked._student(teacher, bench)
    asked.apply(teacher, bench)
    labels = np.array([example.label for example in bench.train])
    wanted = hinton(answers(start, bench), answers(teacher, bench), labels, 3.0, 0.25)
    np.testing.assert_allclose(found[0], wanted, rtol=1e-3)


def test_relations_are_those_of_the_paper_and_padding_has_none() -> None:
    """Red if heads are cut across, not scaled, or padding is related to."""
    import tensorflow as tf
    from scipy.special import softmax

    from model_build.losses import divergence, relation

    random = np.random.default_rng(7)
    own, shown = random.normal(size=(2, 2, 5, 12)).astype(np.float32)
    ids = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    wanted = []
    for row, length in enumerate((5, 3)):
        each = []
        for head in range(3):
            p, q = (
                softmax(part @ part.T / 2, axis=1)  # 2: the root of 12 / 3
                for part in (
                    x[row, :length, 4 * head : 4 * head + 4] for x in (shown, own)
                )
            )
            each.append((p * np.log(p / q)).sum(1).mean())
        wanted.append(np.mean(each))
    found = divergence(
        *(relation(x, x, tf.constant(ids), 3) for x in (own, shown)), ids
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_hidden_states_near_the_teachers_by_their_own_loss(
    teacher: Model, bench: Workbench
) -> None:
    """Red if the hidden loss is not trained on."""
    with_, without = (
        Distill(layers=1, hidden_weight=weight, **FAST).apply(
            teacher, replace(bench, kept=directory(bench, str(weight)))
        )
        for weight in (10.0, 0.0)
    )
    near, far = (
        np.square(inside(student, bench) - inside(teacher, bench)).mean()
        for student in (with_, without)
    )
    assert near < far / 2


def directory(bench: Workbench, name: str) -> Path:
    made = bench.kept / name
    made.mkdir()
    return made


@pytest.mark.parametrize("taken", [(0,), (1,), (0, 2)])
def test_layers_are_taken_as_the_map_says(
    tiny_model: Model, bench: Workbench, taken: tuple[int, ...]
) -> None:
    """Red if layers change places, or have the sizes of others."""
    from model_build.encoder import fresh_weights

    sizes = (LayerShape(2, 32), LayerShape(1, 16), LayerShape(1, 48))
    shape = replace(tiny_model.shape, layers=sizes)
    model = tiny_model.with_weights(fresh_weights(shape, seed=7), shape)
    student, _ = Distill(layer_map=taken)._student(model, bench)
    assert student.shape.layers == tuple(sizes[index] for index in taken)
    for place, index in enumerate(taken):
        np.testing.assert_array_equal(
            student.weights[f"layer{place}_ffn_in/kernel"],
            model.weights[f"layer{index}_ffn_in/kernel"],
        )


def test_all_channels_in_another_order_are_the_same_model(
    tiny_model: Model, bench: Workbench
) -> None:
    """Red if a matrix is cut on the wrong side, or a bias is forgotten."""
    shape = replace(tiny_model.shape, separator=3)
    from model_build.encoder import fresh_weights

    weights = {
        name: value + np.random.default_rng(7).normal(0, 0.1, value.shape)
        for name, value in fresh_weights(shape, seed=7).items()
    }
    model = tiny_model.with_weights(weights, shape)
    order = np.random.default_rng(8).permutation(shape.width)
    np.testing.assert_allclose(
        answers(narrowed(model, order), bench), answers(model, bench), atol=1e-5
    )


def test_the_projection_starts_as_what_undoes_the_cut(
    teacher: Model, bench: Workbench
) -> None:
    """Red if a channel of the student's is compared with another of the teacher's."""
    import tensorflow as tf

    from model_build import encoder
    from model_build.passes.distill import _projected

    channels = np.array([1, 2, 5, 7, 8, 11, 13, 15])
    own = encoder.observed(encoder.to_keras(narrowed(teacher, channels)), (0, 1))
    ids = tf.constant(bench.tokens(teacher, bench.train[:4]).ids)
    plain = own(ids)["hidden"]
    for state, wide in zip(
        plain, _projected(own, 16, channels, 7)(ids)["hidden"], strict=True
    ):
        np.testing.assert_allclose(wide.numpy()[..., channels], state, atol=1e-6)
        assert np.abs(np.delete(wide, channels, -1)).max() == 0


def test_projected_embeddings_stay_as_wide_as_they_are(tiny_model: Model) -> None:
    from model_build.encoder import fresh_weights, to_keras

    shape = replace(tiny_model.shape, embedding_width=6)
    model = tiny_model.with_weights(fresh_weights(shape, seed=7), shape)
    student = narrowed(model, np.arange(0, 16, 2))
    assert student.weights["embed/tokens"].shape[1] == 6
    to_keras(student)  # every weight fits


def test_channels_that_say_nothing_go_first(
    tiny_model: Model, bench: Workbench
) -> None:
    """Red if the weakest are kept."""
    silent = np.array([1, 6, 11])
    weights = {name: value.copy() for name, value in tiny_model.weights.items()}
    for name in weights:
        if "norm/" in name:
            weights[name][silent] = 0
    model = tiny_model.with_weights(weights)
    tokens = bench.tokens(model, bench.train)
    kept = strongest_channels(model, tokens, 13)
    assert kept.tolist() == sorted(set(range(16)) - set(silent.tolist()))


@pytest.mark.parametrize("hidden", [0.0, 0.01])
def test_several_teachers_teach_what_they_answer_together(
    teacher: Model, bench: Workbench, hidden: float
) -> None:
    """Red if only the first is asked, alone or beside the losses inside."""
    weights = dict(teacher.weights)
    weights["classifier/kernel"] = -weights["classifier/kernel"]
    weights["classifier/bias"] = -weights["classifier/bias"]
    contrary = teacher.with_weights(weights)
    named = replace(bench, variants={"yes": teacher, "no": contrary}.__getitem__)
    asked = Distill(teachers=("yes", "no"), hidden_weight=hidden, **FAST)
    student = asked.apply(teacher, named)
    undecided = np.abs(np.diff(answers(student, bench), axis=1)).mean()
    decided = np.abs(np.diff(answers(teacher, bench), axis=1)).mean()
    assert undecided < decided / 4


def test_a_student_learns_from_texts_that_nobody_labelled(
    teacher: Model, bench: Workbench
) -> None:
    """Red if unlabelled texts are left out, or their label is taken for one."""
    texts = tuple(replace(example, label=-1) for example in bench.train[8:])
    bench = replace(bench, unlabelled=texts)
    start = student_of(teacher, kept_layers(2, 1))
    asked = Distill(layers=1, examples="unlabelled", **{**FAST, "alpha": 0.5})
    student = asked.apply(teacher, replace(bench, train=bench.train[:8]))
    assert gap(student, teacher, bench) < gap(start, teacher, bench) / 2


@pytest.mark.parametrize(("examples", "known"), [("unlabelled", 0), ("both", 64)])
def test_what_nobody_labelled_is_unknown(
    tiny_model: Model, bench: Workbench, examples: Any, known: int
) -> None:
    """Red if a span's (0, 0), which says 'not here', stays for 'unknown'."""
    bench = replace(bench, unlabelled=tuple(bench.train))  # as if labelled
    _, tokens = Distill(examples=examples)._lessons(tiny_model, bench)
    assert (tokens.targets["label"] >= 0).sum() == known
    assert len(tokens) == known + 64


def test_a_student_of_another_vocabulary_learns_answers_alone(
    teacher: Model, bench: Workbench
) -> None:
    """Red if the teacher is given the student's ids."""
    from model_build.vocabulary import renumber

    order = np.array([0, *reversed(range(1, teacher.shape.vocabulary))])
    weights = {
        **teacher.weights,
        "embed/tokens": teacher.weights["embed/tokens"][order],
    }
    weights["classifier/kernel"] = np.zeros_like(weights["classifier/kernel"])
    forgot = replace(
        teacher, weights=weights, tokenizer=renumber(teacher.tokenizer, order)
    )
    bench = replace(bench, variants=lambda _: teacher)
    asked: Any = {"teachers": ("teacher",), **FAST}
    with pytest.raises(ValueError, match="different tokenizers: only answers"):
        Distill(**asked).apply(forgot, bench)
    student = Distill(**asked, **NOTHING_INSIDE).apply(forgot, bench)
    assert gap(student, teacher, bench) < gap(forgot, teacher, bench) / 2


def test_attention_is_compared_between_as_many_heads(
    teacher: Model, bench: Workbench
) -> None:
    from model_build.encoder import fresh_weights

    shape = replace(teacher.shape, layers=(LayerShape(1, 32),) * 2)
    pruned = teacher.with_weights(fresh_weights(shape, seed=7), shape)
    bench = replace(bench, variants=lambda _: teacher)
    with pytest.raises(ValueError, match=r"heads by layer are \[1, 1\].*\[2, 2\]"):
        Distill(teachers=("teacher",), attention_weight=1.0, **STILL).apply(
            pruned, bench
        )
    related = Distill(
        teachers=("teacher",), relation_weight=1.0, relation_heads=4, **STILL
    )
    assert related.apply(pruned, bench).shape == shape


@pytest.mark.parametrize("settings", [{"layers": 1}, {"layer_map": (1,)}])
def test_a_student_is_compared_with_the_layers_it_came_from(
    tiny_model: Model, settings: dict[str, Any]
) -> None:
    student = student_of(tiny_model, (1,))
    assert Distill(**settings)._compared(tiny_model, student, tiny_model) == (1,)


def test_a_teacher_of_another_depth_is_compared_evenly(
    teacher: Model, bench: Workbench
) -> None:
    shallow = student_of(teacher, (0,))
    bench = replace(bench, variants=lambda _: teacher)
    assert Distill()._compared(shallow, shallow, teacher) == (1,)
    with pytest.raises(ValueError, match="1 layers are fewer than the student's 2"):
        Distill()._compared(teacher, teacher, shallow)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layers": 3}, "distill.layers: 3 is more than the 2 there are"),
        (
            {"layer_map": (0, 2)},
            "distill.layer_map: 2: the layers there are have the numbers 0 to 1",
        ),
        ({"width": 17}, "distill.width: 17 is more than the 16 there are"),
        (
            {"relation_weight": 1.0, "relation_heads": 3},
            "distill.relation_heads: 3 do not divide the 16 channels",
        ),
    ],
)
def test_says_what_the_teacher_cannot_give(
    tiny_model: Model, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        Distill(**settings).planned(tiny_model.shape)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer_map": (1, 0)}, "do not rise"),
        ({"layer_map": (0, 1), "layers": 3}, "are not the 3 of layers"),
    ],
)
def test_refuses_a_map_that_is_none(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Distill(**settings)


def test_unlabelled_texts_must_be_there(tiny_model: Model, bench: Workbench) -> None:
    with pytest.raises(ValueError, match="has no unlabelled texts"):
        Distill(examples="both").apply(tiny_model, bench)


def test_the_last_layer_is_always_kept() -> None:
    assert kept_layers(6, 3) == (1, 3, 5)
    assert kept_layers(12, 4) == (2, 5, 8, 11)
