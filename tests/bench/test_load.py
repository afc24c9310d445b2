"""The load client against small servers whose behaviour is known."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from bench.load import LoadError, run_load

Answer = Callable[[int, bytes], tuple[int, bytes]]


@contextmanager
def server(answer: Answer) -> Iterator[int]:
    """Answer the n-th request with what `answer(n, body)` says; yields the port."""
    count = iter(range(10**9))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, text = answer(next(count), body)
            head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n"
            with suppress(BrokenPipeError, ConnectionResetError):  # the client is done
                self.wfile.write(head.encode() + text)

        def log_message(self, *_: object) -> None: ...

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield running.server_port
    finally:
        running.shutdown()
        running.server_close()


def slow(_: int, body: bytes) -> tuple[int, bytes]:
    time.sleep(0.02)
    return 200, body


def test_counts_answers_and_times_each() -> None:
    with server(slow) as port:
        load = run_load(port, "/x", ["a", "ü"], connections=2, seconds=0.5)
    assert load.connections == 2
    assert load.quantile_ms(0.5) >= 20
    assert load.quantile_ms(0.5) <= load.quantile_ms(0.99)
    # Two connections at 20 ms each can give 100 a second at the most.
    assert 1 < load.requests_per_second <= 100
    assert 0.5 <= load.seconds < 5
    assert 0 < load.client_cpu_seconds < load.seconds


def test_sends_every_instance_in_turn() -> None:
    seen: list[bytes] = []

    def note(_: int, body: bytes) -> tuple[int, bytes]:
        seen.append(body)
        return 200, b"{}"

    with server(note) as port:
        pair = {"question": "who?", "context": "a\nb"}
        run_load(port, "/x", ["a", 'say "ü"', pair], connections=1, seconds=0.1)
    assert seen[:4] == [
        b'{"instances": ["a"]}',
        b'{"instances": ["say \\"\\u00fc\\""]}',
        b'{"instances": [{"question": "who?", "context": "a\\nb"}]}',
        b'{"instances": ["a"]}',
    ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n, _: (200 if n < 5 else 503, b"overloaded"), "503: overloaded"),
        (lambda n, _: (200, str(n // 5).encode()), "two answers to one message: 1"),
    ],
    ids=["a refusal", "a changing answer"],
)
def test_refuses_to_measure_with_a_wrong_answer(answer: Answer, message: str) -> None:
    with server(answer) as port, pytest.raises(LoadError, match=message):
        run_load(port, "/x", ["a"], connections=1, seconds=0.3)


def test_says_when_nobody_listens() -> None:
    with server(slow) as port:
        pass
    with pytest.raises(LoadError, match="Connection refused"):
        run_load(port, "/x", ["a"], connections=1, seconds=0.1)
