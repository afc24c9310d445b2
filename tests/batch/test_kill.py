"""Killed at any point, and as often: the output is that of a run that was not killed."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from itertools import count
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from batch.output import errors_of
from batch.progress import Progress
from batch.run import Asked, run
from tests.batch.conftest import Run, some_lines, write
from tests.batch.killing import ended

# Children are forked of one that has imported what they need.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "containers.flask.litert"])
DURABLE = ("fsync", "replace", "rename", "unlink", "rmdir", "mkdir")


def run_until(asked: Asked, fatal: int) -> None:
    """Run, and die at the call of that number of those that change the disk."""
    calls = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*given: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == fatal and fatal % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            mine = calls
            try:
                return call(*given, **named)
            finally:
                if mine == fatal:
                    os.kill(os.getpid(), signal.SIGKILL)

        return counting

    for name in DURABLE:
        setattr(os, name, counted(getattr(os, name)))
    run(asked, Progress(StringIO()))


def start(asked: Asked, fatal: int = 0) -> ForkServerProcess:
    child = CONTEXT.Process(daemon=True, target=run_until, args=(asked, fatal))
    child.start()
    return child


@pytest.fixture
def unbroken(asked: Asked, answer: Run) -> Asked:
    """What is asked, answered already without a kill: a few parts, compressed."""
    asked = replace(asked, out=asked.out.with_name("out.gz"), part_bytes=8000)
    answer(out=asked.out, part_bytes=asked.part_bytes)
    return asked


def check(out: Path, unbroken: Asked) -> None:
    for path in (Path, errors_of):
        assert path(out).read_bytes() == path(unbroken.out).read_bytes()
    assert not out.with_name(f"{out.name}.parts").exists()


@pytest.mark.timeout(900)
def test_killed_at_each_change_of_the_disk(unbroken: Asked, answer: Run) -> None:
    for fatal in count(1):
        out = unbroken.out.with_name(f"{fatal}-{unbroken.out.name}")
        if ended(start(replace(unbroken, out=out), fatal)):
            break
        if fatal % 3 == 0:  # and once more, while it goes on
            ended(start(replace(unbroken, out=out), fatal // 3))
        answer(out=out, part_bytes=unbroken.part_bytes)
        check(out, unbroken)
    assert fatal > 40, "kills"


@pytest.mark.timeout(900)
def test_killed_at_random_moments(unbroken: Asked, answer: Run) -> None:
    out = unbroken.out.with_name("new.gz")
    write(unbroken.source, some_lines(4000))
    asked = replace(unbroken, out=out, part_bytes=2000)
    answer(out=unbroken.out, part_bytes=asked.part_bytes, is_fresh=True)
    moment, kills = random.Random(7), 0
    while not ended(child := start(asked), after_parts(asked, child, moment)):
        kills += 1
    check(out, unbroken)
    assert kills > 10


def after_parts(asked: Asked, child: ForkServerProcess, moment: random.Random) -> float:
    """Wait for one part or two more; return the seconds until the kill."""
    folder = asked.out.with_name(f"{asked.out.name}.parts")
    last = len(list(folder.glob("0*"))) + moment.randint(1, 2)
    while child.is_alive() and len(list(folder.glob("0*"))) < last:
        time.sleep(0.002)
    return moment.uniform(0, 0.02)
