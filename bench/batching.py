"""Which batching serves most texts within the latency bound, found by trial.

.venv/build/bin/python -m bench.batching ARTIFACT [--write]
.venv/build/bin/python -m bench.batching ARTIFACT --url http://HOST:8501

Every setting is offered the same open-loop load: the validation split's texts, whose
lengths are those of the traffic. Those whose p99 is
within the bound are offered more, until none is left; the last one standing is
written. The stand-in for the server is bench.batch_runner (docs/decisions says what it
is not). With --url a running server is offered rising load with the setting it has.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from bench.open_loop import Ask, Outcome, RefusedError, offer
from manifest import Manifest, read_manifest
from model_build.inputs import examples_of
from model_build.spec import read_spec

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "containers" / "tf_serving" / "batching.config"
SPECS = ROOT / "model_build" / "specs"
TEXTS = 256
STEP = 1.15  # from one rate to the next


@dataclass(frozen=True)
class Setting:
    """What the server is told; the first three are in its batching.config."""

    size: int  # texts that run together, at most
    timeout_us: int  # that a thread waits for more of them
    threads: int  # batches that run beside each other
    intra: int  # threads of one op: a flag of the server

    def __str__(self) -> str:
        return f"{self.size:4} {self.timeout_us:9} {self.threads:8} {self.intra:6}"


@dataclass(frozen=True)
class Trial:
    setting: Setting
    rate: float  # texts a second that were offered
    found: Outcome


class Runners:
    """One process for each number of threads of an op: TensorFlow sets it once."""

    def __init__(self, artifact: Path, texts: Sequence[str], stack: ExitStack) -> None:
        self._artifact, self._texts, self._stack = artifact, texts, stack
        self._running: dict[int, subprocess.Popen[str]] = {}

    def run(self, setting: Setting, rate: float, seconds: float, seed: int) -> Trial:
        runner = self._running.get(setting.intra) or self._start(setting.intra)
        batching = asdict(setting)
        del batching["intra"]
        load = {"rate": rate, "seconds": seconds, "seed": seed}
        line = json.dumps({"batching": batching, "load": load})
        found = Outcome(**_ask(runner, line))
        return Trial(setting, rate, found)

    def _start(self, intra: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bench.batch_runner", str(self._artifact)]
        process = subprocess.Popen(
            [*command, "--intra", str(intra)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        _ask(process, json.dumps(list(self._texts)))
        self._running[intra] = process
        return process


def _ask(runner: subprocess.Popen[str], line: str) -> dict[str, Any]:
    assert runner.stdin is not None
    assert runner.stdout is not None
    runner.stdin.write(line + "\n")
    runner.stdin.flush()
    answer = runner.stdout.readline()
    if not answer:
        raise SystemExit("error: the process that batches ended: see above")
    found: dict[str, Any] = json.loads(answer)
    return found


def grid(cores: int) -> list[Setting]:
    """Every setting that is tried; a batch of one waits for nobody."""
    found = []
    for size, timeout_us in product((1, 4, 8, 16), (0, 2000)):
        if size > 1 or not timeout_us:
            for threads, intra in {(cores, 1), (1, cores)}:
                found.append(Setting(size, timeout_us, threads, intra))
    return sorted(found, key=str)


def race(
    runners: Runners,
    settings: Sequence[Setting],
    *,
    rate: float,
    seconds: float,
    p99_ms: float,
) -> Iterator[Trial]:
    """Yield every trial; whoever misses the bound twice at a rate is out."""
    order = random.Random(7)
    left = list(settings)
    for seed in range(1, 100):
        passed = []
        order.shuffle(left)
        for setting in left:
            for again in (0, 1000):
                trial = runners.run(setting, rate, seconds, seed + again)
                yield trial
                if keeps(trial, p99_ms):
                    passed.append(setting)
                    break
        if not passed:
            return
        left, rate = passed, rate * STEP


def keeps(trial: Trial, p99_ms: float) -> bool:
    return not trial.found.wrong and trial.found.quantile_ms(0.99) <= p99_ms


def best(trials: Sequence[Trial], p99_ms: float) -> list[Trial]:
    """Return each setting's highest rate within the bound, the best setting first."""
    highest: dict[Setting, Trial] = {}
    for trial in trials:
        if keeps(trial, p99_ms):
            highest[trial.setting] = trial
    return sorted(highest.values(), key=lambda t: (-t.rate, t.found.quantile_ms(0.99)))


def table(ranked: Sequence[Trial]) -> str:
    lines = ["size timeout_us threads intra  texts/s  p50 ms  p99 ms"]
    for trial in ranked:
        p50, p99 = (trial.found.quantile_ms(share) for share in (0.5, 0.99))
        lines.append(f"{trial.setting} {trial.rate:8.1f} {p50:7.1f} {p99:7.1f}")
    return "\n".join(lines)


def config(winner: Trial, manifest: Manifest, cores: int, p99_ms: float) -> str:
    """Return batching.config; the build puts the model's own bound in."""
    setting, p99 = winner.setting, winner.found.quantile_ms(0.99)
    within = round(winner.rate * p99_ms / 1e3 / setting.size)
    largest = -(-manifest.max_batch // setting.size)  # request, cut into batches
    waiting = max(within, largest + 1)
    threads = (
        "# num_batch_threads is left out: the server takes the number of cores."
        if setting.threads == cores
        else f"num_batch_threads {{ value: {setting.threads} }}"
    )
    return f"""\
# Found by `python -m bench.batching` on {datetime.now(UTC):%Y-%m-%d}, {cores} cores, with
# {manifest.name} {manifest.version}: {winner.rate:.0f} texts a second offered at p99
# {p99:.0f} ms, the most of {len(grid(cores))} settings within {p99_ms:.0f} ms, in a stand-in for the server.
# Goes with --tensorflow_intra_op_parallelism={setting.intra}.
max_batch_size {{ value: @MAX_BATCH@ }}  # instances in one request
enable_large_batch_splitting {{ value: true }}
max_execution_batch_size {{ value: {setting.size} }}  # that run together
batch_timeout_micros {{ value: {setting.timeout_us} }}
{threads}
# What would wait much longer than {p99_ms:.0f} ms is refused with 503 instead.
max_enqueued_batches {{ value: {waiting} }}
"""


def over_rest(url: str, model: str) -> Ask:
    """Return what asks a running TensorFlow Serving over REST."""

    def ask(text: str) -> str:
        body = json.dumps({"instances": [text]}).encode()
        path = f"{url.rstrip('/')}/v1/models/{model}:predict"
        try:
            with urllib.request.urlopen(path, body, timeout=30) as answer:
                label: str = json.load(answer)["predictions"][0]["label"]
        except urllib.error.HTTPError as error:
            if error.code in {429, 503}:
                raise RefusedError(str(error)) from None
            raise
        return label

    return ask


def climb(ask: Ask, texts: Sequence[str], options: argparse.Namespace) -> None:
    """Offer a running server more and more, and say how it kept up."""
    right = [ask(text) for text in texts]
    rate, p99 = options.rate, 0.0
    print("texts/s  p50 ms  p99 ms  refused  wrong")
    while p99 <= options.p99_ms:
        load = {"rate": rate, "seconds": options.seconds, "seed": 1}
        found = offer(ask, texts, right, **load)
        p50, p99 = found.quantile_ms(0.5), found.quantile_ms(0.99)
        print(f"{rate:7.1f} {p50:7.1f} {p99:7.1f} {found.refused:8} {found.wrong:6}")
        rate *= STEP


@contextmanager
def runners(artifact: Path, texts: Sequence[str]) -> Iterator[Runners]:
    with ExitStack() as stack:
        yield Runners(artifact, texts, stack)


def main() -> None:
    options = _options()
    artifact, cores = options.artifact.resolve(), len(os.sched_getaffinity(0))
    manifest = read_manifest(artifact / "manifest.json")
    texts = real_texts(manifest.name, options.data_dir)
    if options.url:
        climb(over_rest(options.url, manifest.name), texts, options)
        return
    trials: list[Trial] = []
    with runners(artifact, texts) as running:
        bounds = {"seconds": options.seconds, "p99_ms": options.p99_ms}
        for trial in race(running, grid(cores), rate=options.rate, **bounds):
            print(table([trial]).splitlines()[1], file=sys.stderr, flush=True)
            trials.append(trial)
    ranked = best(trials, options.p99_ms)
    print(table(ranked))
    if not ranked:
        sys.exit(
            f"error: no setting has p99 <= {options.p99_ms} ms at {options.rate}/s"
        )
    if options.write:
        text = config(ranked[0], manifest, cores, options.p99_ms)
        options.write.write_text(text, encoding="utf-8")


def real_texts(name: str, data_dir: Path | None) -> list[str]:
    """Return texts that the model was not trained on, nor is judged by."""
    spec = read_spec(SPECS / f"{name}.toml")
    return [e.texts[0] for e in examples_of(spec, data_dir).validation[:TEXTS]]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.batching", description="Search TF Serving's batching."
    )
    parser.add_argument("artifact", type=Path, help="a directory with a manifest.json")
    parser.add_argument("--data-dir", type=Path, help="where the spec's data lies")
    parser.add_argument(
        "--rate", type=float, default=30, help="texts a second, at first"
    )
    parser.add_argument("--seconds", type=float, default=5, help="of one trial")
    parser.add_argument("--p99-ms", type=float, default=100)
    parser.add_argument("--url", help="of a running server: measure it, search nothing")
    parser.add_argument(
        "--write", type=Path, nargs="?", const=CONFIG, help="the config to write"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
