"""Answers that were given before: by this process, or by any that share a Redis.

An answer is found by a digest of the whole manifest and of everything that was asked,
so another model, server, text or parameter is another key, and no text is kept in
memory or sent to Redis. One thread, the event loop's, uses a cache.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from cachetools import TTLCache

from containers.flask.artifact import StartError
from manifest import Manifest

if TYPE_CHECKING:
    from containers.flask.shared_cache import SharedCache

KEY_BYTES = 16
MAX_VALUE_BYTES = 64 * 1024
# What an entry takes beside its value in CPython 3.11, by tracemalloc: key, link, dicts.
ENTRY_BYTES = 480


class Directive(NamedTuple):
    """What a request's Cache-Control lets a cache do for it."""

    read: bool = True
    write: bool = True


USE = Directive()


def directive(header: bytes) -> Directive:
    """Read Cache-Control: no-cache wants a fresh answer, no-store also leaves none."""
    words = {word.strip().lower() for word in header.split(b",")}
    stored = b"no-store" not in words
    return Directive(read=stored and b"no-cache" not in words, write=stored)


@dataclass(frozen=True)
class CacheSettings:
    """Bounds of both levels; 0 MiB and no address are a cache that is off."""

    mib: int = 16
    ttl_s: int = 3600
    url: str = ""  # redis://[user:password@]host[:port][/db], or rediss:// for TLS


def read_settings(environment: Mapping[str, str]) -> CacheSettings:
    """Read CACHE_MIB, CACHE_TTL_S and CACHE_URL; raises StartError naming one."""
    if url := environment.get("CACHE_URL", ""):
        _check_url(url)  # here as well: a server says it before it starts a worker
    return CacheSettings(
        mib=_whole(environment, "CACHE_MIB", CacheSettings.mib, low=0, high=65536),
        ttl_s=_whole(
            environment, "CACHE_TTL_S", CacheSettings.ttl_s, low=1, high=31_536_000
        ),
        url=url,
    )


def open_cache(
    manifest: Manifest,
    settings: CacheSettings,
    *,
    report: Callable[[str], None],
    valid: Callable[[bytes], bool] | None = None,
) -> AnswerCache:
    """Make the cache of one model; nothing is connected before start().

    `report` is given a line for the log; `valid` says whether a value that came from
    Redis may be an answer, by default if it is a JSON object. Raises StartError where
    CACHE_URL cannot be used.
    """
    shared = None
    if settings.url:
        _check_url(settings.url)
        # Here: without a shared cache, a start need not pay for redis-py's import.
        from containers.flask.shared_cache import SharedCache

        shared = SharedCache(
            settings.url,
            ttl_s=settings.ttl_s,
            valid=valid or _is_object,
            report=report,
        )
    identity = hashlib.sha256(manifest.to_json().encode()).digest()
    return AnswerCache(
        identity, max_bytes=settings.mib << 20, ttl_s=settings.ttl_s, shared=shared
    )


class AnswerCache:
    """Bounded by bytes and age, the least recently used going first."""

    def __init__(
        self,
        identity: bytes,
        *,
        max_bytes: int,
        ttl_s: float,
        shared: SharedCache | None = None,
    ) -> None:
        self._seed = hashlib.blake2b(identity, digest_size=KEY_BYTES)
        self._max_bytes = max_bytes
        self._entries: TTLCache[bytes, bytes] = TTLCache(
            max_bytes, ttl_s, getsizeof=_entry_bytes
        )
        self.shared = shared
        self.hits = 0  # in this process
        self.shared_hits = 0
        self.misses = 0  # at both levels

    @property
    def is_on(self) -> bool:
        return self._max_bytes > 0 or self.shared is not None

    @property
    def entries(self) -> int:
        return len(self._entries)

    @property
    def size_bytes(self) -> int:
        return int(self._entries.currsize)

    def key(self, text: str, context: str = "", parameters: str = "") -> bytes:
        """Return the key of one text, or of a question and its context.

        `parameters` is whatever else changes an answer, written in one way only.
        """
        digest = self._seed.copy()
        # The lengths keep "a" + "bc" and "ab" + "c" apart.
        asked = f"{len(text)}:{len(context)}:{text}{context}{parameters}"
        digest.update(asked.encode("utf-8", "surrogatepass"))
        return digest.digest()

    def get(self, key: bytes) -> bytes | None:
        """Return what this process holds, at once."""
        value: bytes | None = self._entries.get(key)
        if value is not None:
            self.hits += 1
        elif self.shared is None:
            self.misses += 1
        return value

    async def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Ask the shared cache for what get() did not have; waits 20 ms at the most."""
        if self.shared is None:
            return [None] * len(keys)
        values = await self.shared.get_many(keys)
        for key, value in zip(keys, values, strict=True):
            if value is None:
                self.misses += 1
            else:
                self.shared_hits += 1
                self._keep(key, value)
        return values

    def put(self, key: bytes, value: bytes) -> None:
        """Keep an answer in both levels, as far as it fits; waits for nothing."""
        if len(value) > MAX_VALUE_BYTES:
            return
        self._keep(key, value)
        if self.shared is not None:
            self.shared.put(key, value)

    async def start(self) -> None:
        """Begin to connect, in the running loop; returns at once."""
        if self.shared is not None:
            self.shared.start()

    async def close(self) -> None:
        if self.shared is not None:
            await self.shared.close()

    def _keep(self, key: bytes, value: bytes) -> None:
        if _entry_bytes(value) <= self._max_bytes:  # else cachetools raises
            self._entries[key] = value


def _is_object(value: bytes) -> bool:
    try:
        return isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False


def _entry_bytes(value: bytes) -> int:
    return len(value) + ENTRY_BYTES


def _whole(
    environment: Mapping[str, str], name: str, default: int, *, low: int, high: int
) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and low <= int(text[:10]) <= high):
        raise StartError(
            f"{name}: {text[:40]!r} is not a whole number from {low} to {high}"
        )
    return int(text)


def _check_url(url: str) -> None:
    """Raise StartError without the address, which may hold a password."""
    try:
        parts = urlsplit(url)
        is_right = (
            parts.scheme in {"redis", "rediss"}
            and bool(parts.hostname)
            and parts.port != 0
        )
    except ValueError:  # a port that is none
        is_right = False
    if not is_right:
        raise StartError("CACHE_URL: not redis://HOST[:PORT] or rediss://HOST[:PORT]")
