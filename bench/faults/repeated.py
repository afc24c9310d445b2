"""Repeated traffic with the cache and without it, in turn.

The n-th most frequent text comes 1/n**s as often as the first (Zipf). Both servers
get the same stretch of such traffic in each round, and no stretch comes twice: what
is in the cache is there because other traffic brought it.
"""

from __future__ import annotations

import random
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate, count
from pathlib import Path

from bench.comparison import Ratio, ratio
from bench.faults.promise import Promise, at_least, none
from bench.faults.texts import ask_each
from bench.load import run_load
from bench.server import litert_command, serve

TIMES = 3.0
STRETCH = 20_000  # texts of a round; the client begins again after them
WARM_UP = 4  # rounds long


@dataclass(frozen=True)
class Repeated:
    with_cache: list[float]  # requests a second, by round
    without: list[float]
    ratio: Ratio
    hit_rate: float  # share of the texts, as the server counts them
    differing: int  # texts that the two servers answer differently

    def promises(self, *, is_timed: bool = True) -> list[Promise]:
        kept = [none("answers that differ", self.differing)]
        if not is_timed:
            return kept
        return [
            at_least("requests a second, of those without", self.ratio.median, TIMES),
            at_least("the same, low end of 95 %", self.ratio.low, 1),
            *kept,
        ]


def zipf(texts: Sequence[str], exponent: float, seed: int) -> Iterator[list[str]]:
    """Yield stretches of traffic, one after the other."""
    weights = list(accumulate(1 / n**exponent for n in range(1, len(texts) + 1)))
    for number in count():
        chance = random.Random(seed + number)
        yield chance.choices(texts, cum_weights=weights, k=STRETCH)


def widen(texts: Sequence[str], universe: int) -> list[str]:
    """Return that many distinct texts: the real ones, then each with a number."""
    wide = list(texts)
    while len(wide) < universe:
        wide.append(f"{texts[len(wide) % len(texts)]} {len(wide)}")
    return wide[:universe]


def repeated(
    artifact: Path,
    path: str,
    texts: Sequence[str],
    *,
    python: Path,
    universe: int,
    exponent: float,
    rounds: int,
    seconds: float,
    connections: int = 16,
    say: Callable[[str], None] = print,
) -> Repeated:
    """Load both servers in turn; raises LoadError for an answer that changes."""
    command = litert_command(artifact, python=python)
    traffic = zipf(widen(texts, universe), exponent, seed=1)
    rates: dict[bool, list[float]] = {True: [], False: []}
    before = (0.0, 0.0)
    with ExitStack() as stack:
        servers = {
            cached: stack.enter_context(
                # A closed loop waits its turn: nobody is to be refused.
                serve(command, environment={**room, "MAX_WAIT_MS": "10000"})
            )
            for cached, room in (
                (True, {"CACHE_MIB": "16"}),
                (False, {"CACHE_MIB": "0"}),
            )
        }
        for number, stretch in zip(range(-1, rounds), traffic, strict=False):
            for cached in (True, False) if number % 2 else (False, True):
                load = run_load(
                    servers[cached].port,
                    path,
                    stretch,
                    connections=connections,
                    seconds=seconds if number >= 0 else WARM_UP * seconds,
                )
                if number >= 0:
                    rates[cached].append(load.requests_per_second)
            if number < 0:  # the cache has filled
                before = _looked_up(servers[True].port)
            else:
                say(
                    f"round {number + 1:3}  with {rates[True][-1]:7.0f}/s  "
                    f"without {rates[False][-1]:7.0f}/s"
                )
        hits, misses = (
            after - then
            for after, then in zip(_looked_up(servers[True].port), before, strict=True)
        )
        hit_rate = hits / max(1, hits + misses)
        say(f"hit rate {100 * hit_rate:.1f} %")
        answers = [
            ask_each(servers[cached].port, path, texts, cache_control="max-age=3600")
            for cached in (True, False)
        ]
    return Repeated(
        with_cache=rates[True],
        without=rates[False],
        ratio=ratio(rates[True], rates[False]),
        hit_rate=hit_rate,
        differing=sum(a != b for a, b in zip(*answers, strict=True)),
    )


def _looked_up(port: int) -> tuple[float, float]:
    """Return the texts that the server's cache has answered, and those it has not."""
    url = f"http://127.0.0.1:{port}/metrics"
    with urllib.request.urlopen(url, timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    hits, misses = (
        sum(float(line.split()[-1]) for line in lines if line.startswith(name))
        for name in ("lathe_cache_hits_total", "lathe_cache_misses_total")
    )
    return hits, misses
