"""The release that an endpoint's stack runs: what its template tells was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from costs.assembly import AssemblyError, Stack
from manifest import Figure, ManifestError, Quality, Serving

METADATA = "Lathe"  # of the template; stacks/release.py writes it
SCHEMA = 1


@dataclass(frozen=True)
class Release:
    """One endpoint's model: which it is, and what its build measured."""

    endpoint: str
    model: str
    version: str
    variant: str
    engine: str
    runtime: str
    architecture: str
    quality: Quality | None
    serving: Serving | None


def release_of(stack: Stack) -> Release | None:
    """Return what a stack runs; None for what is no endpoint or tells too little.

    An older commit may have told less; it can be compared with all the same. Raises
    AssemblyError naming the stack and a value that cannot be.
    """
    told = stack.template.section("Metadata").get(METADATA)
    if not isinstance(told, dict) or told.get("schema") != SCHEMA:
        return None
    try:
        return _release(told)
    except KeyError:
        return None
    except (TypeError, ManifestError) as error:
        where = f"{stack.name}: Metadata.{METADATA}"
        raise AssemblyError(f"{where}: {error}") from None


def _release(told: Mapping[str, Any]) -> Release:
    quality, serving = told["quality"], told["serving"]
    if quality is not None:
        figures = {
            name: Figure(**_known(figure, Figure))
            for name, figure in quality["figures"].items()
        }
        quality = Quality(quality["examples"], quality["measure"], figures)
    if serving is not None:
        serving = Serving(**_known(serving, Serving))
    words = ("endpoint", "model", "version", "variant", "engine", "runtime")
    return Release(
        **{name: str(told[name]) for name in (*words, "architecture")},
        quality=quality,
        serving=serving,
    )


def _known(told: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """Return the fields that this side knows. Raises KeyError for one that is not told."""
    return {field.name: told[field.name] for field in fields(kind)}
