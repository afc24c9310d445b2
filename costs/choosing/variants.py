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
# What a simulation can be made of; measurements are far within.
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "vcpu": (0.01, 1e4),
    "memory_mib": (1, 1e8),
    "p50_ms": (1e-3, 1e7),
    "p95_ms": (1e-3, 1e7),
    "p99_ms": (1e-3, 1e7),
    "requests_per_second": (1e-4, 1e7),
}
_MOST_READY_SECONDS = 1e5
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
    try:
        manifest = read_manifest(path)
    except RecursionError:
        raise ManifestError(f"{path}: nested too deeply") from None
    try:
        quality, serving = manifest.measured()
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None
    _check(f"{path}: serving", serving)
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
    except (OSError, ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: cannot be read as JSON: {error}") from None
    try:
        measured = [v for v in raw["variants"] if v["serving"] is not None]
        return {str(v["name"]): _variant(v, raw) for v in measured}
    except ManifestError as error:
        raise ManifestError(f"{path}: {error}") from None
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        ZeroDivisionError,
    ) as error:
        what = f"{type(error).__name__} {error}"
        raise ManifestError(f"{path}: not a report of this version: {what}") from None


def _check(where: str, serving: Serving) -> None:
    for name, (low, high) in _BOUNDS.items():
        _within(f"{where}.{name}", getattr(serving, name), low, high)


def _within(where: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        # An integer of a thousand digits is no float to be shown.
        shown = "inf" if value > 1e300 else f"{value:.4g}"
        raise ManifestError(f"{where}: {shown} is not from {low:g} to {high:g}")


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
    ready = float(found["ready_seconds"])
    quality = float(raw["quality"]["figures"][measure]["own"]["value"])
    _check(f"{raw['name']}.serving", serving)
    _within(f"{raw['name']}.serving.ready_seconds", ready, 0, _MOST_READY_SECONDS)
    _within(f"{raw['name']}.{measure}", quality, 0, 1)
    return Variant(
        str(raw["name"]),
        serving,
        service_time(serving),
        ready,
        quality,
        measure,
        False,
    )
