"""What a rehearsal found, and nothing it did not look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rehearsal.assembly import Resource

SCHEMA = 2
Verdict = Literal["read back", "different", "recorded only", "not covered"]


@dataclass(frozen=True)
class Finding:
    """One place where the account is not as the template or the release asks."""

    stack: str
    resource: str  # logical id
    type: str
    property: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return (
            f"{self.stack} {self.resource} ({self.type}): {self.property}: "
            f"expected {self.expected!r}, found {self.found!r}"
        )


@dataclass(frozen=True)
class Checked:
    """One deployed resource: how far it was checked, and what was wrong with it."""

    resource: Resource
    physical_id: str
    verdict: Verdict
    compared: tuple[str, ...] = ()  # properties read back and compared
    uncompared: Mapping[str, str] | None = None  # property -> why not
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class TypeLine:
    """One resource type's line in the table."""

    type: str
    count: int
    read_back: int  # and as asked
    different: int
    recorded_only: int
    not_covered: int
    compared: int  # properties, over all its resources
    properties: int
    uncompared: Mapping[str, str]


@dataclass(frozen=True)
class Release:
    """A release and the task definition that runs its exact image."""

    stage: str
    name: str
    image_tag: str
    task_definition: str | None


@dataclass(frozen=True)
class Phase:
    """One part of the life: how long it took, what it showed, what was not as it should."""

    name: str
    seconds: float
    shown: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Rehearsal:
    """A whole rehearsal; `passed` means all that was read back was as asked."""

    digest: str
    stacks: tuple[str, ...]
    types: tuple[TypeLine, ...]
    releases: tuple[Release, ...]
    retained: tuple[
        str, ...
    ]  # "stack logical-id (type)": there after destroy, as asked
    removed: int  # resources that were there before and are gone after
    phases: tuple[Phase, ...]
    schema: int = SCHEMA

    @property
    def passed(self) -> bool:
        return not any(phase.findings for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        return {"passed": self.passed, **asdict(self)}


def from_json(saved: dict[str, Any]) -> Rehearsal:
    """Return the rehearsal that `to_json` wrote.

    Raises KeyError or TypeError for anything else.
    """
    values = dict(saved)
    del values["passed"]
    for name in ("stacks", "retained"):
        values[name] = tuple(values[name])
    for name, kind in (("types", TypeLine), ("releases", Release)):
        values[name] = tuple(kind(**value) for value in values[name])
    values["phases"] = tuple(_phase(value) for value in values["phases"])
    return Rehearsal(**values)


def _phase(saved: dict[str, Any]) -> Phase:
    findings = tuple(Finding(**each) for each in saved["findings"])
    return Phase(**{**saved, "shown": tuple(saved["shown"]), "findings": findings})


def by_type(checked: tuple[Checked, ...]) -> tuple[TypeLine, ...]:
    """Count resources and properties per CloudFormation type, in alphabetical order."""
    kinds = sorted({item.resource.type for item in checked})
    return tuple(
        _line(kind, [item for item in checked if item.resource.type == kind])
        for kind in kinds
    )


def _line(kind: str, items: list[Checked]) -> TypeLine:
    verdicts = [item.verdict for item in items]
    uncompared: dict[str, str] = {}
    for item in items:
        uncompared |= item.uncompared or {}
    return TypeLine(
        kind,
        len(items),
        verdicts.count("read back"),
        verdicts.count("different"),
        verdicts.count("recorded only"),
        verdicts.count("not covered"),
        sum(len(item.compared) for item in items),
        sum(len(item.resource.properties) for item in items),
        dict(sorted(uncompared.items())),
    )
