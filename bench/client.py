"""The client that loads a server: raw sockets in one thread, to cost little itself.

python -m bench.client --port 8080 --path /v1/models/NAME:predict --texts FILE

Every answer is read and checked: its status, and that one message always gets the
same answer.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import cycle
from pathlib import Path
from typing import Any

from bench.load import Load, LoadError


class _Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._request = b""
        self._sent_at = 0.0

    def send(self, request: bytes) -> None:
        self._request = request
        self._received = b""
        self._sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> tuple[bytes, bytes, float] | None:
        """Return (request, answer, milliseconds) once the answer is whole."""
        received = self.socket.recv(65536)
        if not received:
            raise LoadError("the server closed a connection instead of answering")
        self._received += received
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _content_length(head):
            return None
        if head[9:12] != b"200":
            raise LoadError(f"{head[9:12].decode()}: {body[:300].decode()}")
        return self._request, body, 1e3 * (time.perf_counter() - self._sent_at)


def _content_length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    if not found:
        raise LoadError(f"no Content-Length in the answer: {head[:300].decode()}")
    return int(rest.partition(b"\r\n")[0])


def _requests(host: str, path: str, instances: Sequence[Any]) -> Iterator[bytes]:
    requests = []
    for instance in instances:
        body = json.dumps({"instances": [instance]}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return cycle(requests)


def _drive(
    address: tuple[str, int],
    requests: Iterator[bytes],
    connections: int,
    seconds: float,
) -> Load:
    latencies: list[float] = []
    answers: dict[bytes, bytes] = {}
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection(address)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(next(requests))
    started, cpu = time.perf_counter(), time.process_time()
    deadline = started + seconds
    while time.perf_counter() < deadline:
        events = selector.select(timeout=10)
        if not events:
            raise LoadError("no answer within 10 s")
        for key, _ in events:
            if (answered := key.data.receive()) is None:
                continue
            request, body, latency_ms = answered
            if answers.setdefault(request, body) != body:
                raise LoadError(f"two answers to one message: {body[:300].decode()}")
            latencies.append(latency_ms)
            key.data.send(next(requests))
    elapsed = time.perf_counter() - started
    return Load(connections, elapsed, time.process_time() - cpu, latencies)


def _read(file: str) -> str:
    return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.client", description="Load a server; print JSON."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True, help="/v1/models/NAME:predict")
    parser.add_argument(
        "--texts",
        required=True,
        help="an instance a line, as JSON: a text, or an object of texts; "
        "- is standard input",
    )
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    texts = [json.loads(line) for line in _read(options.texts).splitlines()]
    try:
        load = _drive(
            (options.host, options.port),
            _requests(options.host, options.path, texts),
            options.connections,
            options.seconds,
        )
    except (LoadError, OSError) as error:
        sys.exit(f"error: {error}")
    json.dump(asdict(load), sys.stdout)


if __name__ == "__main__":
    main()
