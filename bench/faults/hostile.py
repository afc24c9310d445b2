"""100,000 hostile requests, and what an honest client sees meanwhile.

Three senders: schemathesis, which reads /openapi.json; requests made by hand, one of
each kind that has broken a server before; and honest requests with bytes changed.
Slow senders hold half-open connections all the while. One honest client asks known
questions in turn and is answered rightly, all the time.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import uvloop

from bench.faults.attacker import Outcome, attack, half_open
from bench.faults.malice import head, known_attacks, mutations, post
from bench.faults.memory import watch
from bench.faults.promise import Promise, at_least, at_most, none
from bench.faults.texts import ask_each
from bench.server import Server, ServerError, litert_command, serve
from bench.serving.offered import Question

GROWTH_PERCENT = 2.0
HONEST_P99_MS = 100.0


@dataclass
class Honest:
    """One client that has done nothing wrong."""

    latencies_ms: list[float] = field(default_factory=list)
    wrong: int = 0
    refused: int = 0  # 429: the server was too busy with others
    unanswered: int = 0

    @property
    def p99_ms(self) -> float:
        ordered = sorted(self.latencies_ms) or [float("inf")]
        return ordered[int(0.99 * len(ordered))]


@dataclass(frozen=True)
class Hostile:
    """What 100,000 hostile requests did."""

    requests: int
    generated: int  # of them by schemathesis
    statuses: dict[int, int]
    errors: int
    hung: int
    unreachable: int
    findings: int  # 1 if a status was not documented, or the run broke off
    honest: Honest
    growth_percent: float
    workers_lost: int
    complaints: list[str]

    def promises(self, *, is_timed: bool = True) -> list[Promise]:
        kept = [
            none("answers of 5xx", self.errors),
            none("hung", self.hung),
            none("could not connect", self.unreachable),
            none("schemathesis found something", self.findings),
            none("worker processes lost", self.workers_lost),
            none("honest client answered wrongly", self.honest.wrong),
            none("honest client not answered", self.honest.unanswered),
        ]
        if not is_timed:
            return kept
        return [
            at_least("hostile requests", self.requests, 100_000),
            *kept,
            none("honest client refused", self.honest.refused),
            at_most("honest client, p99", self.honest.p99_ms, HONEST_P99_MS, "ms"),
            at_most("memory growth", self.growth_percent, GROWTH_PERCENT, "%"),
        ]


def hostile(
    artifact: Path,
    path: str,
    texts: Sequence[str],
    *,
    python: Path,
    requests: int,
    examples: int,
    slow: int,
    seed: int = 1,
    say: Callable[[str], None] = print,
) -> Hostile:
    """Send `requests` hostile ones; `examples` for each operation are generated."""
    with serve(litert_command(artifact, python=python)) as server:
        questions = ask_each(server.port, path, texts)
        workers = server.workers()
        with _honest(server, path, questions) as client:
            run = _all(server, path, requests, examples, slow, seed, say)
            outcome, generated, findings, growth_percent = uvloop.run(run)
        return Hostile(
            requests=outcome.requests,
            generated=generated,
            statuses=dict(sorted(outcome.statuses.items())),
            errors=outcome.errors,
            hung=outcome.hung,
            unreachable=outcome.unreachable,
            findings=int(bool(findings)),
            honest=client,
            growth_percent=growth_percent,
            workers_lost=len(workers - server.workers()),
            complaints=[*outcome.complaints, *findings],
        )


async def _all(
    server: Server,
    path: str,
    requests: int,
    examples: int,
    slow: int,
    seed: int,
    say: Callable[[str], None],
) -> tuple[Outcome, int, list[str], float]:
    """Return what came of it, schemathesis' requests and findings, and the growth."""
    outcome = Outcome()
    async with half_open(server.port, slow):
        # Each kind once: memory is counted from when buffers have grown.
        await _rounds(server.port, path, 1, Outcome(), seed)
        with watch(server, say) as memory:
            generated, findings = await asyncio.to_thread(
                generate, server.port, examples, seed, say
            )
            outcome.statuses.update(generated)
            count = max(0, requests - generated.total())
            say(f"{generated.total()} by schemathesis; {count} by hand and mutated")
            await _rounds(server.port, path, count, outcome, seed)
    return outcome, generated.total(), findings, memory.growth_percent


async def _rounds(
    port: int, path: str, count: int, outcome: Outcome, seed: int
) -> None:
    """Send each kind once for every 1,000 mutated; the latter are quicker."""
    infer = re.sub(r"^/v1(/models/[^:]+):predict$", r"/v2\1/infer", path)
    kinds = known_attacks(path, infer)
    originals = [
        *_originals(path, infer),
        *(c for c in kinds.values() if len(c) < 2000),
    ]
    mutated = mutations([c for c in originals if c], seed)

    def contents() -> Iterator[tuple[str, bytes]]:
        while True:
            yield from kinds.items()
            yield from (("mutated", next(mutated)) for _ in range(1000))

    await attack(port, islice(contents(), max(count, len(kinds))), outcome)


def _originals(path: str, infer: str) -> Iterator[bytes]:
    texts = ["my bag never arrived", "thank you 😀, solved\n in a minute", "ok"]
    yield post(path, json.dumps({"instances": texts}).encode())
    yield post(path, json.dumps({"instances": [{"text": t} for t in texts]}).encode())
    tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": texts}
    yield post(infer, json.dumps({"id": "7", "inputs": [tensor]}).encode())
    chunks = b'10\r\n{"instances": ["\r\n5\r\nhello\r\n3\r\n"]}\r\n0\r\n\r\n'
    yield head("POST", path, "Transfer-Encoding: chunked") + chunks
    for place in (
        "/v2/health/ready",
        path.partition(":")[0],
        "/metrics",
        "/openapi.json",
    ):
        yield head("GET", place)


@contextmanager
def _honest(
    server: Server, path: str, questions: Sequence[Question]
) -> Iterator[Honest]:
    """Ask in turn from a thread, 20 times a second, while the block lasts."""
    client, done = Honest(), threading.Event()

    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        for question in cycle(questions):
            if done.wait(0.05):
                return
            started = time.perf_counter()
            try:
                _ask(connection, path, question, client)
            except (OSError, http.client.HTTPException, ValueError, LookupError):
                client.unanswered += 1
                connection.close()
            client.latencies_ms.append(1e3 * (time.perf_counter() - started))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield client
    finally:
        done.set()
        thread.join()


def _ask(
    connection: http.client.HTTPConnection,
    path: str,
    question: Question,
    client: Honest,
) -> None:
    connection.request("POST", path, json.dumps({"instances": [question.text]}))
    response = connection.getresponse()
    body = response.read()
    if response.status == 429:
        client.refused += 1
    elif response.status != 200:
        client.unanswered += 1
    elif json.loads(body)["predictions"][0]["label"] != question.label:
        client.wrong += 1


def generate(
    port: int, examples: int, seed: int, say: Callable[[str], None]
) -> tuple[Counter[int], list[str]]:
    """Return the statuses that schemathesis got, and what it found undocumented."""
    if not examples:
        return Counter(), []
    say(f"schemathesis, {examples} examples an operation")
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.ndjson"
        child = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli", "run"),
                f"http://127.0.0.1:{port}/openapi.json",
                *("--max-examples", str(examples), "--seed", str(seed)),
                *("--mode", "all", "--continue-on-failure", "--no-shrink"),
                *("--checks", "status_code_conformance", "--request-timeout", "10"),
                *("--phases", "examples,coverage,fuzzing", "--workers", "1"),
                *("--suppress-health-check", "all"),
                *("--report", "ndjson", "--report-ndjson-path", str(report)),
            ],
            cwd=directory,  # it leaves folders where it runs
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.is_file():
            raise ServerError(
                f"schemathesis did not run; {sys.executable} must have it, as "
                f".venv/deploy/bin/python has: {child.stderr.strip()[-300:]}"
            )
        sent = re.findall(r'"status_code": ?(\d+)', report.read_text())
    statuses = Counter(map(int, sent))
    lines = child.stdout.splitlines() + child.stderr.splitlines()
    return statuses, [] if child.returncode == 0 else lines[-25:]
