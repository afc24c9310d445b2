"""What the tables of a spec ask of each other, which no table can see alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from model_build.bounds import FIGURES
from model_build.dataset import Data
from model_build.passes import (
    Distill,
    Finetune,
    PassSettings,
    PruneVocabulary,
    PruneWeights,
    Quantize,
    QuantizeAware,
)
from model_build.passes.quantize import RUNS
from model_build.search import FINALIST, FOUND, Search

if TYPE_CHECKING:
    from model_build.spec import PassSpec, Spec


def check(spec: Spec) -> None:
    """Raise ValueError that names a field, its value and what it contradicts."""
    _check_labels(spec)
    _check_data(spec.data)
    _check_questions(spec)
    _check_order(spec.passes)
    _check_lessons(spec)
    _check_ignored(spec.passes)
    if spec.search is not None:
        _check_search(spec, spec.search)
    elif spec.release not in {p.variant for p in spec.passes}:
        raise ValueError(f"release: no pass makes a variant {spec.release!r}")
    _check_gates(spec)
    _check_quantized(spec)
    _check_engines(spec)


def teachers_of(settings: PassSettings) -> Sequence[str]:
    """The variants that a pass names as its teachers."""
    return settings.teachers if isinstance(settings, Distill) else ()


def _check_labels(spec: Spec) -> None:
    labels = list(spec.labels)
    if spec.task == "question-answering":
        if labels:
            raise ValueError(f"labels: {labels}: question-answering has none")
    elif len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(f"labels: {labels} are not 2 or more, all different")
    for index, label in enumerate(labels):
        if not label.strip() or not label.isprintable():
            raise ValueError(f"labels[{index}]: {label!r} is not printable text")


def _check_data(data: Data) -> None:
    for field in data.texts:
        if not field.strip():
            raise ValueError(f"data.text: {field!r} names no field")
    if len(set(data.texts)) < len(data.texts):
        raise ValueError(f"data.text: {list(data.texts)}: one field is there twice")
    if data.min_confidence and data.confidence is None:
        raise ValueError(
            f"data.min_confidence: {data.min_confidence:g}: there is no "
            "data.confidence, the field that it is held against"
        )
    if data.test is not None and data.test_share != _default(Data, "test_share"):
        raise ValueError(
            f"data.test_share: {data.test_share:g}: [data.test] is the test split"
        )


def _check_questions(spec: Spec) -> None:
    data = spec.data
    asks = spec.task == "question-answering"
    for field in ("label", "label_is") if asks else ("answers",):
        if (asked := getattr(data, field)) != _default(Data, field):
            raise ValueError(f"data.{field}: {asked!r}: {spec.task} does not read it")
    if not asks:
        return
    if len(data.texts) != 2:
        raise ValueError(
            f"data.text: {list(data.texts)} is not two fields, the question's and the "
            "context's"
        )
    if data.truncate != "end":
        raise ValueError(
            f"data.truncate: {data.truncate!r}: contexts are read in windows, "
            "and a question is cut at its end"
        )
    if data.breaks != "keep" or data.augmentation:
        name = "augmentation" if data.augmentation else "breaks"
        raise ValueError(
            f"data.{name}: would move the answers of question-answering away from "
            "where their table says they are"
        )


def _default(table: type, field: str) -> object:
    return {each.name: each.default for each in msgspec.structs.fields(table)}[field]


def _check_order(passes: Sequence[PassSpec]) -> None:
    made: list[str] = []
    for index, step in enumerate(passes):
        if step.variant in made:
            raise ValueError(f"passes[{index}].variant: {step.variant!r} is made twice")
        if step.of is not None and step.of not in made:
            raise ValueError(
                f"passes[{index}].of: {step.of!r} is not made before; there is {made}"
            )
        for name in teachers_of(step.settings):
            if name not in made:
                raise ValueError(
                    f"passes[{index}].teachers: {name!r} is not made before; "
                    f"there is {made}"
                )
        if (step.settings.name == "finetune") != (index == 0):
            raise ValueError(
                f"passes[{index}].name: {step.settings.name!r}: the first pass, and "
                "only it, is 'finetune': it makes the teacher"
            )
        made.append(step.variant)


def _check_lessons(spec: Spec) -> None:
    for index, step in enumerate(spec.passes):
        match step.settings:
            case Distill(examples="unlabelled" | "both" as asked):
                if spec.data.unlabelled is None:
                    raise ValueError(
                        f"passes[{index}].examples: {asked!r}: there is no "
                        "[data.unlabelled]"
                    )
            case Distill(layers=None, width=None, layer_map=(), teachers=()):
                raise ValueError(
                    f"passes[{index}]: {step.variant!r} would be taught by itself what "
                    "it knows: give layers, layer_map or width, teachers, or examples "
                    "'unlabelled' or 'both'"
                )
            case Finetune(class_weights=dict(asked)):
                if unknown := sorted(set(asked) - set(spec.labels)):
                    raise ValueError(
                        f"passes[{index}].class_weights: {unknown} are not among "
                        f"labels {list(spec.labels)}"
                    )
            case _:
                pass
    if spec.data.unlabelled is not None and not any(
        isinstance(step.settings, PruneVocabulary)
        or getattr(step.settings, "examples", "labelled") != "labelled"
        for step in spec.passes
    ):
        raise ValueError(
            "data.unlabelled: no pass reads it: a 'distill' with examples 'unlabelled' "
            "or 'both' does, and 'prune_vocabulary'"
        )


def _check_ignored(passes: Sequence[PassSpec]) -> None:
    """Refuse what a pass would not look at; a pass alone may be told so, in a test."""
    heads, steps = (
        _default(Distill, "relation_heads"),
        _default(PruneWeights, "frequency"),
    )
    for index, step in enumerate(passes):
        match step.settings:
            case Distill(relation_weight=0, relation_heads=asked) if asked != heads:
                raise ValueError(
                    f"passes[{index}].relation_heads: {asked}: without a "
                    "relation_weight nothing is compared by them"
                )
            case PruneWeights(schedule="once", frequency=asked) if asked != steps:
                raise ValueError(
                    f"passes[{index}].frequency: {asked}: with schedule 'once' there "
                    "is one pruning"
                )


def _check_search(spec: Spec, search: Search) -> None:
    variants = [step.variant for step in spec.passes]
    if spec.release != FOUND:
        raise ValueError(
            f"release: {spec.release!r} is not {FOUND!r}: what a search chooses ships"
        )
    for index, variant in enumerate(variants):
        if variant == FOUND or variant.startswith(FINALIST):
            raise ValueError(
                f"passes[{index}].variant: {variant!r}: the search's finalists are "
                f"called {FINALIST}1, {FINALIST}2, ..."
            )
    if search.of is not None and search.of not in variants:
        raise ValueError(f"search.of: {search.of!r} is not made; there is {variants}")
    if search.of in _quantized(spec):
        raise ValueError(
            f"search.of: {search.of!r} is quantized: name what it was made of"
        )


def _check_gates(spec: Spec) -> None:
    if not spec.gates:
        raise ValueError(
            f"gates: none is given, and nobody would judge what ships: give a [[gates]], "
            f'such as measure = "{spec.measure}_retained", at_least = 0.97'
        )
    if spec.release == spec.baseline and len(spec.seeds) > 1:
        raise ValueError(
            f"gates: seeds: {len(spec.seeds)}: the released variant "
            f"{spec.release!r} is the baseline: no pass is left to repeat"
        )
    known = FIGURES[spec.task]
    for index, gate in enumerate(spec.gates):
        figure = gate.measure.removesuffix("_retained")
        if figure not in known and any(figure in each for each in FIGURES.values()):
            raise ValueError(
                f"gates[{index}].measure: {gate.measure!r} is not measured of "
                f"{spec.task}; known are {', '.join(known)} and each with _retained"
            )


def _quantized(spec: Spec) -> Mapping[str, PassSettings]:
    """The variants that are stored in fewer bits, and the pass that said so."""
    found: dict[str, PassSettings] = {}
    for index, step in enumerate(spec.passes):
        if isinstance(step.settings, Quantize | QuantizeAware):
            found[step.variant] = step.settings
        elif (parent := spec.parent(index)) in found:
            found[step.variant] = found[parent]
    return found


def _check_quantized(spec: Spec) -> None:
    """Nothing changes weights after they were fitted to what they are stored in.

    But for `quantize` after `quantize_aware`: it says how the trained weights are kept.
    """
    quantized = _quantized(spec)
    for index, step in enumerate(spec.passes):
        parent = spec.parent(index)
        if parent is None or (before := quantized.get(parent)) is None:
            continue
        if isinstance(before, Quantize) or not isinstance(step.settings, Quantize):
            raise ValueError(
                f"passes[{index}].name: {step.settings.name!r} of {parent!r}, which "
                f"{before.name!r} made: it would be undone; start from what "
                f"{parent!r} was made of"
            )


def _check_engines(spec: Spec) -> None:
    """What ships is of a scheme that each engine it is exported for can run."""
    served = spec.serving
    engines = (
        ("tf_serving",) if served.runtime == "tf_serving" else tuple(served.engines)
    )
    if served.runtime == "tf_serving" and served.engines != ("litert",):
        raise ValueError(
            f"serving.engines: {list(served.engines)}: are of runtime 'flask'; "
            "'tf_serving' has its own"
        )
    lineage = [spec.passes[index].settings for index in spec.lineage]
    chosen = [s for s in lineage if isinstance(s, Quantize | QuantizeAware)]
    for engine in engines if chosen else ():
        scheme, runs = chosen[-1].scheme, RUNS[engine]
        if scheme not in runs:
            raise ValueError(
                f"release {spec.release!r}: scheme: {scheme!r} is not run by {engine}, "
                f"which runs {', '.join(runs)}"
            )
