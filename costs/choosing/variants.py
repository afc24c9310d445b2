"""The measured forms of a model: its release, and what else its build measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from costs.choosing.service_time import ServiceTime, service_time
from manifest import (
    Architecture,
    Manifest,
    ManifestError,
    Runtime,
    Serving,
    read_manifest,
)

REPORT = "report.json"  # beside the manifest that a build wrote
# Until a server is ready, in seconds, where no report says what was measured.
READY_SECONDS = 3.0


@dataclass(frozen=True)
class Variant:
    name: str
    serving: Serving
    service: ServiceTime
    ready_seconds: float
    quality: float  # of the measure that decides
    measure: str
    released: bool
    architecture: Architecture = "x86_64"  # that it was measured on
    runtime: Runtime = "flask"


def read_variants(
    path: Path, report: Path | None = None
) -> tuple[Manifest, tuple[Variant, ...]]:
    """Return a manifest and its variants, the released one first.

    `path` is a manifest or the directory of a build. The others are in `report`, which
    is looked for beside it. Raises ManifestError naming the file, the field and the
    value.
    """
    path = path / "manifest.json" if path.is_dir() else path
    manifest = read_manifest(path)
    try:
        quality, serving = manifest.measured()
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None
    beside = report or path.with_name(REPORT)
    others = _reported(beside) if report or beside.is_file() else {}
    ready = (
        others[manifest.variant].ready_seconds
        if manifest.variant in others
        else READY_SECONDS
    )
    released = Variant(
        manifest.variant,
        serving,
        service_time(serving),
        ready,
        quality.decides.value,
        quality.measure,
        True,
        manifest.architecture,
        manifest.runtime,
    )
    rest = (
        replace(each, architecture=manifest.architecture, runtime=manifest.runtime)
        for name, each in others.items()
        if name != manifest.variant
    )
    return manifest, (released, *rest)


def _reported(path: Path) -> Mapping[str, Variant]:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: cannot be read as JSON: {error}") from None
    try:
        measured = (v for v in raw["variants"] if v["serving"] is not None)
        return {v["name"]: _variant(v, raw) for v in measured}
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        ZeroDivisionError,
    ) as error:
        what = f"{type(error).__name__} {error}"
        raise ManifestError(f"{path}: not a report of this version: {what}") from None


def _variant(raw: Mapping[str, Any], report: Mapping[str, Any]) -> Variant:
    found, measure = raw["serving"], str(report["measure"])
    conditions = report["conditions"]
    serving = Serving(
        vcpu=float(conditions["server_cores"]),
        memory_mib=int(found["memory_mib"]),
        model_bytes=int(raw["bytes"]),
        p50_ms=float(found["p50_ms"]),
        p95_ms=float(found["p95_ms"]),
        p99_ms=float(found["p99_ms"]),
        requests_per_second=float(found["requests_per_second"]),
        hardware=str(conditions["hardware"]),
    )
    return Variant(
        str(raw["name"]),
        serving,
        service_time(serving),
        float(found["ready_seconds"]),
        float(raw["quality"]["figures"][measure]["own"]["value"]),
        measure,
        False,
    )
