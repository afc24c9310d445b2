"""What a deployment changed, and whether its templates asked for it."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.inspection import Deployed, Inspection
from rehearsal.result import Finding
from rehearsal.verdict import finding

# A release's version has a logical id of its own, and that of the one before goes.
_REPLACED = "AWS::Lambda::Version"

Resources = dict[tuple[str, str], Deployed]


def changes(
    before: tuple[Inspection, ...], after: tuple[Inspection, ...]
) -> tuple[tuple[Deployed, ...], tuple[Finding, ...]]:
    """Return what is another resource or reads otherwise, and what nobody asked for.

    A template asks by its own properties, or by a reference to what was replaced.
    """
    old, new = _resources(before), _resources(after)
    changed = []
    findings: list[Finding] = []
    for key, item in new.items():
        was = old.get(key)
        if was is None:
            changed.append(item)
        elif (was.physical_id, was.reading) != (item.physical_id, item.reading):
            changed.append(item)
            if _asked(was) == _asked(item):
                findings += _unasked(was, item)
    for key in old.keys() - new.keys():
        gone = old[key].resource
        if gone.type != _REPLACED:
            findings.append(finding(gone, "the resource", "there", "gone"))
    return tuple(changed), tuple(findings)


def _resources(inspections: tuple[Inspection, ...]) -> Resources:
    return {
        (item.resource.stack, item.resource.logical_id): item
        for each in inspections
        for item in each.deployed
    }


def _asked(item: Deployed) -> tuple[object, object]:
    return dict(item.resource.properties), dict(item.given)


def _unasked(was: Deployed, item: Deployed) -> Iterator[Finding]:
    """Name each property that reads otherwise; without one, it is another resource."""
    if was.physical_id != item.physical_id or not (was.reading and item.reading):
        ids = was.physical_id, item.physical_id
        yield finding(
            item.resource, "physical id, as its template did not change", *ids
        )
        return
    for name, found in item.reading.properties.items():
        if (value := was.reading.properties.get(name)) != found:
            yield finding(
                item.resource, f"{name}, as its template did not change", value, found
            )
