"""Half an hour at 70 % of the peak, while servers are replaced and killed.

Clients ask through a balancer. A rollover starts a new server, waits until it is
ready, sends new requests there, and ends the old one with SIGTERM at once, as a
deployment does. A kill is SIGKILL to the worker process; gunicorn starts another.
Each has a window of load of its own, so that what is lost can be laid to it.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.faults.balancer import Balancer, balance
from bench.faults.overload import find_peak
from bench.faults.promise import Promise, at_most, none
from bench.faults.texts import ask_each
from bench.server import Server, litert_command, serve
from bench.serving.offered import Offered, Question, offer

LOAD = 0.7
STOP_TIMEOUT_S = 30.0  # what ECS waits after SIGTERM
# A request may leave on a kept connection before the balancer sees that it is closed.
NOTICED_S = 0.02


@dataclass(frozen=True)
class Event:
    """One window; `late` only of a kill, `stop_s` and `exit_code` of a rollover."""

    kind: str
    scheduled: int
    answered: int
    refused: int
    wrong: int
    gone: int  # lost, or answered with what is neither 200 nor a refusal
    late: int = 0  # of those gone, begun after the kill: not in flight then
    stop_s: float = 0.0
    exit_code: int = 0
    complaint: str = ""


@dataclass(frozen=True)
class Soak:
    rate: float
    events: list[Event]

    def promises(self, *, is_timed: bool = True) -> list[Promise]:
        rollovers = [e for e in self.events if e.kind == "rollover"]
        kills = [e for e in self.events if e.kind == "kill"]
        kept = [
            none("wrong answers", sum(e.wrong for e in self.events)),
            none("lost at a SIGTERM", sum(e.gone for e in rollovers)),
            none("lost at a kill, begun after it", sum(e.late for e in kills)),
            none("exit codes but 0", sum(e.exit_code != 0 for e in rollovers)),
            at_most(
                "SIGTERM to the end, slowest",
                max((e.stop_s for e in rollovers), default=0),
                STOP_TIMEOUT_S,
                "s",
            ),
        ]
        if not is_timed:
            return kept
        scheduled = max(1, sum(e.scheduled for e in rollovers))
        refused = sum(e.refused for e in rollovers) / scheduled
        return [*kept, at_most("refused at rollovers", 100 * refused, 1, "%")]


@dataclass
class _Run:
    balancer: Balancer
    stack: ExitStack
    server: Server
    begin: Callable[[], tuple[ExitStack, Server]]
    chance: random.Random

    def rollover(self) -> tuple[float, int]:
        """Replace the server; returns seconds from SIGTERM to its end, and its code."""
        stack, server = self.begin()
        self.balancer.switch(server.port)
        old, self.server = self.server, server
        old_stack, self.stack = self.stack, stack
        started = time.monotonic()
        old.process.send_signal(signal.SIGTERM)
        code = old.process.wait(STOP_TIMEOUT_S + 5)
        took = time.monotonic() - started
        old_stack.close()
        return took, code

    def kill(self) -> float:
        """Kill the worker; returns when it was gone, in seconds since 1970.

        A killed process dies when its threads are next given a core: on a busy machine
        that is later, and until then its sockets take what arrives.
        """
        (worker, *_) = self.server.workers()
        os.kill(worker, signal.SIGKILL)
        while Path(f"/proc/{worker}").exists():  # gunicorn has not reaped it yet
            time.sleep(0.001)
        return time.time()


def soak(
    artifact: Path,
    path: str,
    texts: Sequence[str],
    *,
    python: Path,
    seconds: float,
    rollovers: int,
    kills: int,
    rate: float | None = None,
    seed: int = 1,
    say: Callable[[str], None] = print,
) -> Soak:
    """Spread the events evenly; `rate` is 70 % of the peak, found first, if not given."""
    command = litert_command(artifact, python=python)

    def begin() -> tuple[ExitStack, Server]:
        stack = ExitStack()
        return stack, stack.enter_context(serve(command))

    chance = random.Random(seed)
    kinds = ["rollover"] * rollovers + ["kill"] * kills
    chance.shuffle(kinds)
    events: list[Event] = []
    with balance() as balancer:
        run = _Run(balancer, *begin(), begin, chance)
        try:
            balancer.switch(run.server.port)
            questions = ask_each(run.server.port, path, texts)
            rate = rate or LOAD * _peak(balancer, path, questions, say)
            for kind in kinds:
                window_s = seconds / len(kinds)
                events.append(_window(run, kind, path, questions, rate, window_s))
                say(f"{len(events):4} of {len(kinds)}  {_line(events[-1])}")
        finally:
            run.stack.close()
    return Soak(rate, events)


def _peak(
    balancer: Balancer,
    path: str,
    questions: Sequence[Question],
    say: Callable[[str], None],
) -> float:
    def run(rate: float) -> Offered:
        return offer(balancer.port, path, questions, rate=rate, seconds=5)

    return statistics.mean(find_peak(run, say) for _ in range(2))


def _window(
    run: _Run,
    kind: str,
    path: str,
    questions: Sequence[Question],
    rate: float,
    seconds: float,
) -> Event:
    """Offer load, and let the event happen somewhere in the middle of it."""
    found: list[Offered] = []
    seed = run.chance.randrange(2**31)

    def load() -> None:
        found.append(
            offer(
                run.balancer.port,
                path,
                questions,
                rate=rate,
                seconds=seconds,
                seed=seed,
            )
        )

    thread = threading.Thread(target=load)
    thread.start()
    time.sleep(seconds * run.chance.uniform(0.2, 0.5))
    killed, stop_s, code = 0.0, 0.0, 0
    if kind == "kill":
        killed = run.kill()
    else:
        stop_s, code = run.rollover()
    thread.join()
    (offered,) = found
    late = 0
    if killed:
        late = sum(sent > killed + NOTICED_S for sent in offered.gone_sent_s)
    return Event(
        kind=kind,
        scheduled=offered.scheduled,
        answered=len(offered.answers_ms),
        refused=len(offered.refusals_ms),
        wrong=offered.wrong,
        gone=offered.lost + offered.failed,
        late=late,
        stop_s=stop_s,
        exit_code=code,
        complaint=offered.complaint,
    )


def _line(event: Event) -> str:
    return (
        f"{event.kind:9} {event.answered}/{event.scheduled} answered, "
        f"{event.refused} refused, {event.gone} lost, {event.late} of them begun after a kill "
        f"{event.complaint}"
    )
