"""What an AWS deployment costs a month, offline: the bill, its change, the options."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from costs.assembly import Assembly, AssemblyError
from costs.bill import Bill, bill
from costs.book import PriceError
from costs.diff import Difference, difference
from costs.diff_text import diff_text
from costs.markdown import bill_markdown, diff_markdown
from costs.options import Option, options
from costs.options_text import options_json, options_markdown, options_text
from costs.reading import read_assembly
from costs.records import bill_json, diff_json
from costs.text import bill_text
from costs.usage import Usage, UsageError, read_usage

_EXAMPLES = """\
examples:
  cdk synth -q && python -m costs bill cdk.out
  python -m costs bill cdk.out --stage dev --markdown
  python -m costs diff OLD/cdk.out cdk.out --fail-above 50/month
  python -m costs bill cdk.out --usage usage.toml
  python -m costs options

usage.toml replaces assumptions, one a line:
  requests_per_second = { minimum = 2, maximum = 80 }
  builds_per_month = 20

exit code: 0, 2 on an error, 3 if --fail-above stops the change
"""
_BILLS: Mapping[str, Callable[[Bill, str], str]] = {
    "text": bill_text,
    "markdown": bill_markdown,
    "json": lambda found, title: bill_json(found),
}
_DIFFERENCES: Mapping[str, Callable[[Difference, str], str]] = {
    "text": diff_text,
    "markdown": diff_markdown,
    "json": lambda found, title: diff_json(found),
}
_OPTIONS: Mapping[str, Callable[[Sequence[Option], str], str]] = {
    "text": options_text,
    "markdown": options_markdown,
    "json": options_json,
}
_THRESHOLD = re.compile(r"(\d+(?:\.\d+)?)/month")


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        usage = read_usage(asked.usage) if asked.usage else Usage()
        code = int(asked.run(asked, usage))
        sys.stdout.flush()
        return code
    except (AssemblyError, PriceError, UsageError) as error:
        return _refuse(str(error))
    except OSError as error:  # a full disk, or a reader who has gone
        # Or Python writes again what it could not write, on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _refuse(f"standard output: {error.strerror}")


def _refuse(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 2


def _bill(asked: argparse.Namespace, usage: Usage) -> int:
    (assembly,) = _read((asked.assembly,), asked.stage)
    found = bill(assembly, usage)
    title = f"Bill of {asked.assembly.resolve().name}"
    print(_BILLS[asked.form](found, title), end="")
    return 0


def _diff(asked: argparse.Namespace, usage: Usage) -> int:
    old, new = _read((asked.old, asked.new), asked.stage)
    found = difference(bill(old, usage), bill(new, usage))
    print(_DIFFERENCES[asked.form](found, "Monthly cost"), end="")
    limit = asked.fail_above
    highest = max(found.monthly.minimum, found.monthly.maximum)
    if limit is None or highest <= limit:
        return 0
    print(
        f"refused: {highest:+,.2f} USD a month, above the {limit:g} that"
        " --fail-above allows",
        file=sys.stderr,
    )
    return 3


def _options(asked: argparse.Namespace, usage: Usage) -> int:
    found = options(asked.region, usage)
    print(_OPTIONS[asked.form](found, asked.region), end="")
    return 0


def _read(directories: Sequence[Path], stage: str | None) -> list[Assembly]:
    """Read assemblies; a stage may be new or gone, but some side must have it."""
    found = [read_assembly(directory) for directory in directories]
    if stage is None:
        return found
    stages = sorted({name for assembly in found for name in assembly.stages})
    if stage not in stages:
        known = ", ".join(name or "(none)" for name in stages)
        where = " and ".join(str(directory) for directory in directories)
        raise AssemblyError(f"{where}: no stage {stage!r}; there are: {known}")
    return [assembly.stage(stage) for assembly in found]


def _threshold(text: str) -> float:
    if not (match := _THRESHOLD.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 50/month, in USD")
    return float(match[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m costs",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common, staged = _common(), argparse.ArgumentParser(add_help=False)
    staged.add_argument("--stage", help="only this stage, such as dev")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser(
        "bill",
        parents=[common, staged],
        help="price every resource of a cdk.out directory",
    )
    one.add_argument("assembly", type=Path, help="a directory that cdk synth wrote")
    one.set_defaults(run=_bill)
    two = commands.add_parser(
        "diff",
        parents=[common, staged],
        help="show what a change does to the bill",
    )
    two.add_argument("old", type=Path, help="cdk.out before the change")
    two.add_argument("new", type=Path, help="cdk.out after it")
    two.add_argument(
        "--fail-above",
        type=_threshold,
        metavar="USD/month",
        help="exit 3 if the change adds more than this at either scale",
    )
    two.set_defaults(run=_diff)
    three = commands.add_parser(
        "options", parents=[common], help="price what a stage may have, while idle"
    )
    three.add_argument("--region", default="us-east-1", help="us-east-1 if not given")
    three.set_defaults(run=_options)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--usage", type=Path, metavar="TOML", help="assumptions that replace ours"
    )
    forms = common.add_mutually_exclusive_group()
    for form, use in (("json", "for machines"), ("markdown", "for a pull request")):
        forms.add_argument(
            f"--{form}", dest="form", action="store_const", const=form, help=use
        )
    common.set_defaults(form="text")
    return common


if __name__ == "__main__":
    sys.exit(main())
