"""The event loop that offers load: a schedule, kept-alive connections, the books."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple, cast

import httptools

from bench.serving.dialects import Decode
from bench.serving.offered import Offered

_TICK_S = 0.001  # libuv's timers count milliseconds
_REFUSALS = (429, 503)


class Request(NamedTuple):
    """`scheduled` is in seconds from the start; `content` is the whole of it."""

    scheduled: float
    content: bytes
    label: str | None


class Schedule:
    """Requests in a shuffled order at Poisson arrival times, in seconds from 0."""

    def __init__(
        self,
        contents: Sequence[tuple[bytes, str | None]],
        *,
        rate: float,
        seconds: float,
        seed: int,
    ) -> None:
        self._contents = list(contents)
        self._rate, self._seconds = rate, seconds
        self._random = random.Random(seed)

    def __iter__(self) -> Iterator[Request]:
        self._random.shuffle(self._contents)
        due = self._random.expovariate(self._rate)
        for place in count():
            if due >= self._seconds:
                return
            yield Request(due, *self._contents[place % len(self._contents)])
            due += self._random.expovariate(self._rate)


class _Connection(asyncio.Protocol):
    """A keep-alive connection with at most one request under way."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self.request: Request | None = None
        self.sent_s = 0.0  # of the request, since 1970

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not a child

    def send(self, request: Request) -> None:
        self.request, self._body = request, b""
        self.sent_s = time.time()
        self._transport.write(request.content)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()  # whoever waits on it has lost its answer

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        if (request := self.request) is None:
            return self.close()  # an answer to nothing
        self.request = None
        keep = self._parser.should_keep_alive()
        status = self._parser.get_status_code()
        self._client.answered(request, self.sent_s, status, self._body)
        if keep:
            self._client.freed(self)
        else:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._client.closed(self)

    def close(self) -> None:
        self._transport.close()


class Client:
    """Sends what is due, and keeps the books."""

    def __init__(
        self, host: str, port: int, *, decode: Decode, connections: int
    ) -> None:
        self._address = (host, port)
        self._decode = decode
        self._most = connections
        self._idle: dict[_Connection, None] = {}  # the last one is used first
        self._waiting: deque[Request] = deque()
        self._opening: set[asyncio.Task[None]] = set()
        self._open = self._peak = 0
        self._done = asyncio.Event()
        self._outstanding = 0
        self._late_ms: list[float] = []
        self._answers_ms: list[float] = []
        self._wrong_ms: list[float] = []
        self._refusals_ms: list[float] = []
        self._failed = self._lost = 0
        self._gone_sent_s: list[float] = []
        self._complaint = ""
        self._started = self._cpu_before = 0.0

    async def run(self, schedule: Schedule, *, patience_s: float) -> None:
        self._started, self._cpu_before = time.perf_counter(), time.process_time()
        for request in schedule:
            while (ahead := request.scheduled - self._now()) > 0:
                await asyncio.sleep(max(ahead, _TICK_S))
            self._late_ms.append(1e3 * (self._now() - request.scheduled))
            self._outstanding += 1
            self._send(request)
        if self._outstanding:
            self._done.clear()
            try:
                await asyncio.wait_for(self._done.wait(), patience_s)
            except TimeoutError:
                self._lost += self._outstanding
                self._gone_sent_s += [math.inf] * self._outstanding

    def _now(self) -> float:
        return time.perf_counter() - self._started

    def _send(self, request: Request) -> None:
        if self._idle:
            self._idle.popitem()[0].send(request)
            return
        self._waiting.append(request)
        self._grow()

    def _grow(self) -> None:
        if self._open < self._most:
            self._open += 1
            self._peak = max(self._peak, self._open)
            task = asyncio.create_task(self._connect())
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _connect(self) -> None:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), *self._address
            )
        except OSError as error:
            self._open -= 1
            if self._waiting:
                self._waiting.popleft()
                self._lose(str(error), time.time())
            return
        self.freed(connection)

    def freed(self, connection: _Connection) -> None:
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._idle[connection] = None

    def closed(self, connection: _Connection) -> None:
        self._open -= 1
        self._idle.pop(connection, None)
        if connection.request is not None:
            why = "the server closed a connection instead of answering"
            self._lose(why, connection.sent_s)
        if self._waiting:
            self._grow()

    def _lose(self, why: str, sent_s: float) -> None:
        self._lost += 1
        self._gone_sent_s.append(sent_s)
        self._complaint = self._complaint or why
        self._settle()

    def answered(
        self, request: Request, sent_s: float, status: int, body: bytes
    ) -> None:
        latency_ms = round(1e3 * (self._now() - request.scheduled), 3)
        if status == 200:
            if self._is_right(request, body):
                self._answers_ms.append(latency_ms)
            else:
                self._wrong_ms.append(latency_ms)
        elif status in _REFUSALS:
            self._refusals_ms.append(latency_ms)
        else:
            self._failed += 1
            self._gone_sent_s.append(sent_s)
            self._complain(f"{status}: ", body)
        self._settle()

    def _is_right(self, request: Request, body: bytes) -> bool:
        label = self._decode(body)
        if label is not None and request.label in (None, label):
            return True
        self._complain(f"{request.label} is right, not ", body)
        return False

    def _complain(self, what: str, body: bytes) -> None:
        said = body[:300].decode(errors="replace")
        self._complaint = self._complaint or what + said

    def _settle(self) -> None:
        self._outstanding -= 1
        if not self._outstanding:
            self._done.set()

    def offered(self, *, rate: float, seconds: float) -> Offered:
        late = sorted(self._late_ms) or [0.0]
        return Offered(
            rate=rate,
            seconds=seconds,
            scheduled=len(self._late_ms),
            failed=self._failed,
            lost=self._lost,
            connections=self._peak,
            late_p99_ms=round(late[int(0.99 * len(late))], 3),
            client_cpu_seconds=round(time.process_time() - self._cpu_before, 3),
            answers_ms=self._answers_ms,
            wrong_ms=self._wrong_ms,
            refusals_ms=self._refusals_ms,
            gone_sent_s=self._gone_sent_s,
            complaint=self._complaint,
        )
