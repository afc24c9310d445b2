"""What a developer asks to be built, read from model_build/specs/*.toml.

No TensorFlow here: tests, CI and reviewers read specs cheaply.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from manifest import Architecture, Engine, Runtime
from manifest import Task as ServedTask
from model_build.dataset import Data
from model_build.passes import (
    Distill,
    Finetune,
    PassSettings,
    Quantize,
    QuantizeAware,
)
from model_build.passes.quantize import RUNS
from model_build.search import FINALIST, FOUND, Search
from model_build.sources import Digest, Source

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]


class SpecError(ValueError):
    """A spec that cannot be built as it is written."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TOML table: unknown keys are refused, values are typed and bounded."""


class Checkpoint(Section, frozen=True, kw_only=True):
    """The pretrained encoder: a directory as Hugging Face lays it out."""

    source: Source
    sha256: dict[str, Digest] = {}  # file name -> digest


Licence = Annotated[str, Meta(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=60)]


class Licences(Section, frozen=True, kw_only=True):
    """As the hub calls them (apache-2.0, cc-by-4.0, other); shown in the model card."""

    data: Licence = "unknown"
    checkpoint: Licence = "unknown"


class ServingSettings(Section, frozen=True, kw_only=True):
    """The server the variants are measured through, and later run in."""

    runtime: Runtime = "flask"
    # Of the light server. The released variant is exported for each and measured with
    # each; the manifest names the better one. LiteRT comes first: it is compared with.
    engines: tuple[Engine, ...] = ("litert",)
    lengths: Annotated[
        tuple[Annotated[int, Meta(ge=3, le=512)], ...], Meta(min_length=1)
    ]
    max_batch: Annotated[int, Meta(ge=1, le=1024)] = 32
    vcpu: Literal[1, 2, 4] = 1

    def __post_init__(self) -> None:
        if list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"lengths: {list(self.lengths)} do not rise")
        if self.engines not in (("litert",), ("litert", "openvino")):
            raise ValueError(
                f"engines: {list(self.engines)} is not ['litert'] or "
                "['litert', 'openvino']"
            )


class Measurement(Section, frozen=True, kw_only=True):
    """How long the evidence is collected; the intervals say whether it was enough."""

    rounds: Annotated[int, Meta(ge=3, le=1000)] = 8
    seconds: Annotated[float, Meta(gt=0)] = 1.0  # a variant, round and kind of load
    connections: Annotated[int, Meta(ge=1, le=256)] = 4  # at full load
    resamples: Annotated[int, Meta(ge=100)] = 2000  # of the bootstrap


Measure = Literal[
    "accuracy",  # share of test examples
    "accuracy_retained",  # of the baseline's
    "macro_f1",  # share
    "macro_f1_retained",
    "exact_match",  # share of questions
    "exact_match_retained",
    "f1",  # of the words of an answer, the mean over questions
    "f1_retained",
    "bytes",  # of the model file
    "bytes_ratio",  # to the baseline's
    "parameters",
    "p50_ms",
    "p99_ms",
    "p50_speedup",  # baseline's p50 over this variant's
    "requests_per_second",
    "memory_mib",
    "dollars_per_million",
]
MEASURES: tuple[str, ...] = get_args(Measure)
# What is judged of a task; the last decides: variants are compared by it.
FIGURES: Mapping[str, tuple[str, ...]] = {
    "classification": ("accuracy", "macro_f1"),
    "question-answering": ("exact_match", "f1"),
}
_JUDGED = tuple(figure for each in FIGURES.values() for figure in each)


class Gate(Section, frozen=True, kw_only=True):
    """A bound on one measurement of the released variant, which may not be missing.

    `margin` asks for non-inferiority: the whole 95 % interval of the figure less the
    baseline's, on the same examples, is above -margin. `at_least` and `at_most` bound
    the estimate; with `interval`, its whole 95 % interval. `seeds` repeats the passes
    after the baseline with other seeds: the gate then also holds for their mean.
    """

    measure: Measure
    at_least: float | None = None
    at_most: float | None = None
    margin: Annotated[float, Meta(gt=0, lt=1)] | None = None
    interval: bool = False
    seeds: Annotated[int, Meta(ge=1, le=20)] = 1

    def __post_init__(self) -> None:
        bounds = (self.at_least, self.at_most, self.margin)
        if sum(bound is not None for bound in bounds) != 1:
            raise ValueError(
                f"gate {self.measure}: give one of at_least, at_most and margin"
            )
        if self.margin is not None and self.measure not in _JUDGED:
            raise ValueError(
                f"gate {self.measure}: margin: {self.margin:g}: only "
                f"{', '.join(_JUDGED)} are compared with the baseline's"
            )
        kept = self.measure.removesuffix("_retained")
        if self.seeds > 1 and kept not in _JUDGED:
            raise ValueError(
                f"gate {self.measure}: seeds: {self.seeds}: speed and size are not "
                "measured for each seed"
            )
        if self.interval and kept not in (*_JUDGED, "p50_speedup"):
            raise ValueError(
                f"gate {self.measure}: interval: true: it is measured without one"
            )


class Build(Section, frozen=True, kw_only=True):
    """The machine that AWS builds on; stacks/machine.py says what there is of each."""

    compute: Literal["small", "medium", "large", "xlarge", "2xlarge"] = "large"
    architecture: Architecture = "x86_64"  # measured on it, and run on it
    gpu: bool = False
    engine: Literal["codebuild", "sagemaker"] = "codebuild"
    timeout_minutes: Annotated[int, Meta(ge=5, le=2_160)] | None = None


class PassSpec(Section, frozen=True, kw_only=True):
    """One pass: what it makes, from what, and its settings."""

    variant: Name  # what it makes
    of: Name | None = None  # what it starts from; by default the pass before
    settings: PassSettings


class Spec(Section, frozen=True, kw_only=True):
    """The whole request. `passes[0]` makes the baseline, which is also the teacher."""

    name: Name
    task: Literal["classification", "question-answering"]
    labels: tuple[str, ...] = ()
    release: Name  # the variant that ships
    seed: Annotated[int, Meta(ge=0, le=2**32 - 20)] = 0  # those of `seeds` follow
    data: Data
    checkpoint: Checkpoint
    licences: Licences = Licences()
    serving: ServingSettings
    measurement: Measurement = Measurement()
    build: Build = Build()
    passes: Annotated[tuple[PassSpec, ...], Meta(min_length=1)]
    search: Search | None = None
    gates: tuple[Gate, ...] = ()
    digest: str = ""  # SHA-256 of the file; filled by read_spec

    def __post_init__(self) -> None:
        _check_task(self)
        _check_order(self.passes)
        _check_lessons(self)
        if self.search is not None:
            _check_search(self, self.search)
        elif self.release not in {p.variant for p in self.passes}:
            raise ValueError(f"release: no pass makes a variant {self.release!r}")
        _check_quantized(self)
        _check_engines(self)

    @property
    def baseline(self) -> str:
        return self.passes[0].variant

    @property
    def seeds(self) -> tuple[int, ...]:
        """What the released chain is trained with, its own first."""
        return tuple(
            self.seed + k for k in range(max((g.seeds for g in self.gates), default=1))
        )

    @property
    def measure(self) -> str:
        """The figure that variants are compared by."""
        return FIGURES[self.task][-1]

    @property
    def served_task(self) -> ServedTask:
        """The task as a server knows it."""
        if self.task == "classification" and len(self.data.texts) == 2:
            return "pair-classification"
        return self.task

    def parent(self, index: int) -> str | None:
        """The variant pass `index` starts from; None for the first."""
        return self.passes[index].of or (
            self.passes[index - 1].variant if index else None
        )

    @property
    def lineage(self) -> list[int]:
        """The passes that make the released variant, in their order."""
        wanted: str | None = self.release
        found = []
        for index in reversed(range(len(self.passes))):
            if self.passes[index].variant == wanted:
                found.append(index)
                wanted = self.parent(index)
        return found[::-1]


def _check_task(spec: Spec) -> None:
    labels, texts = list(spec.labels), list(spec.data.texts)
    if spec.task == "question-answering":
        if labels:
            raise ValueError(f"labels: {labels}: question-answering has none")
        if len(texts) != 2:
            raise ValueError(
                f"data.text: {texts} is not two fields, the question's and the context's"
            )
        if spec.data.truncate != "end":
            raise ValueError(
                f"data.truncate: {spec.data.truncate!r}: contexts are read in windows, "
                "and a question is cut at its end"
            )
        if spec.data.breaks != "keep" or spec.data.augmentation:
            name = "augmentation" if spec.data.augmentation else "breaks"
            raise ValueError(
                f"data.{name}: would move the answers of question-answering away from "
                "where their table says they are"
            )
    elif len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError(f"labels: {labels} are not 2 or more, all different")
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


def _check_engines(spec: Spec) -> None:
    """What ships is of a scheme that each engine it is exported for can run."""
    served = spec.serving
    engines = (
        ("tf_serving",) if served.runtime == "tf_serving" else tuple(served.engines)
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


def _check_quantized(spec: Spec) -> None:
    """Nothing changes the weights that a mixture was chosen for."""
    mixed: set[str] = set()
    for index, step in enumerate(spec.passes):
        of_mixed = spec.parent(index) in mixed
        if of_mixed and not isinstance(step.settings, Quantize):
            raise ValueError(
                f"passes[{index}].name: {step.settings.name!r} of "
                f"{spec.parent(index)!r}, whose scheme 'mixed' was chosen for its "
                "weights as they are: put it before"
            )
        if isinstance(step.settings, Quantize) and step.settings.scheme == "mixed":
            mixed.add(step.variant)


def teachers_of(settings: PassSettings) -> Sequence[str]:
    """The variants that a pass names as its teachers."""
    return settings.teachers if isinstance(settings, Distill) else ()


def _check_lessons(spec: Spec) -> None:
    for index, step in enumerate(spec.passes):
        match step.settings:
            case Distill(examples="unlabelled" | "both" as asked):
                if spec.data.unlabelled is None:
                    raise ValueError(
                        f"passes[{index}].examples: {asked!r}: there is no "
                        "[data.unlabelled]"
                    )
            case Finetune(class_weights=dict(asked)):
                if unknown := sorted(set(asked) - set(spec.labels)):
                    raise ValueError(
                        f"passes[{index}].class_weights: {unknown} are not among "
                        f"labels {list(spec.labels)}"
                    )
            case _:
                pass


def read_spec(path: Path) -> Spec:
    """Read and check a spec.

    Raises SpecError that names the file, the field, the value and the bound.
    """
    try:
        content = path.read_bytes()
        raw = msgspec.toml.decode(content)
    except OSError as error:
        raise SpecError(f"{path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpecError(f"{path}: not TOML: {error}") from None
    if "digest" in raw:
        raise SpecError(f"{path}: digest: is computed, not given")
    try:
        return msgspec.convert(
            _with_settings(raw) | {"digest": hashlib.sha256(content).hexdigest()}, Spec
        )
    except msgspec.ValidationError as error:
        raise SpecError(f"{path}: {_explain(str(error), raw)}") from None


def _with_settings(raw: dict[str, Any]) -> dict[str, Any]:
    """In the file a pass is one flat table; `variant` and `of` are the pipeline's."""
    passes = raw.get("passes")
    if not isinstance(passes, list) or not all(isinstance(p, dict) for p in passes):
        return raw  # convert says what is wrong
    nested = [
        {key: p[key] for key in ("variant", "of") if key in p}
        | {"settings": {k: v for k, v in p.items() if k not in ("variant", "of")}}
        for p in passes
    ]
    return {**raw, "passes": nested}


def _explain(message: str, raw: dict[str, Any]) -> str:
    """msgspec says what it expected and where; a reader also wants what it found."""
    bound, _, where = message.partition(" - at ")
    field = where.strip("`$").removeprefix(".").replace(".settings", "")
    value: Any = raw
    for key in re.findall(r"[^.\[\]]+", field):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            return f"{field}: {bound}"
    # A table that is wrong as a whole says itself what is wrong in it.
    shown = "" if isinstance(value, dict) else f"{value!r}: "
    return f"{field or 'the spec'}: {shown}{bound}"
