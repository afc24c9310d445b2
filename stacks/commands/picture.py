"""Draw what an assembly deploys: `python -m stacks picture cdk.out docs/architecture.svg`.

A box is a stack, with what it holds and what it costs a month; an arrow says what one
stack takes from another, by name.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from costs.assembly import AssemblyError
from costs.bill import bill
from costs.book import PriceError
from costs.reading import read_assembly
from costs.usage import Usage
from stacks.commands.architecture import describe
from stacks.commands.drawing import draw


def main(arguments: list[str] | None = None) -> int:
    """Write the picture; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m stacks picture", description=__doc__
    )
    parser.add_argument("assembly", type=Path, help="a directory that cdk synth wrote")
    parser.add_argument("out", type=Path, help="the SVG file to write")
    options = parser.parse_args(arguments)
    try:
        options.out.write_text(picture(options.assembly), encoding="utf-8")
    except (AssemblyError, PriceError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def picture(assembly: Path) -> str:
    """Return the SVG of an assembly. Raises AssemblyError or PriceError."""
    read = read_assembly(assembly)
    return draw(describe(read, bill(read, Usage())))


if __name__ == "__main__":
    sys.exit(main())
