"""What a developer asks to be built, read from model_build/specs/*.toml.

No TensorFlow here: tests, CI and reviewers read specs cheaply.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from manifest import Architecture, Engine, Runtime
from manifest import Task as ServedTask
from model_build.bounds import FIGURES, SEEDS, Gate
from model_build.consistency import check
from model_build.consistency import teachers_of as teachers_of
from model_build.dataset import Data
from model_build.passes import PassSettings
from model_build.search import Search
from model_build.sources import Digest, Source
from model_build.wording import explain

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
    # A variant, round and kind of load.
    seconds: Annotated[float, Meta(gt=0, le=600)] = 1.0
    connections: Annotated[int, Meta(ge=1, le=256)] = 4  # at full load
    resamples: Annotated[int, Meta(ge=100, le=100_000)] = 2000  # of the bootstrap


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
    seed: Annotated[int, Meta(ge=0, le=2**32 - SEEDS)] = 0  # those of `seeds` follow
    data: Data
    checkpoint: Checkpoint
    licences: Licences = Licences()
    serving: ServingSettings
    measurement: Measurement = Measurement()
    build: Build = Build()
    passes: Annotated[tuple[PassSpec, ...], Meta(min_length=1)]
    search: Search | None = None
    gates: Annotated[tuple[Gate, ...], Meta(min_length=1)] = ()  # a spec has one
    digest: str = ""  # SHA-256 of the file; filled by read_spec

    def __post_init__(self) -> None:
        check(self)

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
    if not raw:
        raise SpecError(f"{path}: says nothing; docs/spec.md has a spec to start from")
    if "digest" in raw:
        raise SpecError(f"{path}: digest: is computed, not given")
    asked = _with_settings(raw) | {"digest": hashlib.sha256(content).hexdigest()}
    try:
        return msgspec.convert(asked, Spec)
    except msgspec.ValidationError as error:
        raise SpecError(f"{path}: {explain(str(error), asked, Spec)}") from None


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
