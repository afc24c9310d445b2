"""What an AWS deployment costs a month, offline: the bill, its change, the options."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path

from costs.assembly import Assembly, AssemblyError
from costs.bill import Bill, bill
from costs.book import PriceError
from costs.choosing.command import add_choose, budget
from costs.choosing.traffic import TrafficError
from costs.diff import Difference, difference, over
from costs.diff_text import diff_text
from costs.ledger.command import add_actuals
from costs.ledger.report import ReportError
from costs.markdown import bill_markdown, diff_markdown
from costs.modes.command import add_modes
from costs.modes.comparison import Comparison, compare
from costs.modes.text import modes_markdown_section, modes_section
from costs.options import Option, options
from costs.options_text import options_json, options_markdown, options_text
from costs.price_list.command import add_refresh
from costs.price_list.files import PriceListError
from costs.reading import read_assembly
from costs.records import bill_json, diff_json
from costs.sheet import bill_csv, diff_csv
from costs.subtotals import tags_of
from costs.text import bill_text
from costs.usage import Usage, UsageError, read_usage, usage_toml
from manifest import ManifestError

_EXAMPLES = """\
examples:
  cdk synth -q && python -m costs bill cdk.out
  python -m costs bill cdk.out --stage dev --markdown
  python -m costs bill cdk.out --by cost-center --csv > bill.csv
  python -m costs diff OLD/cdk.out cdk.out --fail-above 50/month --fail-above-pct 10
  python -m costs usage > usage.toml      # every assumption, to edit
  python -m costs bill cdk.out --usage usage.toml
  python -m costs options
  python -m costs refresh                 # renew the prices from AWS's list
  python -m costs actuals cur.csv.gz --assembly cdk.out
  python -m costs choose build/support-sentiment --rps 50 --p99-ms 100
  python -m costs modes build/modes       # python -m stacks modes wrote it

A bill is at minimum scale (scaling's fewest tasks, the least traffic), as expected, and
at maximum scale. usage.toml replaces assumptions, one a line:
  requests_per_second = { minimum = 2, expected = 20, maximum = 80 }
  nat_gb = { expected = 30 }
  builds_per_month = 20

exit code: 0, 2 on an error, 3 if a --fail-above stops the change
"""
_USES = {
    "json": "for machines",
    "markdown": "for a pull request",
    "csv": "for a spreadsheet",
}
_BILLS: Mapping[str, Callable[[Bill, str, Sequence[str], Sequence[str]], str]] = {
    "text": bill_text,
    "markdown": bill_markdown,
    "json": lambda found, title, tags, section: bill_json(found),
    "csv": lambda found, title, tags, section: bill_csv(found),
}
_SECTIONS: Mapping[str, Callable[[Comparison], Sequence[str]]] = {
    "text": modes_section,
    "markdown": modes_markdown_section,
}
_DIFFERENCES: Mapping[str, Callable[[Difference, str], str]] = {
    "text": diff_text,
    "markdown": diff_markdown,
    "json": lambda found, title: diff_json(found),
    "csv": lambda found, title: diff_csv(found),
}
_OPTIONS: Mapping[str, Callable[[Sequence[Option], str, date], str]] = {
    "text": options_text,
    "markdown": options_markdown,
    "json": options_json,
}
REFUSALS = (
    AssemblyError,
    ManifestError,
    PriceError,
    PriceListError,
    ReportError,
    TrafficError,
    UsageError,
)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        usage = read_usage(asked.usage) if asked.usage else Usage()
        code = int(asked.run(asked, usage))
        if sys.stdout:  # None where it is closed from the start
            sys.stdout.flush()
        return code
    except REFUSALS as error:
        return _refuse(str(error))
    except UnicodeEncodeError as error:
        text = f"{error.object[error.start : error.end]!a} cannot be written"
        return _refuse(f"standard output: {text} in {error.encoding}")
    except OSError as error:  # a full disk, or a reader who has gone
        if error.filename is not None:  # a name that is too long
            return _refuse(f"{str(error.filename)[-100:]}: {error.strerror}")
        # Or Python writes again what it could not write, on its way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _refuse(f"standard output: {error.strerror}")
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _refuse(reason: str) -> int:
    print(f"error: {reason}", file=sys.stderr)
    return 2


def _bill(asked: argparse.Namespace, usage: Usage) -> int:
    (assembly,) = _read((asked.assembly,), asked.stage)
    found = bill(assembly, usage, today=asked.today)
    if unknown := sorted(set(asked.by) - set(tags_of(found))):
        known = ", ".join(tags_of(found)) or "none"
        raise AssemblyError(
            f"--by: no resource has the tag {unknown[0]}; there are: {known}"
        )
    title = f"Bill of {asked.assembly.resolve().name}"
    section = _modes(asked.modes, asked.form, usage) if asked.modes else ()
    print(_BILLS[asked.form](found, title, asked.by, section), end="")
    return 0


def _modes(directory: Path, form: str, usage: Usage) -> Sequence[str]:
    if form not in _SECTIONS:
        raise AssemblyError(
            f"--modes: as {' or '.join(_SECTIONS)} only, not as {form}:"
            f" `python -m costs modes {directory} --json` is for machines"
        )
    return _SECTIONS[form](compare(read_assembly(directory), usage))


def _diff(asked: argparse.Namespace, usage: Usage) -> int:
    old, new = _read((asked.old, asked.new), asked.stage)
    before, after = (bill(each, usage, today=asked.today) for each in (old, new))
    found = difference(before, after)
    print(_DIFFERENCES[asked.form](found, "Monthly cost"), end="")
    refusals = list(over(found, usd=asked.fail_above, percent=asked.fail_above_pct))
    for refusal in refusals:
        print(f"refused: {refusal}", file=sys.stderr)
    return 3 if refusals else 0


def _options(asked: argparse.Namespace, usage: Usage) -> int:
    found = options(asked.region, usage)
    print(_OPTIONS[asked.form](found, asked.region, asked.today), end="")
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


def _usage(asked: argparse.Namespace, usage: Usage) -> int:
    print(usage_toml(usage), end="")
    return 0


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no day like 2026-01-31"
        ) from None


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 10, in percent")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m costs",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    common = _common("json", "markdown", "csv")
    dated = argparse.ArgumentParser(add_help=False)
    dated.add_argument(
        "--today",
        type=_day,
        default=date.today(),
        metavar="YYYY-MM-DD",
        help="warn of prices that are old on this day (default: today)",
    )
    staged = argparse.ArgumentParser(add_help=False)
    staged.add_argument("--stage", help="only this stage, such as dev")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser(
        "bill",
        parents=[common, staged, dated],
        help="price every resource of a cdk.out directory",
    )
    one.add_argument("assembly", type=Path, help="a directory that cdk synth wrote")
    one.add_argument(
        "--by",
        action="append",
        default=[],
        metavar="TAG",
        help="subtotals of a tag too",
    )
    one.add_argument(
        "--modes",
        type=Path,
        metavar="DIR",
        help="and one model in every mode: what python -m stacks modes wrote",
    )
    one.set_defaults(run=_bill)
    two = commands.add_parser(
        "diff",
        parents=[common, staged, dated],
        help="show what a change does to the bill",
    )
    two.add_argument("old", type=Path, help="cdk.out before the change")
    two.add_argument("new", type=Path, help="cdk.out after it")
    two.add_argument(
        "--fail-above",
        type=budget,
        metavar="USD/month",
        help="exit 3 if the change adds more than this at any scale",
    )
    two.add_argument(
        "--fail-above-pct",
        type=_percent,
        metavar="PERCENT",
        help="exit 3 if it adds more than this share of what was paid at any scale",
    )
    two.set_defaults(run=_diff)
    three = commands.add_parser(
        "options",
        parents=[_common("json", "markdown"), dated],
        help="price what a stage may have, while idle",
    )
    three.add_argument("--region", default="us-east-1", help="us-east-1 if not given")
    three.set_defaults(run=_options)
    four = commands.add_parser(
        "usage",
        parents=[_assumptions()],
        help="print every assumption as the file that --usage reads",
    )
    four.set_defaults(run=_usage)
    add_refresh(commands)
    add_actuals(commands, _common("json", "markdown"))
    add_choose(commands, _common("json", "markdown"), dated)
    add_modes(commands, _common("json", "markdown"), dated)
    return parser


def _common(*forms: str) -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False, parents=[_assumptions()])
    group = common.add_mutually_exclusive_group()
    for form in forms:
        group.add_argument(
            f"--{form}", dest="form", action="store_const", const=form, help=_USES[form]
        )
    common.set_defaults(form="text")
    return common


def _assumptions() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--usage", type=Path, metavar="TOML", help="assumptions that replace ours"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
