"""The worker's end, with real sockets and a loop that lags."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
import uvloop

from containers.flask import gunicorn_config, worker
from containers.flask.connection import Connection
from containers.flask.door import Door
from containers.flask.job import Model
from containers.flask.lifecycle import Lifecycle
from containers.flask.message import Answer, Cancel, Request
from containers.flask.worker import KNOCK_S, drain
from tests.containers.wire import request

pytestmark = pytest.mark.server

CLIENTS = 40


class Echo:
    """Answers at once with what was sent; `busy` is what it does before that."""

    def __init__(self) -> None:
        self.busy: Callable[[], None] = lambda: None

    def __call__(
        self, request: Request, reply: Callable[[Answer], None], /
    ) -> Cancel | None:
        self.busy()
        reply(Answer(200, request.body))
        return None

    def refuse(self, status: int, message: str, seconds: float, /) -> Answer:
        return Answer(status, message.encode())


class House:
    """A door on a real listening socket, and clients who never wait for the loop."""

    def __init__(self) -> None:
        self.echo = Echo()
        self.door = Door(self.echo)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=CLIENTS)
        self.clients: list[socket.socket] = []

    async def open(self) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            lambda: Connection(self.door), sock=self.listener
        )

    def knock(self) -> None:
        address = self.listener.getsockname()
        self.clients = [
            socket.create_connection(address, timeout=5) for _ in range(CLIENTS)
        ]

    def ask(self, clients: slice = slice(None)) -> None:
        for client in self.clients[clients]:
            client.sendall(request("/", b"a request"))

    async def drain(self, server: asyncio.Server) -> None:
        lifecycle = Lifecycle(no_model, "none")
        deadline = time.monotonic() + 10
        await drain(self.door, lifecycle, [self.listener], [server], deadline=deadline)

    def answers(self) -> list[bytes]:
        return [read_to_the_end(client) for client in self.clients]


def no_model(loop: asyncio.AbstractEventLoop) -> Model:
    raise AssertionError("nothing is loaded here")


def read_to_the_end(client: socket.socket) -> bytes:
    answer = b""
    with client:
        while received := client.recv(4096):
            answer += received
    return answer


def is_answered(answer: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"a request")


def test_those_who_wait_to_be_accepted_are_answered_though_the_loop_lags() -> None:
    house = House()

    async def run() -> None:
        server = await house.open()
        house.knock()
        house.ask()
        draining = asyncio.ensure_future(house.drain(server))
        asyncio.get_running_loop().call_soon(time.sleep, 2 * KNOCK_S)
        await draining

    uvloop.run(run())
    assert all(map(is_answered, house.answers()))


def test_a_kept_connection_is_not_closed_over_a_request_that_nobody_has_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "LINGER_S", 0.2)
    house = House()

    def lag() -> None:
        house.echo.busy = lambda: None
        house.ask(slice(1, None))
        time.sleep(0.3)

    async def run() -> None:
        server = await house.open()
        house.knock()
        while house.door.connections < CLIENTS:
            await asyncio.sleep(0.01)
        house.echo.busy = lag
        threading.Timer(KNOCK_S + 0.1, house.ask, [slice(1)]).start()
        await house.drain(server)

    uvloop.run(run())
    assert all(map(is_answered, house.answers()))


def test_a_silent_connection_does_not_hold_the_end_up() -> None:
    house = House()

    async def run() -> float:
        server = await house.open()
        house.knock()
        started = time.monotonic()
        await house.drain(server)
        return time.monotonic() - started

    assert uvloop.run(run()) < 5
    assert set(house.answers()) == {b""}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGQUIT])
def test_a_worker_told_to_stop_before_it_could_hear_it_ends(number: int) -> None:
    heard: SimpleQueue[int] = SimpleQueue()
    heard.put(signal.SIGCHLD)
    heard.put(number)
    with pytest.raises(SystemExit) as ended:
        gunicorn_config.post_fork(SimpleNamespace(SIG_QUEUE=heard), NewWorker())
    assert ended.value.code == 0


def test_a_new_worker_goes_on_after_what_is_the_master_s() -> None:
    heard: SimpleQueue[int] = SimpleQueue()
    heard.put(signal.SIGHUP)
    new = NewWorker()
    gunicorn_config.post_fork(SimpleNamespace(SIG_QUEUE=heard), new)
    assert new.hears


class NewWorker:
    hears = False

    def init_signals(self) -> None:
        self.hears = True
