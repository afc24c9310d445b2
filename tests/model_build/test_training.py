"""The training loop: goes on after a kill, repeats itself, stops in time, asks once."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_build.examples import Answer, Example
from model_build.model import Model, Weights
from model_build.passes.base import Schedule, Taught, Workbench
from model_build.progress import Progress
from model_build.tasks.question_answering import QuestionAnswering
from model_build.tokens import Tokens, batches
from model_build.vocabulary import renumber
from tests.model_build.conftest import bench_of

pytestmark = pytest.mark.tf

FOUR_EPOCHS = Schedule(
    epochs=4, batch_size=16, learning_rate=0.01, train_embeddings=True
)


def trained(
    model: Model, examples: Sequence[Example], kept: Path, kill_after: int = 0
) -> tuple[Weights, str]:
    """Four epochs with dropout; what was learnt, and what was said."""
    from model_build import training
    from model_build.encoder import to_keras, weights_of
    from model_build.losses import cross_entropy

    def after_epoch(epoch: int) -> bool:
        if epoch == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return False

    bench = bench_of(model, examples, kept)
    encoder = to_keras(model, dropout=0.2)
    training.train(
        encoder,
        bench.tokens(model, examples),
        cross_entropy,
        FOUR_EPOCHS,
        bench,
        label="test",
        hooks=training.Hooks(after_epoch=after_epoch),
    )
    assert isinstance(bench.progress.stream, io.StringIO)
    return weights_of(encoder), bench.progress.stream.getvalue()


def same_bytes(one: Weights, other: Weights) -> bool:
    assert one.keys() == other.keys()
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.fixture(scope="module")
def whole(
    tiny_model: Model,
    tiny_examples: list[Example],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Weights, Path]:
    """What a training learns that nobody stops, and where it keeps that."""
    kept = tmp_path_factory.mktemp("whole")
    return trained(tiny_model, tiny_examples, kept)[0], kept


def test_a_killed_training_ends_as_one_that_was_not(
    tiny_model: Model,
    tiny_examples: list[Example],
    whole: tuple[Weights, Path],
    tmp_path: Path,
) -> None:
    """Red if the optimizer, the dropout's noise or the order of the rows start anew."""
    child = multiprocessing.get_context("spawn").Process(
        target=trained, args=(tiny_model, tiny_examples, tmp_path / "killed", 3)
    )
    child.start()
    child.join(240)
    assert child.exitcode == -signal.SIGKILL
    resumed, said = trained(tiny_model, tiny_examples, tmp_path / "killed")
    assert "goes on at step 8 of 16" in said  # two whole epochs
    assert same_bytes(resumed, whole[0])


def test_a_finished_training_is_not_done_again(
    tiny_model: Model, tiny_examples: list[Example], whole: tuple[Weights, Path]
) -> None:
    """Red if the last epoch is not kept."""
    again, said = trained(tiny_model, tiny_examples, whole[1])
    assert "goes on at step 16 of 16" in said
    assert same_bytes(again, whole[0])


def test_a_training_takes_up_only_its_own_beginning(
    tiny_model: Model, tiny_examples: list[Example], whole: tuple[Weights, Path]
) -> None:
    """Red if what is kept is known by its label alone: a pass may train twice."""
    other = tiny_model.with_weights(whole[0])
    second, said = trained(other, tiny_examples, whole[1])
    assert "goes on" not in said
    assert not same_bytes(second, whole[0])


def test_the_same_seed_gives_the_same_bytes(
    tiny_model: Model,
    tiny_examples: list[Example],
    whole: tuple[Weights, Path],
    tmp_path: Path,
) -> None:
    again, _ = trained(tiny_model, tiny_examples, tmp_path / "again")
    assert same_bytes(again, whole[0])


def test_dropout_draws_other_masks_in_every_layer_and_epoch() -> None:
    """Red if all layers are given one seed, or an epoch its predecessor's."""
    import tensorflow as tf
    import tf_keras as keras

    from model_build.encoder import Dropout
    from model_build.training import _restart_noise

    ids = keras.Input([64])
    layers = [Dropout(0.5), Dropout(0.5)]
    encoder = keras.Model(ids, [layer(ids) for layer in layers])
    drawn = []
    for epoch in (0, 1, 0):
        _restart_noise(encoder, 7, epoch)
        drawn += [x.numpy().tobytes() for x in encoder(tf.ones([4, 64]), training=True)]
    assert len(set(drawn)) == 4
    assert drawn[:2] == drawn[4:]


def test_the_rate_rises_over_the_warm_up_then_falls_to_nothing_in_a_line(
    tiny_model: Model, bench: Workbench
) -> None:
    """As the optimizer used it, step by step."""
    from model_build import training
    from model_build.encoder import to_keras
    from model_build.losses import cross_entropy

    tokens = bench.tokens(tiny_model, bench.train)  # 4 batches
    schedule = Schedule(epochs=2.5, batch_size=16, learning_rate=0.01, warmup_share=0.4)
    started: list[Any] = []
    used: list[float] = []

    class Watched(Progress):
        def tick(self, *_: Any, **__: Any) -> None:
            used.append(float(started[0].learning_rate))

    training.train(
        to_keras(tiny_model),
        tokens,
        cross_entropy,
        schedule,
        replace(bench, progress=Watched()),
        label="test",
        hooks=training.Hooks(on_start=started.append),
    )
    rising, falling = (
        [1 / 4, 2 / 4, 3 / 4, 1],
        [6 / 6, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6],
    )
    np.testing.assert_allclose(used, 0.01 * np.array([*rising, *falling]), rtol=1e-5)


@pytest.mark.parametrize(
    ("figures", "ends_after", "kept"),
    [
        pytest.param([0.5, 0.8, 0.7, 0.8, 0.9], 4, 2, id="two that are no better"),
        pytest.param([0.5, 0.6, 0.6, 0.7, 0.8], 5, 5, id="still learning"),
    ],
)
def test_training_stops_in_time_and_keeps_the_best_epoch(
    tmp_path: Path, figures: list[float], ends_after: int, kept: int
) -> None:
    """Red if equals count as better, or the last epoch is kept."""
    import tf_keras as keras

    from model_build.kept import BestEpoch

    encoder = keras.Sequential([keras.layers.Dense(1, name="epoch")])
    encoder.build((None, 1))
    found, said = iter(figures), io.StringIO()

    def best() -> BestEpoch:  # anew, as after a kill: what it knows is on disk
        path = tmp_path / "best.safetensors"
        progress = Progress(stream=said)
        return BestEpoch(path, encoder, lambda: next(found), 2, progress)

    for epoch in range(1, len(figures) + 1):
        encoder.layers[0].bias.assign([float(epoch)])
        if best().after_epoch(epoch):
            break
    assert epoch == ends_after
    best().restore()
    assert encoder.layers[0].bias.numpy() == [kept]
    assert f"kept epoch {kept}: {figures[kept - 1]:.4f}" in said.getvalue()


def test_validation_is_judged_as_the_task_judges(
    tiny_model: Model, tiny_examples: list[Example], tmp_path: Path
) -> None:
    from model_build.encoder import to_keras
    from model_build.training import logits_of, validated

    bench = bench_of(tiny_model, tiny_examples, tmp_path / "kept")
    encoder = to_keras(tiny_model)
    logits = logits_of(encoder, bench.tokens(tiny_model, bench.validation))
    labels = [example.label for example in bench.validation]
    share = float((np.array(logits).argmax(1) == labels).mean())
    assert validated(encoder, tiny_model, bench) == share


def shares(model: Model, tokens: Tokens) -> np.ndarray:
    from scipy.special import softmax

    from model_build.encoder import to_keras
    from model_build.training import logits_of

    return np.asarray(softmax(np.array(logits_of(to_keras(model), tokens)), axis=-1))


@pytest.fixture
def another(tiny_model: Model) -> Model:
    """Another model, with another order of the same vocabulary."""
    from model_build.encoder import fresh_weights

    order = np.array([0, *reversed(range(1, tiny_model.shape.vocabulary))])
    weights = dict(fresh_weights(tiny_model.shape, seed=8))
    weights["embed/tokens"] = weights["embed/tokens"][order]
    tokenizer = renumber(tiny_model.tokenizer, order)
    return replace(tiny_model, weights=weights, tokenizer=tokenizer)


def test_teachers_show_the_mean_of_their_shares_each_reading_for_itself(
    tiny_model: Model, another: Model, bench: Workbench
) -> None:
    """Red if a teacher is given its student's ids, or logits are averaged."""
    from model_build.training import taught

    tokens = bench.tokens(tiny_model, bench.train)
    learnt = taught(tokens, [tiny_model, another], bench.train, Taught(epochs=2), bench)
    mean = (
        shares(tiny_model, tokens) + shares(another, bench.tokens(another, bench.train))
    ) / 2
    assert learnt.shown is not None
    np.testing.assert_allclose(np.exp(learnt.shown), mean, atol=1e-5)


def test_a_teacher_is_asked_once_and_only_what_is_learnt(
    tiny_model: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red if the answers are not kept, or rows that no step reaches are asked for."""
    from model_build import training

    asked: list[int] = []
    answer = training.logits_of

    def count(encoder: object, tokens: Tokens, size: int = 64) -> list[np.ndarray]:
        asked.append(len(tokens))
        return answer(encoder, tokens, size)

    monkeypatch.setattr(training, "logits_of", count)
    tokens = bench.tokens(tiny_model, bench.train)
    half = Taught(epochs=0.5, batch_size=8)
    for _ in range(2):
        learnt = training.taught(tokens, [tiny_model], bench.train, half, bench)
    assert asked == [32]
    assert learnt.shown is not None
    reached = {
        row
        for batch, _ in zip(batches(tokens, 8, seed=bench.seed), range(4), strict=False)
        for row in batch.rows
    }
    known = set(np.flatnonzero(np.abs(learnt.shown).sum(1)))
    assert known == reached


@pytest.fixture
def questions(tiny_model: Model, bench: Workbench) -> tuple[Model, Workbench]:
    from model_build.encoder import fresh_weights

    shape = replace(tiny_model.shape, head="spans", separator=3)
    model = replace(tiny_model, shape=shape, weights=fresh_weights(shape, seed=7))
    contexts = ["the agent solved my order please", "my bag is lost", "great flight"]
    examples = [
        Example(
            ("lost", text),
            answers=(Answer(text.split()[-1], text.rfind(" ") + 1),),
        )
        for text in contexts
    ]
    asked = replace(bench, task=QuestionAnswering(), train=examples, length=16)
    return model, asked


def test_where_an_answer_is_is_shown_as_shares_of_the_real_tokens(
    questions: tuple[Model, Workbench],
) -> None:
    """Red if padding has a share, or a batch does not cut what is shown to its length."""
    from model_build.training import taught

    model, bench = questions
    tokens = bench.tokens(model, bench.train)
    learnt = taught(tokens, [model, model], bench.train, Taught(), bench)
    assert learnt.shown is not None
    assert learnt.shown.shape == (*tokens.ids.shape, 2)
    np.testing.assert_allclose(np.exp(learnt.shown).sum(1), 1, atol=1e-5)
    assert np.exp(learnt.shown)[tokens.ids == 0].max() == 0
    short = int(tokens.lengths.argmin())
    cut = learnt.take(np.array([short]))
    assert cut.shown is not None
    assert cut.shown.shape == (*cut.ids.shape, 2)
    assert cut.ids.shape[1] < tokens.ids.shape[1]


def test_where_answers_are_cannot_be_compared_between_other_pieces(
    questions: tuple[Model, Workbench], tiny_model: Model
) -> None:
    """Red if rows of other lengths are taken for the same tokens."""
    from model_build.training import taught

    model, bench = questions
    tokens = bench.tokens(model, bench.train)
    shorter = [replace(e, texts=(e.texts[0], e.texts[1] + " !")) for e in bench.train]
    with pytest.raises(ValueError, match="cannot be compared"):
        taught(tokens, [model], shorter, Taught(), bench)
