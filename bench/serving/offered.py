"""Open-loop load: what was offered to a server, and what became of every request.

Requests leave when a Poisson schedule says so, whether or not earlier ones were
answered, and a request's latency counts from its *scheduled* time: a server (or a
client) that stalls is charged for all who waited (no coordinated omission).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

ROOT = Path(__file__).parents[2]
LATE_MS = 20.0  # a client later than this at its 99th percentile measured itself

# How a text is asked: TF Serving's rows, the Open Inference Protocol's tensors, a list.
Dialect = Literal["predict", "infer", "texts"]


class OfferError(Exception):
    """The client could not run at all: no figure came out of it."""


class Question(NamedTuple):
    """A text, and the label that is known to be its answer; None is not checked."""

    text: str
    label: str | None = None


@dataclass(frozen=True)
class Offered:
    """One window of open-loop load. Latencies are from the scheduled time, in ms."""

    rate: float  # requests a second that the schedule asked for
    seconds: float  # how long the schedule lasted
    scheduled: int
    failed: int  # any status that is neither 200 nor a refusal
    lost: int  # the connection ended first, or no answer came in time
    connections: int  # most at once
    late_p99_ms: float  # how late the client itself was
    client_cpu_seconds: float
    answers_ms: list[float] = field(repr=False)  # right answers, as they came
    wrong_ms: list[float] = field(repr=False)  # 200 with another label, or with none
    refusals_ms: list[float] = field(repr=False)  # 429 and 503
    gone_sent_s: list[float] = field(default_factory=list, repr=False)  # when what
    # failed or was lost had been sent, in seconds since 1970
    complaint: str = ""  # the first answer that was wrong or failed

    @property
    def wrong(self) -> int:
        return len(self.wrong_ms)

    @property
    def goodput(self) -> float:
        """Return the right answers a second of the schedule."""
        return len(self.answers_ms) / self.seconds

    @property
    def kept_schedule(self) -> bool:
        """Whether the client was quick enough for its figures to be the server's."""
        return self.late_p99_ms <= LATE_MS

    def quantile_ms(self, share: float) -> float:
        """Return the latency that this share of the requests stayed within.

        A request that was refused, failed or lost stayed within none: infinite. Wrong
        answers count by their time here; whether any may be there is another question.
        """
        return _quantile(self.answers_ms + self.wrong_ms, share, of=self.scheduled)

    def accepted_quantile_ms(self, share: float) -> float:
        """Return the latency that this share of the right answers stayed within."""
        return _quantile(self.answers_ms, share, of=len(self.answers_ms))

    def refusal_quantile_ms(self, share: float) -> float:
        return _quantile(self.refusals_ms, share, of=len(self.refusals_ms))


def _quantile(values: Sequence[float], share: float, *, of: int) -> float:
    place = min(of - 1, int(share * of))
    return sorted(values)[place] if 0 <= place < len(values) else float("inf")


def offer(
    port: int,
    path: str,
    questions: Sequence[Question],
    *,
    rate: float,
    seconds: float,
    dialect: Dialect = "predict",
    host: str = "127.0.0.1",
    seed: int = 0,
    connections: int = 1024,
    patience_s: float = 10,
    headers: Mapping[str, str] | None = None,
) -> Offered:
    """Offer `rate` requests a second from a child process; raises OfferError.

    Questions are asked in an order that `seed` shuffles, as are the gaps between
    them. `connections` bounds the pool: a request that finds it busy waits, and its
    waiting counts. `patience_s` is how long answers are awaited after the schedule.
    """
    command = [sys.executable, "-m", "bench.serving.poisson", "--texts", "-", "--json"]
    options = {
        "host": host,
        "port": port,
        "path": path,
        "dialect": dialect,
        "rate": rate,
        "seconds": seconds,
        "seed": seed,
        "connections": connections,
        "patience": patience_s,
    }
    for name, value in options.items():
        command += [f"--{name}", str(value)]
    for name, value in (headers or {}).items():
        command += ["--header", f"{name}: {value}"]
    child = subprocess.run(
        command,
        input="\n".join(json.dumps(q._asdict()) for q in questions),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if child.returncode:
        raise OfferError(
            child.stderr.strip() or f"client ended with {child.returncode}"
        )
    return read_offered(child.stdout)


def read_offered(text: str) -> Offered:
    """Read what `python -m bench.serving.poisson --json` printed."""
    return Offered(**json.loads(text))


def write_offered(offered: Offered) -> str:
    return json.dumps(asdict(offered))
