"""All that one run found, and what is read off it."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from bench.comparison import Ratio, ratio
from bench.serving.contenders import OURS
from bench.serving.search import Window


@dataclass(frozen=True)
class Ran:
    """A server as it was started, over the whole run."""

    name: str
    settings: dict[str, int]  # the best of its grid
    tried: list[tuple[dict[str, int], float]]  # settings, requests a second in time
    ready_seconds: float
    memory_mib: float  # peak, all its processes


@dataclass(frozen=True)
class Result:
    machine: str
    artifact: str  # name, variant and version
    texts: int
    seconds: float  # a window
    slo_ms: float
    servers: list[Ran]
    best: list[Window]  # of each round and server, the highest rate that passed
    windows: list[Window]  # all, the first look among them

    def rounds(self, name: str) -> list[Window]:
        return [w for w in self.best if w.server == name]

    def median(self, name: str, of: Callable[[Window], float]) -> float:
        return statistics.median(of(w) for w in self.rounds(name))

    def rates(self, peer: str) -> Ratio:
        """Return how many times the peer's requests a second ours are, by round."""
        return self._ratio(OURS, peer, lambda w: w.scheduled / w.seconds)

    def cpu(self, peer: str) -> Ratio:
        """Return how many times our CPU time the peer takes for a right answer."""
        return self._ratio(peer, OURS, lambda w: w.cpu_per_thousand)

    def _ratio(self, above: str, below: str, of: Callable[[Window], float]) -> Ratio:
        top, bottom = ([of(w) for w in self.rounds(n)] for n in (above, below))
        return ratio(top, bottom)

    def wrong_share(self, name: str) -> float:
        """Return the share of wrong answers over every window of the run."""
        own = [w for w in self.windows if w.server == name]
        return sum(w.wrong for w in own) / max(1, sum(w.right + w.wrong for w in own))


def write_result(result: Result, path: Path) -> None:
    text = json.dumps(_finite(asdict(result)), indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_result(path: Path) -> Result:
    raw = json.loads(path.read_bytes())
    for window in raw["best"] + raw["windows"]:
        for field in ("p50_ms", "p99_ms"):
            window[field] = math.inf if window[field] is None else window[field]
    return msgspec.convert(raw, Result)


def _finite(value: object) -> object:
    """JSON has no infinity: null stands for it."""
    match value:
        case dict():
            return {k: _finite(v) for k, v in value.items()}
        case list() | tuple():
            return [_finite(v) for v in value]
        case float() if math.isinf(value):
            return None
    return value
