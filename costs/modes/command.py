"""`python -m costs modes`: the same model in every mode, side by side."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from costs.choosing.command import write
from costs.modes.comparison import LEVELS, Comparison, compare
from costs.modes.lines import modes_picture
from costs.modes.text import modes_json, modes_markdown, modes_text
from costs.reading import read_assembly
from costs.usage import Usage

_MOST = 1e10  # requests a month

FORMS: Mapping[str, Callable[[Comparison, date | None], str]] = {
    "text": modes_text,
    "markdown": modes_markdown,
    "json": modes_json,
}


def add_modes(
    commands: Any, common: argparse.ArgumentParser, dated: argparse.ArgumentParser
) -> None:
    parser = commands.add_parser(
        "modes",
        parents=[common, dated],
        help="price one model in every mode, and say from which traffic on which is cheapest",
    )
    parser.add_argument(
        "assembly", type=Path, help="a directory that python -m stacks modes wrote"
    )
    parser.add_argument(
        "--requests",
        type=_requests,
        nargs="+",
        default=LEVELS,
        metavar="N",
        help="requests a month (default: 0 and 1,000 to 100 million)",
    )
    parser.add_argument(
        "--picture", type=Path, metavar="SVG", help="draw cost against traffic"
    )
    parser.set_defaults(run=_modes)


def _modes(asked: argparse.Namespace, usage: Usage) -> int:
    found = compare(read_assembly(asked.assembly), usage, sorted(set(asked.requests)))
    if asked.picture:
        write(asked.picture, modes_picture(found))
    print(FORMS[asked.form](found, asked.today), end="")
    return 0


def _requests(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 <= value <= _MOST:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to {_MOST:g}")
    return value
