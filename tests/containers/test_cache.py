"""The cache in process: whose answer it gives, and what bounds it."""

from __future__ import annotations

import asyncio
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from containers.flask.artifact import StartError
from containers.flask.cache import (
    ENTRY_BYTES,
    KEY_BYTES,
    MAX_VALUE_BYTES,
    AnswerCache,
    CacheSettings,
    Directive,
    directive,
    open_cache,
    read_settings,
)
from manifest import Manifest


def open_for(manifest: Manifest, settings: CacheSettings | None = None) -> AnswerCache:
    return open_cache(
        manifest,
        settings or CacheSettings(),
        report=pytest.fail,
    )


@pytest.fixture
def cache(make_manifest: Callable[..., Manifest]) -> AnswerCache:
    return open_for(make_manifest())


# Few letters, so that requests are often nearly or quite the same.
LETTERS = ("", "é", "1", ":")


def requests(seed: int) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Endless (version, (text, context, parameters))."""
    chance = random.Random(seed)
    while True:
        parts = ["".join(chance.choices(LETTERS, k=2)) for _ in range(3)]
        yield chance.randrange(4), (parts[0], parts[1], parts[2])


def test_an_answer_is_never_of_another_version_text_or_parameter(
    versions: list[AnswerCache],
) -> None:
    """10,000 cases: each cache keeps who asked what as the answer."""
    repeated = 0
    for version, request in islice(requests(seed=1), 10_000):
        cache = versions[version]
        key = cache.key(*request)
        answer = repr((version, request)).encode()
        if (found := cache.get(key)) is not None:
            assert found == answer
            repeated += 1
        # All versions see the key, as they do in one Redis.
        assert all(other.get(key) is None for other in versions if other is not cache)
        cache.put(key, answer)
        assert cache.get(key) == answer
    assert repeated > 1_000


@pytest.fixture(scope="module")
def versions(make_manifest: Callable[..., Manifest]) -> list[AnswerCache]:
    """Releases that differ in one field each, the image tag's or another."""
    return [
        open_for(manifest)
        for manifest in (
            make_manifest(),
            make_manifest(version="3f1c9a07be25"),
            make_manifest(lengths=(16, 32, 48)),
            make_manifest(server_digest="6" * 64),
        )
    ]


def test_a_key_is_made_of_any_text(cache: AnswerCache) -> None:
    texts = ["", "\0", "\ud800", "\udc00", "a" * 1_000_000, "e\u0301", "é"]
    assert len({cache.key(text) for text in texts}) == len(texts)


def test_a_key_shows_nothing_of_the_text(cache: AnswerCache) -> None:
    key = cache.key("my card number is 4111 1111 1111 1111")
    assert len(key) == KEY_BYTES
    assert key == cache.key("my card number is 4111 1111 1111 1111")
    cache.put(key, b"{}")
    assert b"4111" not in repr(vars(cache)).encode()


def test_the_least_recently_used_goes_first(
    make_manifest: Callable[..., Manifest],
) -> None:
    cache = open_for(make_manifest(), CacheSettings(mib=1))
    kept = cache.key("asked again and again")
    cache.put(kept, b"{}")
    for number in range(10_000):
        cache.put(cache.key(str(number)), b"x" * 100)
        assert cache.get(kept) == b"{}"
    assert cache.size_bytes <= 1 << 20
    assert cache.entries == (1 << 20) // (ENTRY_BYTES + 100) + 1  # one is smaller
    assert cache.get(cache.key("0")) is None


def test_its_bytes_are_those_of_the_process() -> None:
    """The bound is of memory, not of values alone."""
    cache = AnswerCache(b"any", max_bytes=4 << 20, ttl_s=60)
    keys = [cache.key(str(number)) for number in range(20_000)]
    tracemalloc.start()
    for number, key in enumerate(keys):
        # A key and a value of its own, as each request brings them.
        cache.put(bytes(bytearray(key)), b'{"label":"neutral","score":%d}' % number)
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.7 * cache.size_bytes < taken < 1.25 * cache.size_bytes


def test_an_answer_grows_old() -> None:
    cache = AnswerCache(b"any", max_bytes=1 << 20, ttl_s=0.05)
    key = cache.key("a")
    cache.put(key, b"{}")
    assert cache.get(key) == b"{}"
    time.sleep(0.06)
    assert cache.get(key) is None


@pytest.mark.parametrize("mib", [0, 1])
def test_what_does_not_fit_is_not_kept(mib: int) -> None:
    cache = AnswerCache(b"any", max_bytes=mib << 20, ttl_s=60)
    cache.put(cache.key("a"), b"x" * (MAX_VALUE_BYTES + 1))
    assert cache.entries == 0
    cache.put(cache.key("a"), b"x" * MAX_VALUE_BYTES)
    assert cache.entries == mib
    assert cache.is_on is bool(mib)


def test_counts_hits_and_misses(cache: AnswerCache) -> None:
    key = cache.key("a")
    assert cache.get(key) is None
    cache.put(key, b"{}")
    assert cache.get(key) == b"{}"
    assert (cache.hits, cache.shared_hits, cache.misses) == (1, 0, 1)


def test_without_a_shared_cache_nothing_is_waited_for(cache: AnswerCache) -> None:
    async def use() -> list[bytes | None]:
        await cache.start()
        found = await cache.find([cache.key("a"), cache.key("b")])
        await cache.close()
        return found

    assert asyncio.run(use()) == [None, None]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", Directive(read=True, write=True)),
        (b"max-age=0", Directive(read=True, write=True)),
        (b"no-cache", Directive(read=False, write=True)),
        (b"max-age=0, No-Cache", Directive(read=False, write=True)),
        (b"no-store", Directive(read=False, write=False)),
        (b" no-cache,NO-STORE ", Directive(read=False, write=False)),
        (b'private="no-cache"', Directive(read=True, write=True)),
    ],
)
def test_cache_control_is_obeyed(header: bytes, expected: Directive) -> None:
    assert directive(header) == expected


def test_settings_have_defaults_and_bounds() -> None:
    assert read_settings({}) == CacheSettings(mib=16, ttl_s=3600, url="")
    given = {"CACHE_MIB": "0", "CACHE_TTL_S": "60", "CACHE_URL": "redis://h"}
    assert read_settings(given) == CacheSettings(mib=0, ttl_s=60, url="redis://h")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("CACHE_MIB", "-1", "CACHE_MIB: '-1' is not a whole number from 0 to 65536"),
        ("CACHE_MIB", "9" * 5000, "is not a whole number from 0 to 65536"),
        ("CACHE_TTL_S", "0", "CACHE_TTL_S: '0' is not a whole number from 1 to"),
        ("CACHE_TTL_S", "1.5", "CACHE_TTL_S: '1.5' is not"),
        ("CACHE_TTL_S", "٣", "CACHE_TTL_S: '٣' is not"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        read_settings({name: value})


@pytest.mark.parametrize(
    "url",
    ["http://secret@h", "redis://", "secret", "redis://:secret@h:notaport", "redis://h/secret?db=x"],
)  # fmt: skip
def test_a_wrong_address_is_refused_without_its_password(
    url: str, make_manifest: Callable[..., Manifest]
) -> None:
    with pytest.raises(StartError, match=r"CACHE_URL: not redis://HOST") as raised:
        open_for(make_manifest(), CacheSettings(url=url))
    assert "secret" not in str(raised.value)
