"""Requests a second of the served model against its teacher in plain Keras fp32.

python -m bench.throughput build/support-sentiment --teacher DIR

Both servers run the same Flask application under gunicorn, on the same cores, and
stay up; rounds of closed-loop load, one short message a request, take them in turn,
so that a busy machine slows both. The ratio is of neighbouring rounds.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from bench.comparison import Comparison, compare
from bench.load import LoadError
from bench.server import ServerError, litert_command
from manifest import ManifestError, read_manifest

ROOT = Path(__file__).parents[1]


def _table(comparison: Comparison) -> str:
    head = f"{'':26}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'MiB':>8}{'ready s':>9}"
    rows = [
        f"{s.name:26}{s.requests_per_second:9.0f}{s.p50_ms:9.2f}{s.p99_ms:9.2f}"
        f"{s.server_cpu_ms:9.2f}{s.memory_mib:8.0f}{s.ready_seconds:9.2f}"
        for s in (comparison.teacher, comparison.student)
    ]
    ratios = [
        f"{name}: {r.median:.1f}x (95 % of {r.rounds} rounds' pairs: {r.low:.1f} to {r.high:.1f})"
        for name, r in (
            ("requests a second", comparison.requests_per_second),
            ("p50 latency", comparison.p50),
        )
    ]
    return "\n".join([head, *rows, *ratios])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.throughput",
        description="Compare a served artifact with its teacher in plain Keras fp32.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory")
    parser.add_argument(
        "--teacher",
        type=Path,
        required=True,
        metavar="FILE",
        help="what the pass made: the directory of its build step",
    )
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument(
        "--rounds",
        type=int,
        default=8,
        help="6 or more, for an interval of 95 %% (default: 8)",
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="a round")
    parser.add_argument(
        "--texts",
        type=Path,
        default=ROOT / "bench/messages.txt",
        help="one message a line (default: bench/messages.txt)",
    )
    parser.add_argument(
        "--python",
        type=Path,
        default=ROOT / ".venv/deploy/bin/python",
        help="has containers/flask/requirements-litert.txt",
    )
    parser.add_argument(
        "--keras-python",
        type=Path,
        default=ROOT / ".venv/build/bin/python",
        help="has model_build/requirements.txt",
    )
    parser.add_argument(
        "--at-least", type=float, metavar="RATIO", help="exit 1 if the ratio is less"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.rounds < 6:
        parser.error(f"argument --rounds: {options.rounds} is not 6 or more")
    keras = [str(options.keras_python), "-m", "bench.keras_server"]
    keras += ["--model", str(options.artifact), "--weights", str(options.teacher)]
    try:
        manifest = read_manifest(options.artifact / "manifest.json")
        comparison = compare(
            {
                f"{manifest.variant}, LiteRT": litert_command(
                    options.artifact, python=options.python
                ),
                "teacher, Keras fp32": keras,
            },
            f"/v1/models/{manifest.name}:predict",
            options.texts.read_text(encoding="utf-8").splitlines(),
            connections=options.connections,
            rounds=options.rounds,
            seconds=options.seconds,
        )
    except (ManifestError, ServerError, LoadError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(asdict(comparison)) if options.json else _table(comparison))
    if options.at_least and comparison.requests_per_second.median < options.at_least:
        sys.exit(1)


if __name__ == "__main__":
    main()
