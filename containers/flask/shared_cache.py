"""The second level of the cache: a Redis or Valkey that may be slow, dead or wrong.

One task talks to it. What requests ask for meanwhile waits for the next turn and goes
in one command, so a busy server sends few. Whatever goes wrong there costs hits, and
one line in the log a minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from containers.flask.artifact import StartError

TIMEOUT_S = 0.02  # of one turn: about what an answer costs without a cache
CONNECT_TIMEOUT_S = 2.0  # waited for by nobody
FAILURES = 3  # turns one after the other, until it is left alone
PAUSE_S = 1.0  # until it is tried again, doubling
MAX_PAUSE_S = 30.0
MAX_ASKED = 512  # keys that wait for a turn; more are not looked up
MAX_WRITTEN = 1024  # answers that wait for a turn; more are dropped
REPORT_S = 60.0
SEAL_BYTES = 16
MAX_SEALED_BYTES = 64 * 1024 + SEAL_BYTES
PREFIX = b"lathe:"

_Lookup = tuple[Sequence[bytes], "asyncio.Future[list[bytes | None]]"]


class SharedCache:
    """Values in Redis, each sealed with its key.

    The seal shows a value that is cut, damaged or another key's, as a client gets
    whose answers have slipped by one. It is no secret: who may write to this Redis
    may change answers, so give it a password and TLS.
    """

    def __init__(
        self,
        url: str,
        *,
        ttl_s: int,
        valid: Callable[[bytes], bool],
        report: Callable[[str], None],
    ) -> None:
        self._client, self._place = _open(url)
        self._ttl_s = ttl_s
        self._valid = valid
        self._report = report
        self._reported = -REPORT_S
        self._wake = asyncio.Event()
        self._asked: list[_Lookup] = []
        self._waiting = 0  # keys in _asked
        self._written: dict[bytes, bytes] = {}
        self._task: asyncio.Task[None] | None = None
        self.is_up = False
        self.failures = 0  # turns that brought nothing
        self.dropped = 0  # answers not written

    def start(self) -> None:
        """Connect in a task of the running loop."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what is not written by then is lost, and only costs hits."""
        self.is_up = False
        if self._task is not None:
            # Again and again: what closes a connection may swallow one.
            for _ in range(10):
                self._task.cancel()
                if (await asyncio.wait([self._task], timeout=0.1))[0]:
                    break
        self._answer_none()
        with contextlib.suppress(Exception):  # it may be closed by the other side
            await self._client.aclose()

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return a value or None for each key; never raises, never waits for long."""
        if not self.is_up or self._waiting + len(keys) > MAX_ASKED:
            return [None] * len(keys)
        answer: asyncio.Future[list[bytes | None]] = asyncio.Future()
        self._asked.append((keys, answer))
        self._waiting += len(keys)
        self._wake.set()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await answer
        except TimeoutError:
            return [None] * len(keys)

    def put(self, key: bytes, value: bytes) -> None:
        """Write soon, or not at all."""
        if not self.is_up or len(self._written) >= MAX_WRITTEN:
            self.dropped += 1
            return
        self._written[key] = value
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._connect()
            failed = 0
            while failed < FAILURES:
                await self._wake.wait()
                self._wake.clear()
                failed = 0 if await self._turn() else failed + 1
            self.is_up = False
            self._written.clear()
            self._answer_none()

    async def _connect(self) -> None:
        """Return once it answers; whoever asks until then is not kept waiting."""
        pause_s = PAUSE_S
        while not self.is_up:
            try:
                async with asyncio.timeout(CONNECT_TIMEOUT_S):
                    await self._exchange([PREFIX], {})
                self.is_up = True
            except Exception as error:  # whatever a stranger's server made of it
                self._failed(error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, MAX_PAUSE_S)

    async def _turn(self) -> bool:
        """Ask and write all that waits; says whether Redis did its part."""
        asked, self._asked, self._waiting = self._asked, [], 0
        written, self._written = self._written, {}
        keys = [key for wanted, _ in asked for key in wanted]
        values: list[bytes | None] = [None] * len(keys)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                values = await self._exchange(keys, written)
            return True
        except Exception as error:  # whatever it says must not reach a request
            self._failed(error)
            return False
        finally:
            found = iter(values)
            for wanted, answer in asked:
                some = [next(found) for _ in wanted]
                if not answer.done():  # it waited too long, or its client left
                    answer.set_result(some)

    async def _exchange(
        self, keys: Sequence[bytes], written: dict[bytes, bytes]
    ) -> list[bytes | None]:
        """Send one MGET and the SETs together; raises whatever goes wrong."""
        pipeline = self._client.pipeline(transaction=False)
        if keys:
            pipeline.mget([PREFIX + key for key in keys])
        for key, value in written.items():
            pipeline.set(PREFIX + key, _seal(key, value) + value, ex=self._ttl_s)
        replies = await pipeline.execute(raise_on_error=False)
        found = replies.pop(0) if keys else []
        refused = [reply for reply in replies if isinstance(reply, Exception)]
        if refused:  # it is full, or a replica: what it holds is good all the same
            self.dropped += len(refused)
            self._failed(refused[0])
        if isinstance(found, Exception):
            raise found
        if not isinstance(found, list) or len(found) != len(keys):
            raise RedisError("MGET was not answered with a value a key")
        return [self._open_seal(k, v) for k, v in zip(keys, found, strict=True)]

    def _open_seal(self, key: bytes, sealed: object) -> bytes | None:
        if not isinstance(sealed, bytes) or len(sealed) > MAX_SEALED_BYTES:
            return None
        value = sealed[SEAL_BYTES:]
        if sealed[:SEAL_BYTES] != _seal(key, value) or not self._valid(value):
            return None
        return value

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        now = time.monotonic()
        if now - self._reported >= REPORT_S:
            self._reported = now
            # Not its message: it may quote what was sent, a password included.
            self._report(
                f"cache: {self._place}: {type(error).__name__}; answers without it"
            )

    def _answer_none(self) -> None:
        asked, self._asked, self._waiting = self._asked, [], 0
        for keys, answer in asked:
            if not answer.done():
                answer.set_result([None] * len(keys))


def _open(url: str) -> tuple[Redis, str]:
    """Return a client and the place it connects to, without user and password.

    cache.py has checked scheme, host and port; redis-py reads the rest.
    """
    parts = urlsplit(url)
    try:
        client = Redis.from_url(url, protocol=2, max_connections=1)
    except (ValueError, TypeError):  # not quoted: a password may be in it
        raise StartError("CACHE_URL: not redis://HOST[:PORT][/DB]") from None
    return client, f"{parts.scheme}://{parts.hostname}:{parts.port or 6379}"


def _seal(key: bytes, value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=SEAL_BYTES, key=key).digest()
