"""`python -m costs choose`: the cheapest way to serve a model."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from costs.choosing.break_even import break_evens, points, sensitivities
from costs.choosing.choice import Question, choose
from costs.choosing.objective import Objective
from costs.choosing.picture import picture
from costs.choosing.queueing import MAX_WAIT_MS
from costs.choosing.text import Answer, answer_json, answer_markdown, answer_text
from costs.choosing.traffic import SHAPES, Profile, TrafficError, read_profile, shape
from costs.choosing.variants import read_variants
from costs.usage import Usage

EXAMPLES = """\
examples:
  python -m costs choose build/support-sentiment --rps 50 --p99-ms 100
  python -m costs choose stacks/releases/prod/support-sentiment.json --rps 5
      --p99-ms 200 --profile day-night --budget 60/month --picture choice.svg
  python -m costs choose build/support-sentiment --p99-ms 100 --profile traffic.csv

traffic.csv has requests a second, each from its hour to the next row's, then all over:
  hour,requests_per_second
  0,2.5
  8,40
  20,2.5

exit code: 0, 1 if nothing keeps what was asked, 2 on an error
"""
_FORMS: Mapping[str, Callable[[Answer], str]] = {
    "text": answer_text,
    "markdown": answer_markdown,
    "json": answer_json,
}
_BUDGET = re.compile(r"(\d{1,12}(?:\.\d+)?)/month")


def add_choose(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    *common: argparse.ArgumentParser,
) -> None:
    """Add the command to `python -m costs`."""
    parser = commands.add_parser(
        "choose",
        parents=common,
        help="find the cheapest way to serve a model at a traffic and a p99",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "manifest", type=Path, help="a manifest, or a build's directory"
    )
    parser.add_argument(
        "--rps",
        type=positive,
        metavar="N",
        help="requests a second on average; a profile's own if not given",
    )
    parser.add_argument(
        "--p99-ms",
        type=positive,
        required=True,
        metavar="MS",
        help="in which 99 %% of the requests are answered",
    )
    parser.add_argument(
        "--profile",
        default="steady",
        metavar="NAME|CSV",
        help=f"{', '.join(SHAPES)}, or a file (default: steady)",
    )
    parser.add_argument(
        "--budget", type=budget, metavar="USD/month", help="such as 300/month"
    )
    parser.add_argument(
        "--at-least",
        type=_count,
        default=1,
        metavar="N",
        help="machines that always run (default: 1)",
    )
    parser.add_argument(
        "--max-wait-ms",
        type=positive,
        default=MAX_WAIT_MS,
        metavar="MS",
        help=f"the server's MAX_WAIT_MS (default: {MAX_WAIT_MS:g})",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="JSON",
        help="the build's report with all variants (default: report.json beside it)",
    )
    parser.add_argument(
        "--quality",
        type=_share,
        metavar="SHARE",
        help="what a variant must have (default: what the released one has)",
    )
    parser.add_argument("--region", default="us-east-1", help="(default: us-east-1)")
    parser.add_argument(
        "--picture", type=Path, metavar="SVG", help="draw cost against traffic"
    )
    parser.set_defaults(run=_choose)


def _choose(asked: argparse.Namespace, usage: Usage) -> int:
    manifest, variants = read_variants(asked.manifest, asked.report)
    quality = asked.quality if asked.quality is not None else variants[0].quality
    objective = Objective(
        _profile(asked.profile, asked.rps),
        asked.p99_ms,
        asked.at_least,
        asked.budget,
        asked.max_wait_ms,
        quality,
    )
    choice = choose(Question(variants, objective, asked.region, usage))
    # Lines of cost are about the release: what ships may change, what it costs is asked.
    released = replace(choice.question, variants=variants[:1])
    found = points(released)
    answer = Answer(
        manifest.name,
        choice,
        found,
        break_evens(found),
        sensitivities(choice),
        asked.today,
    )
    if asked.picture:
        title = f"What {manifest.name} costs a month, by traffic"
        rate = objective.profile.mean
        drawn = picture(title, rate, found, answer.break_evens)
        write(asked.picture, drawn)
    print(_FORMS[asked.form](answer), end="")
    return 0 if choice.best else 1


def write(path: Path, text: str) -> None:
    """Raises TrafficError naming the file where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TrafficError(f"{path}: cannot be written: {error.strerror}") from None


def _profile(name: str, rate: float | None) -> Profile:
    if name in SHAPES:
        if rate is None:
            raise TrafficError(f"--rps: not given, and --profile {name} has no rate")
        return shape(name).at(rate)
    profile = read_profile(Path(name))
    return profile if rate is None else profile.at(rate)


def budget(text: str) -> float:
    """Read "300/month" as USD a month."""
    if not (match := _BUDGET.fullmatch(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 300/month, in USD")
    return float(match[1])


def positive(text: str) -> float:
    return _within(text, 1e-6, 1e9)


def _share(text: str) -> float:
    return _within(text, 0, 1)


def _count(text: str) -> int:
    value = _within(text, 1, 1000)
    if value != int(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(value)


def _within(text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text} is not from {low:g} to {high:g}")
    return value
