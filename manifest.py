"""The one contract: what a model build produced.

`model_build` writes it, `stacks` sizes and pins a service from it, `costs` prices
it, `containers` serve by it. They run on different machines with clashing
dependencies, so this file imports the standard library only and is copied into
images as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

SCHEMA = 4

Runtime = Literal["flask", "tf_serving"]
Architecture = Literal["x86_64", "arm64"]
Engine = Literal["litert", "openvino"]
Task = Literal["classification", "pair-classification", "question-answering"]

SAVED_MODEL = "saved_model"  # the artifact's folder for TF Serving

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9a-f]{12}")


class ManifestError(ValueError):
    """A manifest that one side wrote and another cannot trust."""


@dataclass(frozen=True)
class Step:
    """One compression pass that ran: the variant it made, and how."""

    variant: str
    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A share of what is right, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Quality:
    """Agreement with held-out answers."""

    examples: int
    measure: str  # the figure that decides: macro_f1, or f1 of an answer's words
    figures: Mapping[str, Figure]  # accuracy, macro_f1; or exact_match, f1

    def __post_init__(self) -> None:
        _at_least("quality.examples", self.examples, 1)
        for name, figure in self.figures.items():
            for field in fields(figure):
                where = f"quality.figures.{name}.{field.name}"
                _within(where, getattr(figure, field.name), 0, 1)
        if self.measure not in self.figures:
            raise ManifestError(
                f"quality.measure: {self.measure!r} is not one of "
                f"{', '.join(sorted(self.figures))}"
            )

    @property
    def decides(self) -> Figure:
        return self.figures[self.measure]


@dataclass(frozen=True)
class Serving:
    """What one server process needed and gave, measured over HTTP."""

    vcpu: float  # cores the server was allowed to use
    memory_mib: int  # peak resident memory while serving
    p50_ms: float  # one message a request, one request at a time
    p95_ms: float
    p99_ms: float
    requests_per_second: float  # sustained, one message a request
    model_bytes: int  # of the file of weights that it loaded
    hardware: str

    def __post_init__(self) -> None:
        for name in ("p50_ms", "p95_ms", "p99_ms", "requests_per_second", "vcpu"):
            _positive(f"serving.{name}", getattr(self, name))
        for name in ("memory_mib", "model_bytes"):
            _at_least(f"serving.{name}", getattr(self, name), 1)


@dataclass(frozen=True)
class Manifest:
    """One immutable model artifact.

    `version` is the start of the SHA-256 over `files`, the architecture and the server's
    sources, and the end of its image tag: a template that names a tag names these exact
    bytes, and a mended server is another version. `quality` and
    `serving` are None only between the export and the measurement of a variant;
    `measured()` refuses such a manifest.
    """

    name: str
    variant: str
    version: str
    spec_digest: str  # SHA-256 of the spec file it was built from
    data_digest: str  # SHA-256 of the examples it was trained and measured on
    server_digest: str  # SHA-256 of the sources that an image is made of besides
    architecture: Architecture  # of the machine it was measured on, and runs on
    task: Task
    runtime: Runtime  # that it was measured through
    engine: Engine  # of the light server, chosen by measurement; its files' folder
    labels: tuple[str, ...]  # none where the answer is a stretch of text
    lengths: tuple[int, ...]  # tokens: one signature each; longer texts are cut
    max_batch: int  # instances in one request
    files: Mapping[str, str]  # path in the artifact -> SHA-256
    steps: tuple[Step, ...]
    quality: Quality | None = None
    serving: Serving | None = None
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise ManifestError(f"schema: {self.schema} is not {SCHEMA}: rebuild it")
        _matches("name", self.name, _NAME, "lower-case words joined by hyphens")
        _matches("variant", self.variant, _NAME, "lower-case words joined by hyphens")
        _matches("version", self.version, _VERSION, "12 hexadecimal digits")
        for name in ("spec_digest", "data_digest", "server_digest"):
            _matches(name, getattr(self, name), _DIGEST, "64 hexadecimal digits")
        _one_of("task", self.task, get_args(Task))
        _one_of("runtime", self.runtime, get_args(Runtime))
        _one_of("engine", self.engine, get_args(Engine))
        _one_of("architecture", self.architecture, get_args(Architecture))
        _check_labels(self.task, self.labels)
        if not self.lengths or list(self.lengths) != sorted(set(self.lengths)):
            raise ManifestError(f"lengths: {self.lengths} do not rise")
        _at_least("lengths", self.lengths[0], 3)
        _at_least("max_batch", self.max_batch, 1)
        if not self.files:
            raise ManifestError("files: none given")
        for path, digest in self.files.items():
            _matches(f"files[{path}]", digest, _DIGEST, "64 hexadecimal digits")
            if path.startswith("/") or ".." in path.split("/"):
                raise ManifestError(f"files: {path!r} leaves the artifact")

    @property
    def image_tag(self) -> str:
        return f"{self.name}-{self.version}"

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """Return what the artifact holds files for, and can be baked into."""
        folders = {path.partition("/")[0] for path in self.files}
        return tuple(r for r in get_args(Runtime) if self.folder(r) in folders)

    def folder(self, runtime: Runtime) -> str:
        """Return the folder of the artifact that a runtime's image takes."""
        return self.engine if runtime == "flask" else SAVED_MODEL

    def measured(self) -> tuple[Quality, Serving]:
        """Return both measurements, or refuse: nothing unmeasured is released."""
        if self.quality is None or self.serving is None:
            missing = "quality" if self.quality is None else "serving"
            raise ManifestError(f"{missing}: not measured, so it cannot be released")
        return self.quality, self.serving

    def to_json(self) -> str:
        """Sorted and newline-ended, so that a release diffs one line a change."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, refusing keys this side does not know.

    Raises ManifestError naming the file, the field, the value and the bound.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as JSON: {error}") from error
    try:
        return _manifest(raw)
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None


def _manifest(raw: Any) -> Manifest:
    values = _known(raw, Manifest, "manifest")
    for name in ("labels", "lengths", "steps"):
        if not isinstance(values.get(name), list):
            raise ManifestError(f"{name}: {values.get(name)!r} is not a list")
    if not isinstance(values.get("files"), dict):
        raise ManifestError(f"files: {values.get('files')!r} is not a table")
    values["labels"] = tuple(values["labels"])
    values["lengths"] = tuple(values["lengths"])
    values["steps"] = tuple(
        Step(**_known(step, Step, f"steps[{index}]"))
        for index, step in enumerate(values["steps"])
    )
    if values.get("quality") is not None:
        values["quality"] = _quality(values["quality"])
    if values.get("serving") is not None:
        values["serving"] = Serving(**_known(values["serving"], Serving, "serving"))
    return Manifest(**values)


def _quality(raw: Any) -> Quality:
    values = _known(raw, Quality, "quality")
    if not isinstance(values["figures"], dict):
        raise ManifestError(f"quality.figures: {values['figures']!r} is not a table")
    figures = {
        name: Figure(**_known(figure, Figure, f"quality.figures.{name}"))
        for name, figure in values["figures"].items()
    }
    return Quality(values["examples"], values["measure"], figures)


def _known(raw: Any, kind: type, where: str) -> dict[str, Any]:
    """Check keys and the types of scalars; both would fail far from here."""
    if not isinstance(raw, dict):
        raise ManifestError(f"{where}: {raw!r} is not a table")
    known = {field.name: field for field in fields(kind)}
    if unknown := sorted(raw.keys() - known.keys()):
        raise ManifestError(f"{where}: unknown keys {unknown}")
    required = {n for n in known if n not in {"quality", "serving", "schema"}}
    if missing := sorted(required - raw.keys()):
        raise ManifestError(f"{where}: missing keys {missing}")
    scalars: dict[str, tuple[type, ...]] = {
        "str": (str,),
        "int": (int,),
        "float": (int, float),
    }
    for name, value in raw.items():
        wanted = scalars.get(str(known[name].type))
        if wanted and (isinstance(value, bool) or not isinstance(value, wanted)):
            raise ManifestError(
                f"{where}.{name}: {value!r} is not of type {known[name].type}"
            )
    return dict(raw)


def _check_labels(task: str, labels: tuple[str, ...]) -> None:
    if task == "question-answering":
        if labels:
            raise ManifestError(f"labels: {labels}: {task} has none")
    elif len(labels) < 2 or len(set(labels)) < len(labels):
        raise ManifestError(f"labels: {labels} are not 2 or more, all different")


def _matches(name: str, value: str, pattern: re.Pattern[str], wanted: str) -> None:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ManifestError(f"{name}: {value!r} is not {wanted}")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ManifestError(f"{name}: {value!r} is not one of {', '.join(allowed)}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ManifestError(f"{name}: {value} is not between {low} and {high}")


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ManifestError(f"{name}: {value} is not above 0")


def _at_least(name: str, value: int, low: int) -> None:
    if not isinstance(value, int) or value < low:
        raise ManifestError(f"{name}: {value!r} is not at least {low}")
