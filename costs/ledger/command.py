"""`python -m costs actuals`: what was billed beside what was estimated."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from costs.bill import bill
from costs.ledger.actuals import Actuals, actuals
from costs.ledger.report import read_report
from costs.ledger.text import actuals_json, actuals_markdown, actuals_text
from costs.reading import read_assembly
from costs.usage import Usage

EXAMPLES = """\
examples:
  python -m costs actuals cost-and-usage.csv.gz --assembly cdk.out
  python -m costs actuals cur2.csv --assembly cdk.out --usage usage.toml --markdown
  python -m costs actuals explorer.csv --assembly cdk.out --by model

Reads a Cost and Usage Report (legacy or 2.0, CSV, gzipped or not) and what Cost Explorer
exports as CSV. Activate the cost allocation tags first: the output ActivateTags of the
budget's stack has the command. The report's account may hold other things: lines that no
bill of ours has are listed at the end.
"""
_FORMS: Mapping[str, Callable[[Actuals, str], str]] = {
    "text": actuals_text,
    "markdown": actuals_markdown,
    "json": lambda found, title: actuals_json(found),
}


def add_actuals(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    common: argparse.ArgumentParser,
) -> None:
    """Add the command to `python -m costs`."""
    parser = commands.add_parser(
        "actuals",
        parents=[common],
        help="compare a bill with what AWS billed, and say which assumption was wrong",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("report", type=Path, help="the report, .csv or .csv.gz")
    parser.add_argument(
        "--assembly",
        type=Path,
        required=True,
        metavar="CDK.OUT",
        help="what runs, as cdk synth wrote it",
    )
    parser.add_argument(
        "--by",
        choices=("stage", "model"),
        default="stage",
        help="the tag that lines are grouped by (default: stage)",
    )
    parser.set_defaults(run=_actuals)


def _actuals(asked: argparse.Namespace, usage: Usage) -> int:
    report = read_report(asked.report, asked.by)
    found = actuals(bill(read_assembly(asked.assembly), usage), report, by=asked.by)
    print(_FORMS[asked.form](found, f"Billed in {asked.report.name}"), end="")
    return 0
