"""The shared cache against real Redis servers: alive, killed, stopped, full, wrong."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from bench.server import free_port
from containers.flask import shared_cache
from containers.flask.cache import AnswerCache, CacheSettings, open_cache
from containers.flask.shared_cache import SharedCache
from manifest import Manifest
from tests.containers.test_cache import requests

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        shutil.which("redis-server") is None,
        reason="no redis-server on PATH: apt-get install redis-server",
    ),
]


class Redis:
    """A redis-server on a loopback port, that can be killed and started again."""

    def __init__(self, *options: str) -> None:
        self.port = free_port()
        self._options = options
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        command = ["redis-server", "--bind", "127.0.0.1", "--save", ""]
        command += ["--port", str(self.port), *self._options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        return self.process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.kill()


@contextlib.asynccontextmanager
async def connected(
    url: str, *, lines: list[str] | None = None
) -> AsyncIterator[SharedCache]:
    """Yield a shared cache, once it is up unless `lines` wants to see why not."""
    report = pytest.fail if lines is None else lines.append
    cache = SharedCache(url, ttl_s=60, valid=lambda _: True, report=report)
    await asyncio.sleep(0.3 if lines is None else 0)  # redis-server's start
    cache.start()
    try:
        if lines is None:
            await until(lambda: cache.is_up)
        yield cache
    finally:
        await cache.close()


async def until(happens: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def written(cache: SharedCache, key: bytes) -> list[bytes | None]:
    """Return what is found, once something is."""
    deadline = time.monotonic() + 5
    while (found := await cache.get_many([key])) == [None]:
        assert time.monotonic() < deadline, "nothing was written"
        await asyncio.sleep(0.01)
    return found


def test_what_one_process_wrote_another_finds(redis: Redis) -> None:
    async def run() -> None:
        url = f"redis://127.0.0.1:{redis.port}/0"
        async with connected(url) as one, connected(url) as other:
            one.put(b"k" * 16, b'{"label":"neutral"}')
            assert await written(other, b"k" * 16) == [b'{"label":"neutral"}']
            assert await other.get_many([b"x" * 16, b"k" * 16]) == [
                None,
                b'{"label":"neutral"}',
            ]

    asyncio.run(run())


def test_an_answer_is_never_of_another_version_in_one_redis(
    redis: Redis,
    make_manifest: Callable[..., Manifest],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """10,000 cases; each process forgets at once, so that Redis is what answers."""
    monkeypatch.setattr(shared_cache, "TIMEOUT_S", 10)  # a busy machine asks them too
    manifests = [make_manifest(version=f"{n:012d}") for n in range(4)]

    async def run() -> int:
        url = f"redis://127.0.0.1:{redis.port}/0"
        settings = CacheSettings(mib=0, url=url)
        versions = [open_cache(m, settings, report=lambda _: None) for m in manifests]
        await asyncio.sleep(0.3)
        for cache in versions:
            await cache.start()
        await until(lambda: all(c.shared and c.shared.is_up for c in versions))
        cases = iter(islice(requests(seed=2), 10_000))
        await asyncio.gather(*[ask(versions, cases) for _ in range(32)])
        for cache in versions:
            await cache.close()
        return sum(cache.shared_hits for cache in versions)

    assert asyncio.run(run()) > 1_000


async def ask(
    versions: list[AnswerCache], cases: Iterator[tuple[int, tuple[str, str, str]]]
) -> None:
    for version, request in cases:
        key = versions[version].key(*request)
        answer = json.dumps({"asked": [version, *request]}).encode()
        assert await versions[version].find([key]) in ([None], [answer])
        versions[version].put(key, answer)


def test_a_redis_killed_under_traffic_costs_hits_and_one_line(redis: Redis) -> None:
    async def run() -> None:
        lines: list[str] = []
        url = f"redis://127.0.0.1:{redis.port}/0"
        async with connected(url, lines=lines) as cache:
            await until(lambda: cache.is_up)
            cache.put(b"k" * 16, b"{}")
            await written(cache, b"k" * 16)
            redis.kill()
            lines.clear()
            slowest = 0.0
            for _ in range(200):
                started = time.perf_counter()
                assert await cache.get_many([b"k" * 16] * 8) == [None] * 8
                slowest = max(slowest, time.perf_counter() - started)
                cache.put(b"k" * 16, b"{}")
            assert slowest < 0.2  # 20 ms on a quiet machine
            assert not cache.is_up
            assert len(lines) <= 1  # none if the start was worth one
            redis.start()
            await until(lambda: cache.is_up, seconds=20)
            cache.put(b"k" * 16, b"{}")
            assert await written(cache, b"k" * 16) == [b"{}"]

    asyncio.run(run())


def test_a_redis_that_hangs_is_left_alone(redis: Redis) -> None:
    async def run() -> None:
        lines: list[str] = []
        async with connected(f"redis://127.0.0.1:{redis.port}/0", lines=lines) as cache:
            await until(lambda: cache.is_up)
            lines.clear()
            cache._reported = -shared_cache.REPORT_S
            redis.process.send_signal(signal.SIGSTOP)
            started = time.perf_counter()
            for _ in range(50):
                assert await cache.get_many([b"k" * 16]) == [None]
            # Three turns wait; the others know.
            assert time.perf_counter() - started < 50 * shared_cache.TIMEOUT_S / 2
            assert not cache.is_up
            assert lines == [
                f"cache: redis://127.0.0.1:{redis.port}: TimeoutError; answers without it"
            ]
            redis.process.send_signal(signal.SIGCONT)
            await until(lambda: cache.is_up, seconds=20)

    asyncio.run(run())


def test_a_full_redis_still_gives_what_it_has(redis: Redis) -> None:
    async def run() -> None:
        lines: list[str] = []
        async with connected(f"redis://127.0.0.1:{redis.port}/0", lines=lines) as cache:
            await until(lambda: cache.is_up)
            cache.put(b"k" * 16, b"{}")
            await written(cache, b"k" * 16)
            config = ["redis-cli", "-p", str(redis.port), "config", "set"]
            subprocess.run([*config, "maxmemory", "1"], check=True, capture_output=True)
            lines.clear()
            cache._reported = -shared_cache.REPORT_S
            for number in range(10):
                cache.put(bytes([number]) * 16, b"{}")
                assert await cache.get_many([b"k" * 16]) == [b"{}"]
            assert cache.dropped == 10
            assert len(lines) == 1
            assert cache.is_up

    asyncio.run(run())


GARBAGE = [
    b"+OK\r\n",
    b":7\r\n",
    b"*1\r\n:7\r\n",
    b"*0\r\n",
    b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"*-1\r\n",
    b"-ERR no\r\n",
    b"$999999999999\r\nx",
    b"*1\r\n$-5\r\n",
    b"\xff\xfe\x00HTTP/1.1 400 Bad Request\r\n\r\n",
    b"",
]


@pytest.mark.parametrize("reply", GARBAGE)
def test_a_wrong_server_costs_hits(reply: bytes) -> None:
    """It answers well until it is up, and from then on with `reply`."""

    async def run() -> None:
        good = True

        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while request := await reader.read(65536):
                if b"MGET" in request:
                    writer.write(b"*1\r\n$-1\r\n" if good else reply)
                else:  # what redis-py says of itself on connecting
                    writer.write(b"+OK\r\n" * request.count(b"SETINFO"))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        lines: list[str] = []
        async with connected(f"redis://127.0.0.1:{port}/0", lines=lines) as cache:
            await until(lambda: cache.is_up)
            good = False
            for _ in range(8):
                assert await cache.get_many([b"k" * 16]) == [None]
        server.close()

    asyncio.run(run())


def test_another_keys_answer_is_none(redis: Redis) -> None:
    """As when the answers of a connection have slipped by one, or a byte is damaged."""

    async def run() -> None:
        async with connected(f"redis://127.0.0.1:{redis.port}/0") as cache:
            one, other = b"1" * 16, b"2" * 16
            cache.put(one, b'{"label":"neutral"}')
            await written(cache, one)
            for tampering in (
                "redis.call('set', KEYS[2], redis.call('get', KEYS[1]))",
                "redis.call('set', KEYS[2], '{}')",
                "redis.call('set', KEYS[2], '')",
                "redis.call('append', KEYS[1], ' ') redis.call('del', KEYS[2])",
                "redis.call('del', KEYS[1]) redis.call('rpush', KEYS[1], 'a')",
            ):
                names = ["lathe:" + key.decode() for key in (one, other)]
                command = ["redis-cli", "-p", str(redis.port), "eval", tampering, "2"]
                subprocess.run([*command, *names], check=True, capture_output=True)
                assert (await cache.get_many([other])) == [None]
            assert (await cache.get_many([one])) == [None]

    asyncio.run(run())


def test_a_value_must_be_an_answer(
    redis: Redis, make_manifest: Callable[..., Manifest]
) -> None:
    """What another server of this Redis wrote, in a form that this one does not know."""

    async def run() -> None:
        settings = CacheSettings(mib=0, url=f"redis://127.0.0.1:{redis.port}/0")
        cache = open_cache(make_manifest(), settings, report=lambda _: None)
        assert cache.shared
        await asyncio.sleep(0.3)
        await cache.start()
        await until(lambda: cache.shared is not None and cache.shared.is_up)
        for number, value in enumerate([b"[]", b"1", b"", b"\xff", b"[" * 60_000]):
            cache.put(bytes([number]) * 16, value)
        cache.put(b"k" * 16, b'{"label":"neutral"}')
        assert await written(cache.shared, b"k" * 16)
        keys = [bytes([number]) * 16 for number in range(5)]
        assert await cache.find(keys) == [None] * 5
        assert (cache.shared_hits, cache.misses) == (0, 5)
        await cache.close()

    asyncio.run(run())


def test_waiting_work_is_bounded(redis: Redis) -> None:
    async def run() -> None:
        async with connected(f"redis://127.0.0.1:{redis.port}/0") as cache:
            for number in range(shared_cache.MAX_WRITTEN + 5):
                cache.put(number.to_bytes(16), b"{}")
            assert cache.dropped == 5
            too_many = [b"k" * 16] * (shared_cache.MAX_ASKED + 1)
            assert set(await cache.get_many(too_many)) == {None}
            await until(lambda: not cache._written)

    asyncio.run(run())


def test_a_wrong_password_is_never_said() -> None:
    server = Redis("--requirepass", "right")

    async def run() -> list[str]:
        lines: list[str] = []
        await asyncio.sleep(0.3)
        url = f"redis://user:hunter2@127.0.0.1:{server.port}/0"
        async with connected(url, lines=lines) as cache:
            await until(lambda: cache.failures > 0)
            assert not cache.is_up
        async with connected(f"redis://:right@127.0.0.1:{server.port}/0"):
            pass
        return lines

    try:
        (line,) = asyncio.run(run())
        assert line == (
            f"cache: redis://127.0.0.1:{server.port}: AuthenticationError; "
            "answers without it"
        )
    finally:
        server.kill()


def test_tls_is_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    port = free_port()
    server = Redis(
        *("--tls-port", str(port), "--tls-auth-clients", "no"),
        *("--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
    )

    async def run() -> list[str]:
        lines: list[str] = []
        known = f"?ssl_ca_certs={certificate}"
        async with connected(f"rediss://localhost:{port}/0{known}") as cache:
            cache.put(b"k" * 16, b"{}")
            assert await written(cache, b"k" * 16) == [b"{}"]
        for unknown in (f"localhost:{port}/0", f"127.0.0.1:{port}/0{known}"):
            async with connected(f"rediss://{unknown}", lines=lines) as cache:
                await until(lambda: cache.failures > 0)
                assert not cache.is_up
        return lines

    try:
        assert len(asyncio.run(run())) == 2
    finally:
        server.kill()
