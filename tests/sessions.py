"""Sessions with curl as docs/deploy.md prints them, and what two answers have in common."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs/deploy.md"


def session(section: str) -> list[tuple[str, str]]:
    """Return each command of the session in a section, and what it printed."""
    page = PAGE.read_text(encoding="utf-8")
    text = page.partition(f". {section}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    parts = re.split(r"^\$ ", block, flags=re.M)[1:]
    found = [part.partition("\n") for part in parts]
    return [(command, printed.strip()) for command, _, printed in found]


def typed(command: str, url: str) -> str:
    """Run a command of a session against a server on this machine; return its output."""
    words = shlex.split(command.replace("$SIGN ", "").replace("$URL", url))
    done = subprocess.run(
        [words[0], "--silent", "--show-error", *words[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\r", "")


def shape(printed: str) -> Any:
    """Status and names of headers that the page shows, names and kinds of what is told."""
    head, _, body = printed.strip().rpartition("\n\n")
    lines = head.splitlines()
    status = lines[0].split()[1] if lines else ""
    names = {line.partition(":")[0].lower() for line in lines[1:]}
    return status, names & {"location", "retry-after"}, kinds(json.loads(body))


def kinds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: kinds(each) for name, each in value.items()}
    if isinstance(value, list):
        return [kinds(each) for each in value]
    return type(value).__name__
