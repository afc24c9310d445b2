"""What `cdk destroy` leaves: nothing but what the templates say it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from rehearsal.account import Account
from rehearsal.inspection import Inspection
from rehearsal.readers import read
from rehearsal.result import Finding
from rehearsal.verdict import finding


@dataclass(frozen=True)
class Left:
    """What is there after `cdk destroy`."""

    retained: tuple[str, ...]  # as its template asks
    removed: int  # there before, gone now
    findings: tuple[Finding, ...]  # what stayed or went against its template


def left_behind(account: Account, inspections: tuple[Inspection, ...]) -> Left:
    """Look for everything that was read back before its stack was destroyed."""
    retained: list[str] = []
    findings: list[Finding] = []
    removed = 0
    seen = [(i, each.stack) for each in inspections for i in each.deployed if i.reading]
    for item, stack in seen:
        resource, where = item.resource, account.at(stack.environment)
        stays = read(where, resource.type, item.physical_id, item.given) is not None
        removed += not stays
        if stays and resource.retained:
            retained.append(f"{resource.stack} {resource.logical_id} ({resource.type})")
        elif stays != resource.retained:
            wanted, got = ("kept", "gone") if resource.retained else ("gone", "kept")
            findings.append(finding(resource, "after destroy", wanted, got))
    return Left(tuple(retained), removed, tuple(findings))
