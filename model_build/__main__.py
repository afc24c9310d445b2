"""python -m model_build SPEC.toml --out DIR [--data-dir DIR] [--teacher SOURCE] [--json]

python -m model_build plan SPEC.toml [--data-dir DIR] [--teacher SOURCE] [--json]
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
from manifest import ManifestError
from model_build.checkpoint import CheckpointError
from model_build.gates import explain
from model_build.inputs import with_teacher
from model_build.machine import read_machine
from model_build.measure import MeasurementError
from model_build.passes.base import PlanError
from model_build.pipeline import OutputError, build
from model_build.plan import plan, shown
from model_build.progress import Progress
from model_build.report import Report
from model_build.rows import DataError
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
    found = plan(_spec(options), options.data_dir, read_machine(), Progress())
    print(found.to_json().decode().strip() if options.json else shown(found))
    return 0 if found.fits else 1


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
        found = "" if gate.found is None else f" {gate.found:.4g}"
        verdict = "ok" if gate.passed else f"FAIL, {explain(gate)}"
        lines.append(f"  {gate.measure}{found} ({gate.bound}): {verdict}")
    lines.append(f"  report: {out / 'report.html'}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
