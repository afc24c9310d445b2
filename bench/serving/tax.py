"""What a short request costs beside its engine: parsing, tokens, batching, answering.

python -m bench.serving.tax build/support-sentiment

The server's CPU time a right answer, less the engine's CPU time alone for the same
texts on the same schedule, both in microseconds, in rounds that take them in turn.
Both on one engine thread (SERVER_VCPU=1): what an engine with a second thread spends
on waiting for it is the engine's. Short are the texts of the manifest's first length.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.comparison import median_interval
from bench.server import Server, ServerError, litert_command, serve
from bench.serving.offered import OfferError, Question, offer
from containers.flask.artifact import StartError
from containers.flask.task import Item, load_task
from manifest import Manifest, ManifestError, read_manifest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Tax:
    """Microseconds of CPU a request; medians of rounds, `low` to `high` 95 %."""

    server_us: float
    engine_us: float
    tax_us: float
    low: float
    high: float
    rate: float
    texts: int
    rounds: int


def short_texts(manifest: Manifest, artifact: Path, texts: Sequence[str]) -> list[str]:
    """Return those of the shortest length; raises StartError."""
    encoded = load_task(manifest, artifact).encode([Item(text) for text in texts])
    shortest = manifest.lengths[0]
    return [
        text
        for text, found in zip(texts, encoded, strict=True)
        if len(found.rows) == 1 and len(found.rows[0]) <= shortest
    ]


def measure(
    artifact: Path,
    manifest: Manifest,
    texts: Sequence[str],
    options: argparse.Namespace,
) -> Tax:
    """Raises ServerError or OfferError."""
    questions = [Question(text) for text in texts]
    path = f"/v1/models/{manifest.name}:predict"
    command = litert_command(artifact, python=Path(sys.executable))
    server_us, engine_us = [], []
    with (
        tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file,
        serve(command, environment={"CACHE_MIB": "0", "SERVER_VCPU": "1"}) as server,
    ):
        file.write("\n".join(json.dumps(text) for text in texts))
        file.flush()
        offer(server.port, path, questions, rate=options.rate, seconds=1)
        for seed in range(options.rounds):
            server_us.append(_server_us(server, path, questions, options, seed))
            engine_us.append(_engine_us(artifact, file.name, options, seed))
    tax = [whole - engine for whole, engine in zip(server_us, engine_us, strict=True)]
    low, high = median_interval(tax)
    return Tax(
        statistics.median(server_us),
        statistics.median(engine_us),
        statistics.median(tax),
        low,
        high,
        options.rate,
        len(texts),
        options.rounds,
    )


def _server_us(
    server: Server,
    path: str,
    questions: Sequence[Question],
    options: argparse.Namespace,
    seed: int,
) -> float:
    before = server.cpu_seconds()
    offered = offer(
        server.port,
        path,
        questions,
        rate=options.rate,
        seconds=options.seconds,
        seed=seed,
    )
    spent = server.cpu_seconds() - before
    if len(offered.answers_ms) != offered.scheduled:
        raise OfferError(
            f"of {offered.scheduled} requests at {options.rate:g} a second "
            f"{len(offered.refusals_ms)} were refused, {offered.failed} failed, "
            f"{offered.lost} lost, {offered.wrong} had no label {offered.complaint}: "
            "a lower --rate, or a quieter machine"
        )
    return 1e6 * spent / offered.scheduled


def _engine_us(
    artifact: Path, file: str, options: argparse.Namespace, seed: int
) -> float:
    command = [sys.executable, "-m", "bench.serving.engine_alone", str(artifact)]
    command += ["--texts", file, "--rate", str(options.rate), "--seed", str(seed)]
    child = subprocess.run(
        [*command, "--seconds", str(options.seconds)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if child.returncode:
        raise OfferError(child.stderr.strip().splitlines()[-1])
    found = json.loads(child.stdout)
    return 1e6 * float(found["cpu_seconds"]) / int(found["rows"])


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.tax",
        description="Measure the CPU time of a short request beside its engine's.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory")
    parser.add_argument(
        "--texts",
        type=Path,
        default=ROOT / "bench/messages.txt",
        help="one message a line (default: bench/messages.txt)",
    )
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=4.0, help="a round")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--at-most", type=float, metavar="US", help="exit 1 if the tax is more"
    )
    options = parser.parse_args()
    artifact = options.artifact.resolve()
    try:
        manifest = read_manifest(artifact / "manifest.json")
        lines = options.texts.read_text(encoding="utf-8").splitlines()
        texts = short_texts(manifest, artifact, lines)
        if not texts:
            raise OfferError(
                f"{options.texts}: no text of {manifest.lengths[0]} tokens"
            )
        tax = measure(artifact, manifest, texts, options)
    except (ManifestError, StartError, ServerError, OfferError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    print(json.dumps(asdict(tax)) if options.json else _words(tax))
    if options.at_most and tax.tax_us > options.at_most:
        sys.exit(1)


def _words(tax: Tax) -> str:
    return (
        f"server {tax.server_us:.0f} us, engine alone {tax.engine_us:.0f} us, "
        f"tax {tax.tax_us:.0f} us [{tax.low:.0f}, {tax.high:.0f}] CPU a request: "
        f"{tax.texts} short texts, {tax.rate:g} a second, {tax.rounds} rounds"
    )


if __name__ == "__main__":
    main()
