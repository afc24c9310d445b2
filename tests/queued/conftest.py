from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from containers.flask.predictor import Predictor, load_predictor
from containers.queued.settings import Settings
from manifest import read_manifest
from rehearsal.account import Account
from rehearsal.emulator import start_emulator
from tests.containers.conftest import TINY
from tests.queued.place import Place

_numbers = count()


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with start_emulator(tmp_path_factory.mktemp("emulator")) as account:
        yield account


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """What every answer must equal."""
    return load_predictor(read_manifest(TINY / "manifest.json"), TINY)


@pytest.fixture
def place(account: Account) -> Place:
    """A bucket and queues that no other test uses; a killed worker's work waits 1 s."""
    name = f"endpoint-{next(_numbers)}"
    sqs = account.client("sqs")
    account.client("s3").create_bucket(Bucket=name)
    urls = [
        sqs.create_queue(QueueName=f"{name}-{queue}")["QueueUrl"]
        for queue in ("items", "references", "dead")
    ]
    return Place(account, Settings(name, *urls, visibility_seconds=1))
