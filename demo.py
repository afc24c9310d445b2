"""make demo: one model change, left to right, on this machine and without AWS.

Each door is the command its own people use; this file only calls them in order and
says at the end what they found.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.server import ServerError, litert_command, serve

STAGE = "dev"
MESSAGES = (
    "my bag never arrived and nobody picks up the phone",
    "is there an earlier flight to Boston tonight?",
    "thank you, your agent solved it in a minute",
)


def main() -> int:
    options = _parser().parse_args()
    started = time.monotonic()
    report, served = _model(options.spec, options.model, options.build_python)
    _ask(options.model)
    assembly = _synthesize(options.model, report["name"])
    bill = _bill(assembly)
    rehearsal = _rehearse(options.model)
    _say("What it comes to")
    print(_last_lines(report, served, bill, rehearsal, options.model))
    print(f"done in {time.monotonic() - started:.0f} s")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--spec", type=Path, required=True, help="what to build")
    parser.add_argument("--model", type=Path, required=True, help="where to build it")
    parser.add_argument(
        "--build-python", type=Path, required=True, help="the one with TensorFlow"
    )
    return parser


def _model(spec: Path, out: Path, python: Path) -> tuple[Any, Any]:
    _say("1. Model developer: distill, prune, quantize, measure, gate")
    _run([str(python), "-m", "model_build", str(spec), "--out", str(out)])
    report = json.loads((out / "report.json").read_bytes())
    manifest = json.loads((out / "manifest.json").read_bytes())
    return report, manifest


def _ask(model: Path) -> None:
    _say("2. The model behind HTTP")
    name = json.loads((model / "manifest.json").read_bytes())["name"]
    try:
        with serve(litert_command(model, python=Path(sys.executable))) as server:
            url = f"http://127.0.0.1:{server.port}/v1/models/{name}:predict"
            body = json.dumps({"instances": MESSAGES}).encode()
            kind = {"Content-Type": "application/json"}
            with urllib.request.urlopen(urllib.request.Request(url, body, kind)) as r:
                answer = json.load(r)
            print(
                f"ready in {server.ready_seconds:.1f} s, {server.memory_mib():.0f} MiB"
            )
    except (ServerError, OSError) as error:
        sys.exit(_refused(f"the server of {model}: {error}"))
    for text, found in zip(MESSAGES, answer["predictions"], strict=True):
        print(f"  {found['label']:<9} {found['score']:.2f}  {text}")


def _synthesize(model: Path, name: str) -> Path:
    _say("3. Platform engineer: synthesize every stage with this release")
    release = model / "releases" / STAGE / f"{name}.json"
    release.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model / "manifest.json", release)
    assembly = model / "cdk.out"
    shutil.rmtree(assembly, ignore_errors=True)
    releases = f"releases={model / 'releases'}"
    _run(["cdk", "synth", "--quiet", "-c", releases, "--output", str(assembly)])
    templates = [*assembly.rglob("*.template.json")]
    resources = sum(len(json.loads(t.read_bytes())["Resources"]) for t in templates)
    print(f"{len(templates)} stacks, {resources} resources in {assembly}")
    return assembly


def _bill(assembly: Path) -> Any:
    _say(f"4. Cost reviewer: what {STAGE} costs a month")
    command = [sys.executable, "-m", "costs", "bill", str(assembly), "--stage", STAGE]
    _run(command)
    return json.loads(_run([*command, "--json"], quiet=True))


def _rehearse(model: Path) -> Any:
    _say("5. Rehearsal: the real CDK CLI deploys, updates, fails and destroys it, here")
    found = model / "rehearsal.json"
    command = [sys.executable, "-m", "rehearsal", "--model", str(model)]
    command += ["--releases", str(model / "releases")]
    for stage in ("delivery", STAGE):
        command += ["--stage", stage]
    _run([*command, "--out", str(found), "--reuse"])
    return json.loads(found.read_bytes())


def _last_lines(
    report: Any, manifest: Any, bill: Any, rehearsal: Any, model: Path
) -> str:
    variants = {v["name"]: v for v in report["variants"]}
    teacher, student = variants[report["baseline"]], variants[report["release"]]
    measure = report["measure"]
    before, after = (v["quality"]["figures"][measure] for v in (teacher, student))
    shown = measure.replace("_", " ").replace("macro f1", "macro-F1")
    speed = student["serving"]["p50_speedup"]
    faster = "" if student["faster"] else " (not shown to be faster)"
    monthly = bill["monthly_usd"]
    lines = [
        (f"teacher {shown}", _interval(before["own"])),
        (f"{student['name']} student {shown}", _interval(after["own"])),
        ("  of the teacher's", _interval(after["retained"])),
        (
            "size",
            f"{student['bytes_ratio']:.1%} of the teacher's file: "
            f"{student['bytes'] / 1e6:.1f} MB of {teacher['bytes'] / 1e6:.1f} MB",
        ),
        (
            "p50 through the server",
            f"{speed['value']:.1f} x faster [{speed['low']:.1f}, "
            f"{speed['high']:.1f}]{faster}: "
            f"{student['serving']['p50_ms']:.2f} ms instead of "
            f"{teacher['serving']['p50_ms']:.2f} ms",
        ),
        (
            "dollars per million",
            f"{student['dollars_per_million']:.3f} instead of "
            f"{teacher['dollars_per_million']:.3f}",
        ),
        (
            f"bill of {STAGE}",
            f"{monthly['minimum']:.2f} to {monthly['maximum']:.2f} "
            "dollars a month, at minimum and maximum scale",
        ),
        ("rehearsed", _parity(rehearsal)),
        ("report", str(model / "report.html")),
        ("serve it", f"make serve MODEL={model}"),
    ]
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def _interval(found: Any) -> str:
    value, low, high = (100 * found[key] for key in ("value", "low", "high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"


def _parity(rehearsal: Any) -> str:
    def total(verdict: str) -> int:
        return sum(int(line[verdict]) for line in rehearsal["types"])

    return (
        f"{total('read_back')} of {total('count')} resources created and read back, "
        f"{total('recorded_only')} recorded only, {total('not_covered')} not covered, "
        f"{total('different')} different; table above"
    )


def _say(title: str) -> None:
    print(f"\n== {title}", flush=True)


def _run(command: Sequence[str], *, quiet: bool = False) -> str:
    """Run one door's command; where it stops, the demo stops with its exit status."""
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE if quiet else None,
            text=True,
            check=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    except FileNotFoundError:
        sys.exit(_refused(f"{command[0]}: no such program; run it through make demo"))
    except subprocess.CalledProcessError as error:
        print(f"the demo stops here: {' '.join(command)}", file=sys.stderr)
        sys.exit(error.returncode)
    return done.stdout or ""


def _refused(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("stopped; make demo goes on from here", file=sys.stderr)
        sys.exit(130)
