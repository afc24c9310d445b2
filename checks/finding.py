"""What a check says, whichever tool it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong with one resource."""

    stack: str
    path: str  # of its construct within the stack; the logical id where it has none
    resource: str  # logical id, "" for a whole stack
    tool: str
    rule: str
    field: str
    says: str  # the value, and what was expected

    @property
    def where(self) -> str:
        """Return what acknowledgements match: STACK/PATH."""
        return f"{self.stack}/{self.path}"

    def __str__(self) -> str:
        named = f" {self.field}:" if self.field else ""
        return f"{self.where} ({self.resource}):{named} {self.says} [{self.tool} {self.rule}]"
