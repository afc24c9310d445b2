"""python -m model_build SPEC.toml --out DIR [--data-dir DIR] [--teacher SOURCE] [--json]

python -m model_build plan SPEC.toml [--data-dir DIR] [--teacher SOURCE] [--json]
    [--rps N --p99-ms MS [--budget USD/month]]
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

# Before TensorFlow is first imported: tensorflow-model-optimization wants Keras 2,
# and TensorFlow's start-up chatter would bury the progress.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from costs.book import PriceError
from costs.choosing.command import budget, positive
from costs.choosing.traffic import SHAPES
from costs.fargate import SizeError
from manifest import ManifestError
from model_build.bounds import figure
from model_build.checkpoint import CheckpointError
from model_build.forecast import Forecast
from model_build.gates import explain
from model_build.inputs import with_teacher
from model_build.machine import read_machine
from model_build.measure import MeasurementError
from model_build.passes.base import PlanError
from model_build.pipeline import OutputError, build
from model_build.plan import plan
from model_build.plan_table import shown
from model_build.progress import Progress
from model_build.report import Report
from model_build.rows import DataError
from model_build.serving_plan import Demand
from model_build.sources import SourceError, check_directory
from model_build.spec import Spec, SpecError, read_spec
from model_build.vocabulary import TokenizerError

REFUSALS = (
    SpecError,
    SourceError,
    DataError,
    CheckpointError,
    TokenizerError,
    MeasurementError,
    OutputError,
    ManifestError,
    PriceError,
    SizeError,
    ArithmeticError,
    OSError,
)


def main(arguments: list[str] | None = None) -> int:
    """Return 0 if the model may ship, 1 if a gate stopped it, 2 if it cannot be built.

    Of `plan`: 0 if the spec's bounds will be kept, as far as is known before, 1 if not.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if planning := given[:1] == ["plan"]:
        given = given[1:]
    options = (_plan_parser() if planning else _parser()).parse_args(given)
    try:
        return (_plan if planning else _build)(options)
    except PlanError as error:
        print(f"error: {options.spec}: {error}", file=sys.stderr)
        return 2
    except REFUSALS as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the finished steps are kept", file=sys.stderr)
        return 130


def _build(options: argparse.Namespace) -> int:
    report = build(_spec(options), options.out, options.data_dir, Progress())
    if options.json:
        print(report.to_json().decode(), end="")
    else:
        print(_summary(report, options.out))
    return 0 if report.passed else 1


def _plan(options: argparse.Namespace) -> int:
    spec, demand = _spec(options), _demand(options)
    found = plan(spec, options.data_dir, read_machine(), Progress(), demand)
    print(found.to_json().decode().strip() if options.json else shown(found))
    return 0 if found.fits else 1


def _demand(options: argparse.Namespace) -> Demand | None:
    asked = (options.rps, options.p99_ms)
    if asked == (None, None) and options.budget is None:
        return None
    if None in asked:
        raise SpecError("--rps and --p99-ms: both are needed for what serving costs")
    return Demand(*asked, options.budget, options.profile, options.region)


def _spec(options: argparse.Namespace) -> Spec:
    spec = read_spec(options.spec)
    if options.data_dir is not None:
        check_directory("--data-dir", options.data_dir)
    if options.teacher is not None:
        return with_teacher(spec, options.teacher, options.data_dir)
    return spec


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_build",
        description="Build the model a spec asks for: run its passes, export and "
        "measure every variant through the real server, compare them, check the gates.",
        epilog="Exit status: 0 the model may ship; 1 a gate stopped it (the report says "
        "which); 2 it cannot be built. Run it again at any time: finished steps are "
        "recognised by digest. `python -m model_build plan SPEC` says before what will "
        "be made, and how long it takes.",
    )
    parser.add_argument("--out", type=Path, required=True, help="directory to write")
    _add_common(parser, "print report.json instead of a summary")
    return parser


def _plan_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m model_build plan",
        description="Say what a spec's build will make, before anything is trained: "
        "parameters, bytes, operations, memory and minutes of every variant.",
        epilog="Exit status: 0 the spec's bounds will be kept, as far as is known "
        "before; 1 one will not; 2 it cannot be built.",
    )
    _add_common(parser, "print the plan as JSON")
    money = parser.add_argument_group("what serving it will cost")
    money.add_argument("--rps", type=positive, metavar="N", help="requests a second")
    money.add_argument(
        "--p99-ms", type=positive, metavar="MS", help="to be answered in"
    )
    money.add_argument(
        "--budget",
        type=budget,
        metavar="USD/month",
        help="such as 300/month: or exit 1",
    )
    money.add_argument("--profile", choices=SHAPES, default="steady")
    money.add_argument("--region", default="us-east-1", help="(default: us-east-1)")
    return parser


def _add_common(parser: argparse.ArgumentParser, json_help: str) -> None:
    parser.add_argument("spec", type=Path, help="model_build/specs/NAME.toml")
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="where the spec's relative file: and dir: lie, and its tables' local files",
    )
    parser.add_argument(
        "--teacher",
        metavar="SOURCE",
        help="another checkpoint than the spec's, named as a spec names one: "
        "package:NAME, dir:PATH or hub:OWNER/NAME@COMMIT",
    )
    parser.add_argument("--json", action="store_true", help=json_help)


def _summary(report: Report, out: Path) -> str:
    lines = [
        f"{report.name} {report.version}: {'passed' if report.passed else 'STOPPED'}"
    ]
    for gate in report.gates:
        found = "" if gate.found is None else f" {figure(gate.found)}"
        verdict = "ok" if gate.passed else f"FAIL, {explain(gate)}"
        lines.append(f"  {gate.measure}{found} ({gate.bound}): {verdict}")
    for forecast in report.planned:
        if forecast.variant == report.release:
            lines += _errors(forecast)
    lines.append(f"  report: {out / 'report.html'}")
    return "\n".join(lines)


LEAST_MINUTES = 0.1  # of a pass: of a shorter one nobody asks how long it takes


def _errors(forecast: Forecast) -> list[str]:
    """How far the plan was from what was found, as shares of what was found."""
    pairs = {
        "bytes": forecast.bytes,
        "minutes": forecast.minutes,
        "p50": forecast.p50_ms,
        "memory": forecast.memory_mib,
        "dollars a million": forecast.dollars_per_million,
    }
    if (forecast.minutes[1] or 0) < LEAST_MINUTES:
        del pairs["minutes"]
    off = [
        f"{name} {100 * (pair[0] / pair[1] - 1):+.0f} %"
        for name, pair in pairs.items()
        if pair and pair[0] is not None and pair[1]
    ]
    return [f"  the plan of {forecast.variant} was off by: {', '.join(off)}"]


if __name__ == "__main__":
    sys.exit(main())
