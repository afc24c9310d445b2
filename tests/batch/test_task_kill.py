"""Tasks killed before and after each request to S3: the output is an unbroken run's."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from itertools import count
from multiprocessing.context import ForkServerProcess
from typing import Any

import pytest

from containers.batch.__main__ import main
from containers.batch.objects import Address, Objects
from rehearsal.account import Account
from tests.batch.bucket import AnswerShares, content, put
from tests.batch.conftest import some_lines
from tests.batch.killing import ended
from tests.containers.conftest import TINY

# Children are forked of one that has imported what they need.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__, "containers.flask.litert"])
PART_BYTES = 4000


def run_until(
    account: Account, bucket: Address, share: tuple[int, int], fatal: int
) -> None:
    """Do a task as its image does, and die at the request of that number."""
    import boto3

    os.environ |= account.environment(TINY) | {
        "MODEL_DIR": str(TINY),
        "AWS_BATCH_JOB_ARRAY_INDEX": str(share[0]),
        "AWS_BATCH_JOB_ARRAY_SIZE": str(share[1]),
    }
    requests, client = count(1), boto3.client

    def die_at(number: int) -> None:
        if number == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(*given: Any, **named: Any) -> Any:
        made = client(*given, **named)
        for moment in ("before-call", "after-call"):
            made.meta.events.register(
                f"{moment}.s3", lambda **_: die_at(next(requests))
            )
        return made

    boto3.client = counted  # type: ignore[assignment]
    asked = [f"{bucket / 'in'}", f"{bucket / 'out'}", "--part-bytes", str(PART_BYTES)]
    raise SystemExit(main(asked))


def start(
    account: Account, bucket: Address, share: tuple[int, int] = (0, 1), fatal: int = 0
) -> ForkServerProcess:
    child = CONTEXT.Process(
        daemon=True, target=run_until, args=(account, bucket, share, fatal)
    )
    child.start()
    return child


@pytest.fixture
def unbroken(objects: Objects, bucket: Address, answer_shares: AnswerShares) -> Address:
    """Some parts, answered already beside where a killed task answers them."""
    put(objects, bucket / "in", some_lines(900))
    answer_shares(out=bucket / "unbroken", part_bytes=PART_BYTES)
    return bucket / "unbroken"


def check(objects: Objects, bucket: Address, unbroken: Address) -> None:
    for folder in ("answers", "errors"):
        found = content(objects, bucket / "out" / folder)
        assert found == content(objects, unbroken / folder)
    assert objects.names(bucket / "out/done") == objects.names(unbroken / "done")


@pytest.mark.timeout(300)
def test_killed_before_and_after_each_request(
    account: Account, objects: Objects, bucket: Address, unbroken: Address
) -> None:
    """Each start dies one request later than the one before it got to."""
    for fatal in count(1):
        if ended(start(account, bucket, fatal=fatal)):
            break
    assert fatal > 20, "kills"
    check(objects, bucket, unbroken)


@pytest.mark.timeout(300)
def test_two_tasks_killed_at_random_moments(
    account: Account, objects: Objects, bucket: Address, unbroken: Address
) -> None:
    """Each pair is killed soon after it has finished another part."""
    moment, kills, done = random.Random(7), 0, [False, False]
    while not all(done):
        before = objects.names(bucket / "out/done")
        tasks = [start(account, bucket, (index, 2)) for index in range(2)]
        while all(task.is_alive() for task in tasks):
            if objects.names(bucket / "out/done") != before:
                break
        done = [ended(task, moment.uniform(0, 0.03)) for task in tasks]
        kills += done.count(False)
    check(objects, bucket, unbroken)
    assert kills > 5


def test_two_tasks_on_the_same_parts_write_the_same(
    account: Account, objects: Objects, bucket: Address, unbroken: Address
) -> None:
    tasks = [start(account, bucket) for _ in range(2)]
    assert [ended(task) for task in tasks] == [True, True]
    check(objects, bucket, unbroken)
