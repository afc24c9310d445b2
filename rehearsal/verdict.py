"""How far one resource was checked, and where it is not what its template asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.assembly import Resource
from rehearsal.comparison import differences
from rehearsal.handlers import recorded_only
from rehearsal.readers import READERS
from rehearsal.readers.reading import Reading
from rehearsal.result import Checked, Finding
from rehearsal.template import Scope, UnresolvedError


def check(
    resource: Resource, physical_id: str, reading: Reading | None, scope: Scope
) -> Checked:
    """Compare one resource, property by property, with its template."""
    if recorded_only(resource.type, resource.properties):
        return Checked(resource, physical_id, "recorded only")
    if resource.type not in READERS:
        return Checked(resource, physical_id, "not covered")
    if reading is None:
        absent = finding(resource, "the resource", "to be there", "nothing")
        return Checked(resource, physical_id, "different", findings=(absent,))
    compared: list[str] = []
    uncompared: dict[str, str] = {}
    findings: list[Finding] = []
    for name, value in resource.properties.items():
        if name not in reading.properties:
            uncompared[name] = "not read back"
            continue
        try:
            expected = scope.resolve(value)
        except UnresolvedError as error:
            uncompared[name] = f"{error} is not known here"
            continue
        compared.append(name)
        findings += _compare(resource, name, expected, reading.properties[name])
    return Checked(
        resource,
        physical_id,
        "different" if findings else "read back",
        tuple(compared),
        uncompared,
        tuple(findings),
    )


def _compare(
    resource: Resource, name: str, expected: Any, found: Any
) -> Iterator[Finding]:
    for path, wanted, got in differences(expected, found, name):
        yield finding(resource, path, wanted, got)


def finding(resource: Resource, name: str, expected: Any, found: Any) -> Finding:
    return Finding(
        resource.stack, resource.logical_id, resource.type, name, expected, found
    )
