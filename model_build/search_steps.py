"""A search, and the choice among what it found, as steps of a build that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from msgspec import structs

from model_build import finalists
from model_build.chain import PARTS, TRAINING, Chain
from model_build.inputs import Inputs
from model_build.model import load_model
from model_build.report import Tried
from model_build.search import Search
from model_build.spec import Spec

SEARCHING = (
    *TRAINING,
    *(file for files in PARTS.values() for file in files),
    "passes/distill.py",
    "passes/prune_structure.py",
    "passes/prune_vocabulary.py",
    "passes/quantize.py",
    "exploration.py",
    "finalists.py",
    "litert.py",
    "machine.json",
    "search.py",
    "sizes.py",
)


@dataclass(frozen=True)
class Searched:
    """A spec with its search's finalists as passes, and the best of them released."""

    spec: Spec
    tried: Sequence[Tried] = ()
    goal: str | None = None  # that was to be least


def searched(chain: Chain, inputs: Inputs) -> Searched:
    """Search as the chain's spec asks; a spec without a search stays as it is."""
    spec, search = chain.spec, chain.spec.search
    if search is None:
        return Searched(spec)
    made = chain.run(inputs)
    parent = finalists.parent_of(spec, search)

    def explore(out: Path) -> None:
        with chain.steps.kept(out) as kept:
            bench = chain.bench(made, inputs, kept)
            finalists.search_points(spec, search, bench, out)

    asked = {
        "search": msgspec.to_builtins(search),
        "from": made[parent].digest,
        "teacher": made[spec.baseline].digest,
        "data": inputs.data_digest,
        "lengths": spec.serving.lengths,
        "measure": spec.measure,
        "seed": spec.seed,
    }
    done = chain.steps.run("search", asked, SEARCHING, explore)
    points = finalists.load_points(done.path)
    shape = load_model(made[parent].path).shape
    whole, found = finalists.with_finalists(spec, search, points, shape)
    released = _choice(replace(chain, spec=whole), search, inputs, list(found))
    chain.progress.say(f"choice: {released} is released")
    return Searched(
        structs.replace(whole, release=released),
        finalists.tried(points, found),
        search.minimize,
    )


def _choice(chain: Chain, search: Search, inputs: Inputs, found: Sequence[str]) -> str:
    """The best of the finalists, which are trained for it."""
    spec, made = chain.spec, chain.run(inputs)

    def choose(out: Path) -> None:
        bench = chain.bench(made, inputs, out)
        finalists.choose_finalist(spec, search, found, bench, out)

    asked = {
        "search": msgspec.to_builtins(search),
        "finalists": [made[name].digest for name in found],
        "teacher": made[spec.baseline].digest,
        "data": inputs.data_digest,
        "lengths": spec.serving.lengths,
        "measure": spec.measure,
    }
    done = chain.steps.run("choice", asked, SEARCHING, choose)
    return finalists.load_choice(done.path).chosen
