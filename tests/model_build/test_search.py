"""A search tries cheaply, gives up early, goes on where it was, and ships what is cheapest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from model_build.model import EncoderShape, LayerShape
from model_build.passes import Distill, PruneStructure, PruneVocabulary, Quantize
from model_build.search import (
    Candidate,
    Finalist,
    Point,
    Search,
    check,
    choose,
    finalists,
    passes_of,
)
from model_build.spec import read_spec
from tests.model_build.conftest import SpecFactory

SHAPE = EncoderShape(100, 32, 16, 8, (LayerShape(2, 64),) * 6, classes=2)
GATE = '[[gates]]\nmeasure = "accuracy"\nat_least = 0.0'
SEARCH = Search(
    layers=(2, 3, 4, 6), keep_neurons=(0.25, 0.5, 1.0), bits=(8, 32), trials=12
)


def point(candidate: Candidate, rung: int, value: float) -> Point:
    return Point(candidate, rung, quality=0.9, retained=0.99, cost=0.5, value=value)


def test_a_space_is_every_combination_but_the_parent_itself() -> None:
    """Red if a dimension is left out of the product, or the parent is tried."""
    possible = check(SEARCH, SHAPE)
    assert len(possible) == 4 * 3 * 2 - 1
    assert Candidate(layers=6, keep_neurons=1.0, bits=32) not in possible


def test_a_candidate_is_made_by_the_passes_that_a_spec_could_name() -> None:
    """Red if a pass is left out, or runs where it changes nothing."""
    made = passes_of(Candidate(3, keep_neurons=0.5, bits=8), SEARCH, SHAPE)
    names = [name for name, _ in made]
    kinds = [type(settings) for _, settings in made]
    assert names == ["student", "pruned", "int8"]
    assert kinds == [Distill, PruneStructure, Quantize]
    cut = passes_of(Candidate(6, vocabulary=50, bits=32), SEARCH, SHAPE)
    assert [settings for _, settings in cut] == [PruneVocabulary(max_pieces=50)]
    only = passes_of(Candidate(6, keep_neurons=1.0, bits=8), SEARCH, SHAPE)
    assert [name for name, _ in only] == ["int8"]


def test_what_costs_less_is_better_as_long_as_the_quality_is_kept() -> None:
    """Red if quality above the bound is paid for, or missing quality is not."""
    assert SEARCH.value(1.02, 0.3) == SEARCH.value(0.98, 0.3) == 0.3
    assert SEARCH.value(0.98, 0.3) < SEARCH.value(0.98, 0.4)
    assert SEARCH.value(0.93, 0.3) == pytest.approx(0.8)
    assert SEARCH.value(0.93, 0.3) > SEARCH.value(0.98, 0.4)


def test_finalists_are_the_best_of_those_trained_longest() -> None:
    """Red if a point that looked good after a short training goes before them."""
    short, long_, better = (Candidate(layers=n) for n in (2, 3, 4))
    points = [point(short, 0, 0.1), point(long_, 2, 0.6), point(better, 2, 0.4)]
    found = finalists(points, msgspec.structs.replace(SEARCH, finalists=2))
    assert [each.candidate for each in found] == [better, long_]


def test_the_cheapest_finalist_that_keeps_the_quality_ships() -> None:
    """Red if cost goes before the bound, or quality before cost."""
    trained = [
        Finalist("found-1", retained=1.0, cost=5.0),
        Finalist("found-2", retained=0.991, cost=3.0),
        Finalist("found-3", retained=0.95, cost=1.0),
    ]
    assert choose(trained, SEARCH).variant == "found-2"
    assert choose(trained[2:], SEARCH).variant == "found-3"
    lost = [replace(each, retained=each.retained - 0.1) for each in trained]
    assert choose(lost, SEARCH).variant == "found-1"


def test_finalists_are_ordinary_variants_of_the_spec(write_spec: SpecFactory) -> None:
    pytest.importorskip("scipy", reason="of the build environment")
    from model_build.finalists import with_finalists

    spec = read_spec(
        write_spec(
            release='release = "found"',
            gates=f"[search]\nlayers = [1, 2]\nbits = [8]\n{GATE}",
        )
    )
    assert spec.search
    points = [point(Candidate(1, bits=8), 2, 0.2), point(Candidate(2, bits=8), 2, 0.4)]
    shape = replace(SHAPE, layers=SHAPE.layers[:2])
    whole, made = with_finalists(spec, spec.search, points, shape)
    added = [(p.variant, p.of, p.settings.name) for p in whole.passes[5:]]
    assert added == [
        ("found-1-student", "teacher", "distill"),
        ("found-1", "found-1-student", "quantize"),
        ("found-2", "teacher", "quantize"),
    ]
    assert list(made) == ["found-1", "found-2"]
    assert whole.digest == spec.digest


Try = Callable[[Candidate, int], float]


def landscape(asked: list[tuple[Candidate, int]]) -> Try:
    """Quality falls below three layers and half the neurons, and rises with training."""

    def attempt(candidate: Candidate, rung: int) -> float:
        asked.append((candidate, rung))
        lost = 0.1 * max(0, 3 - (candidate.layers or 6))
        lost += 0.2 * max(0.0, 0.5 - (candidate.keep_neurons or 1.0))
        return 0.9 * (1 - lost) - 0.02 / (rung + 1)

    return attempt


def cost(candidate: Candidate) -> float:
    bits = candidate.bits / 32
    return (candidate.layers or 6) / 6 * (candidate.keep_neurons or 1.0) * bits


def run(search: Search, attempt: Try, kept: Path, seed: int = 3) -> list[Point]:
    from model_build.exploration import explore

    return explore(
        search,
        check(search, SHAPE),
        attempt,
        cost,
        baseline=0.9,
        seed=seed,
        kept=kept,
    )


@pytest.mark.tf
def test_the_same_seed_tries_the_same_points(tmp_path: Path) -> None:
    """Red if the sampler has no seed."""
    found = []
    for number, seed in enumerate((3, 3, 4)):
        kept = tmp_path / str(number)
        kept.mkdir()
        found.append(run(SEARCH, landscape([]), kept, seed))
    assert found[0] == found[1]
    assert [p.candidate for p in found[0]] != [p.candidate for p in found[2]]
    assert len({p.candidate for p in found[0]}) == SEARCH.trials


@pytest.mark.tf
def test_most_points_are_given_up_after_a_short_recovery(tmp_path: Path) -> None:
    """Red if nobody is pruned, or the best is."""
    asked: list[tuple[Candidate, int]] = []
    points = run(SEARCH, landscape(asked), tmp_path)
    rungs = [rung for _, rung in asked]
    assert rungs.count(0) == SEARCH.trials
    assert rungs.count(2) < rungs.count(1) < SEARCH.trials
    best = min(points, key=lambda each: each.value)
    assert best.rung == SEARCH.rungs - 1


@pytest.mark.tf
def test_a_small_space_is_tried_whole_and_its_best_point_found(tmp_path: Path) -> None:
    search = msgspec.structs.replace(SEARCH, trials=100)
    points = run(search, landscape([]), tmp_path)
    assert len(points) == 23
    (best,) = finalists(points, msgspec.structs.replace(search, finalists=1))
    assert best.candidate == Candidate(3, keep_neurons=0.5, bits=8)


@pytest.mark.tf
def test_a_search_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    """Red if what was tried is not kept, or changes what is asked next."""
    asked: list[tuple[Candidate, int]] = []
    attempt = landscape(asked)

    def dying(candidate: Candidate, rung: int) -> float:
        if len(asked) == 7:
            raise KeyboardInterrupt
        return attempt(candidate, rung)

    with pytest.raises(KeyboardInterrupt):
        run(SEARCH, dying, tmp_path)
    with (tmp_path / "trials.jsonl").open("a") as file:
        file.write('{"point": "cut o')
    points = run(SEARCH, attempt, tmp_path)
    whole: list[tuple[Candidate, int]] = []
    other = tmp_path / "other"
    other.mkdir()
    assert points == run(SEARCH, landscape(whole), other)
    assert asked == whole, "nothing is tried twice, and nothing left out"


@pytest.mark.tf
def test_a_build_with_a_search_ships_what_it_found(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    """Spec to released finalist: red if the search's passes or its choice get lost."""
    from model_build.__main__ import main

    none: dict[str, Any] = dict.fromkeys(
        ("distill", "prune_structure", "prune_weights", "quantize"), ""
    )
    table = (
        '[search]\nminimize = "bytes"\nquality_retained = 0.5\n'
        "layers = [1, 2]\ntrials = 2\nrungs = 1\nexamples = 32\nfinalists = 1\n" + GATE
    )
    spec = write_spec(
        release='release = "found"',
        gates=table,
        serving="[serving]\nlengths = [16]",
        **none,
    )
    out = tmp_path / "out"
    assert main([str(spec), "--out", str(out)]) == 0
    report = json.loads((out / "report.json").read_text())
    names = [variant["name"] for variant in report["variants"]]
    assert names == ["teacher", "found-1-student", "found-1"]
    assert (report["release"], report["goal"]) == ("found-1", "bytes")
    manifest = json.loads((out / "manifest.json").read_text())
    assert [step["name"] for step in manifest["steps"]] == [
        "finetune",
        "distill",
        "quantize",
    ]
    tried = {each["settings"]["layers"]: each["variant"] for each in report["tried"]}
    assert tried == {1: "found-1", 2: None}
    assert [each["variant"] for each in report["planned"]] == names
