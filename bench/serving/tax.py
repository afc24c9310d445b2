"""What a short request costs beside its engine: parsing, tokens, batching, answering.

python -m bench.serving.tax build/support-sentiment

The CPU time of the server's processes for a right answer, less that of the thread
that ran the engine, while it did (the server counts it: lathe_engine_seconds_total).
One engine thread (SERVER_VCPU=1), which does all of the engine's work. Short are the
texts of the manifest's first length.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.comparison import median_interval
from bench.server import PLAIN, Server, ServerError, litert_command, serve
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
    environment = {**PLAIN, "SERVER_VCPU": "1"}
    with serve(command, environment=environment) as server:
        offer(server.port, path, questions, rate=options.rate, seconds=1)
        for seed in range(options.rounds):
            whole, engine = _round(server, path, questions, options, seed)
            server_us.append(whole)
            engine_us.append(engine)
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


def _round(
    server: Server,
    path: str,
    questions: Sequence[Question],
    options: argparse.Namespace,
    seed: int,
) -> tuple[float, float]:
    """Return microseconds a request: of the whole server, and of its engine."""
    engine, whole = _engine_seconds(server), server.cpu_seconds()
    offered = offer(
        server.port,
        path,
        questions,
        rate=options.rate,
        seconds=options.seconds,
        seed=seed,
    )
    whole = server.cpu_seconds() - whole
    engine = _engine_seconds(server) - engine
    if len(offered.answers_ms) != offered.scheduled:
        raise OfferError(
            f"of {offered.scheduled} requests at {options.rate:g} a second "
            f"{len(offered.refusals_ms)} were refused, {offered.failed} failed, "
            f"{offered.lost} lost, {offered.wrong} had no label {offered.complaint}: "
            "a lower --rate, or a quieter machine"
        )
    return 1e6 * whole / offered.scheduled, 1e6 * engine / offered.scheduled


def _engine_seconds(server: Server) -> float:
    """Return the CPU time of the engine's runs so far, as the server counts it."""
    url = f"http://127.0.0.1:{server.port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as response:
        lines = response.read().decode().splitlines()
    (line,) = (x for x in lines if x.startswith("lathe_engine_seconds_total"))
    return float(line.rpartition(" ")[2])


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
