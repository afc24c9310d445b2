"""Every dollar can be asked whose it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from checks.deployed import Deployed, Part
from checks.finding import Finding

TAGS = ("project", "stage", "owner", "cost-center")


def tagged(deployed: Deployed, taggable: Collection[str]) -> Iterator[Finding]:
    """Yield the resources of `taggable` types that do not carry all of TAGS."""
    for part in deployed.parts:
        missing = [tag for tag in TAGS if tag not in _tags(part)]
        if part.type in taggable and missing:
            yield part.wrong("untagged", "Tags", f"no {', '.join(missing)}")


def _tags(part: Part) -> set[str]:
    """Return the keys, in any of the forms that resource types have them in."""
    found = part.get("Tags", part.get("ResourceTags", []))
    return set(found) if isinstance(found, dict) else {each["Key"] for each in found}
