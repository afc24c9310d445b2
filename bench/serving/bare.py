"""What a request costs where nothing is computed, by rate: where the tax comes from.

python -m bench.serving.bare build/support-sentiment

Two servers on one core's worth of threads, in turn: ours around an engine that answers
at once, and one that reads no request and always writes the same answer: what the
kernel, the machine and an event loop cost by themselves. A server that is asked seldom
finds its code and data out of the processor's caches, so the cost falls with the rate.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
from flask import Flask
from numpy.typing import NDArray

from bench.server import PLAIN, Server, ServerError, become, serve
from bench.serving.offered import OfferError, Question, offer
from containers.flask import wsgi
from manifest import Manifest, ManifestError, read_manifest

ROOT = Path(__file__).parents[2]
ANSWER = b'{"predictions": [{"label": "none", "score": 1.0}]}'
RATES = (100, 200, 400, 800, 1600)


class Nothing:
    """An engine that answers the first class, at once."""

    batch_tokens = 64

    def __init__(self, classes: int) -> None:
        self._row = np.eye(1, classes, dtype=np.float32)

    def run(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        return np.repeat(self._row, len(ids), axis=0)


def create() -> Flask:
    """Build the application that gunicorn runs; only its engine is another."""

    def load(manifest: Manifest, directory: Path, cores: int) -> Nothing:
        return Nothing(len(manifest.labels))

    return wsgi.create(load)


class Constant(asyncio.Protocol):
    """Writes one answer for whatever arrives; requests are smaller than a segment."""

    _reply = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
    )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._reply)


async def _answer_constantly(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Constant, "127.0.0.1", port)
    await server.serve_forever()


def _run(kind: str, artifact: Path, port: int) -> None:
    """Become one of the servers."""
    if kind == "ours":
        app = "bench.serving.bare:create()"
        become(app, artifact, port, **PLAIN, SERVER_VCPU="1")
    import uvloop

    uvloop.run(_answer_constantly(port))


def _cost(
    server: Server, path: str, questions: Sequence[Question], rate: int, seed: int
) -> float:
    """CPU of the server's processes a request, in microseconds."""
    before = server.cpu_seconds()
    offered = offer(
        server.port, path, questions, rate=rate, seconds=2, seed=seed, connections=64
    )
    return 1e6 * (server.cpu_seconds() - before) / offered.scheduled


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.serving.bare",
        description="Measure what a request costs where nothing is computed.",
    )
    parser.add_argument("artifact", type=Path, help="artifact directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--run", choices=("ours", "constant"), help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        _run(options.run, options.artifact, options.port)
        return
    try:
        _measure(options.artifact.resolve(), options.rounds)
    except (ManifestError, ServerError, OfferError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _measure(artifact: Path, rounds: int) -> None:
    name = read_manifest(artifact / "manifest.json").name
    lines = (ROOT / "bench/messages.txt").read_text(encoding="utf-8").splitlines()
    questions = [Question(line) for line in lines if line.strip()]
    command = [sys.executable, "-m", "bench.serving.bare", str(artifact), "--run"]
    path = f"/v1/models/{name}:predict"
    with (
        serve([*command, "ours"]) as ours,
        serve([*command, "constant"], ready_path="/") as constant,
    ):
        print("requests a second   ours, us of CPU a request   constant")
        for rate in RATES:
            taken = [
                [_cost(each, path, questions, rate, seed) for each in (ours, constant)]
                for seed in range(rounds)
            ]
            own, other = zip(*taken, strict=True)
            print(f"{rate:17}   {_spread(own):>26}   {_spread(other)}", flush=True)


def _spread(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    return f"{statistics.median(values):.0f} [{low:.0f}, {high:.0f}]"


if __name__ == "__main__":
    main()
