"""An asynchronous endpoint under kills, and its worker beside the engine alone.

python -m rehearsal.emulator --port 4566 &
python -m bench.queued build/support-sentiment --endpoint http://127.0.0.1:4566 \
    --submissions 100000 --kills 100
python -m bench.queued build/support-sentiment --endpoint http://127.0.0.1:4566 \
    --submissions 2000 --instances 32 --rounds 5
python -m bench.queued build/support-sentiment --endpoint http://127.0.0.1:4566 \
    --submissions 1 --source-lines 50000 --rounds 5

With kills: workers are killed at random moments and started again, in a bucket that keeps
every version. Lost: without an outcome at the end. Doubled: an outcome that was written
twice, or removed. Wrong: not what the model in process says. Without: worker and engine
in turn, in texts for each second of CPU, since the endpoint on this machine wants cores as
well, which AWS's would not take.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import boto3

from bench.batch import best_batches
from bench.comparison import Ratio, ratio
from containers.flask.cores import usable_cores
from containers.flask.predictor import load_predictor
from containers.queued.door import Door, Terms
from containers.queued.messages import Queue
from containers.queued.settings import Settings
from containers.queued.store import SUBMISSIONS, Store
from manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[1]
WORKERS = 2
CALLERS = 8
MOST_WAITING = 4000  # the emulator looks at all that wait to find one
VISIBILITY_SECONDS = 10
_LIFE_S = (1.0, 5.0)  # of a worker that is to be killed, once it is ready
_WORDS = [
    "my",
    "the",
    "order",
    "never",
    "came",
    "back",
    "again",
    "thank",
    "you",
    "flight",
    "app",
    "bag",
    "late",
]


@dataclass(frozen=True)
class Counts:
    """What became of so many submissions, though workers were killed."""

    submissions: int
    kills: int
    lost: int
    doubled: int
    wrong: int
    dead_letters: int
    seconds: float


@dataclass(frozen=True)
class Rates:
    """Texts a second of CPU; the ratio is of the worker's to the engine's."""

    submissions: int
    instances: int  # of each; of a source, its lines
    worker: float
    engine: float
    ratio: Ratio


class Endpoint:
    """A bucket and queues, made for one measurement."""

    def __init__(self, url: str, manifest: Manifest, name: str) -> None:
        self.url, self.name = url, name
        self.s3, self.sqs = self._client("s3"), self._client("sqs")
        self.s3.create_bucket(Bucket=name)
        self.s3.put_bucket_versioning(
            Bucket=name, VersioningConfiguration={"Status": "Enabled"}
        )
        self.settings = Settings(
            bucket=name,
            queue_url=self._queue("items"),
            references_url=self._queue("references"),
            dead_letters_url=self._queue("dead"),
            visibility_seconds=VISIBILITY_SECONDS,
        )
        terms = Terms(manifest.name, manifest.max_batch, 7, False, ())
        items = Queue(self.sqs, self.settings.queue_url)
        references = Queue(self.sqs, self.settings.references_url)
        store = Store(self.s3, name)
        self._door = Door(terms, store, items=items, references=references)
        self._path = f"/v1/models/{manifest.name}:submit"

    def _client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.url, **_CREDENTIALS)

    def _queue(self, what: str) -> str:
        answer = self.sqs.create_queue(QueueName=f"{self.name}-{what}")
        return str(answer["QueueUrl"])

    def submit(self, texts: Sequence[str]) -> str:
        return self._submit({"instances": texts})

    def _submit(self, asked: Mapping[str, Any]) -> str:
        event = {
            "rawPath": self._path,
            "requestContext": {"http": {"method": "POST"}},
            "body": json.dumps(asked),
        }
        answer = self._door.handle(event)
        assert answer["statusCode"] == 202, answer
        return str(json.loads(answer["body"])["id"])

    def refer(self, texts: Sequence[str], name: str) -> str:
        """Submit an object of JSON lines."""
        key = f"inputs/{name}.jsonl"
        body = "".join(f"{json.dumps(text)}\n" for text in texts).encode()
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        return self._submit({"source": f"s3://{self.name}/{key}"})

    def written(self) -> Counter[str]:
        """Return how often the outcome of each id was written or removed."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.name, Prefix=f"{SUBMISSIONS}/"
        )
        return Counter(
            each["Key"].split("/")[1]
            for page in pages
            for each in [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
            if each["Key"].endswith("/outcome.json")
        )

    def told(self, id_: str) -> dict[str, Any]:
        key = f"{SUBMISSIONS}/{id_}/outcome.json"
        body = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        told: dict[str, Any] = json.loads(body)
        return told

    def left(self, url: str) -> int:
        kinds = ("", "NotVisible")
        names = [f"ApproximateNumberOfMessages{kind}" for kind in kinds]
        found = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return sum(map(int, found["Attributes"].values()))

    @contextmanager
    def worker(self, artifact: Path) -> Iterator[subprocess.Popen[str]]:
        """A worker process that is ready; killed at the end, if it still is there."""
        settings = self.settings
        environment = {
            **os.environ,
            "MODEL_DIR": str(artifact),
            "BUCKET": settings.bucket,
            "QUEUE_URL": settings.queue_url,
            "REFERENCES_URL": settings.references_url,
            "DEAD_LETTERS_URL": settings.dead_letters_url,
            "VISIBILITY_SECONDS": str(settings.visibility_seconds),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": _CREDENTIALS["region_name"],
            "AWS_ACCESS_KEY_ID": _CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": _CREDENTIALS["aws_secret_access_key"],
        }
        command = [sys.executable, "-m", "containers.queued", "worker"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()  # that it is ready
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


_CREDENTIALS = {  # an endpoint on this machine takes any
    "region_name": "us-east-1",
    "aws_access_key_id": "123456789012",
    "aws_secret_access_key": "test",
}


def count_kills(
    endpoint: Endpoint, artifact: Path, manifest: Manifest, many: int, kills: int
) -> Counts:
    """Submit, kill, start again; then compare every outcome with the model in process."""
    began, moment, killed = time.monotonic(), random.Random(7), 0
    asked: dict[str, str] = {}
    room, callers = threading.Event(), ThreadPoolExecutor(CALLERS)

    def submit(text: str) -> tuple[str, str]:
        room.wait()
        return endpoint.submit([text]), text

    coming = deque(callers.submit(submit, text) for text in _texts(many))

    def left() -> int:
        while coming and coming[0].done():
            asked.update([coming.popleft().result()])
        waiting = endpoint.left(endpoint.settings.queue_url)
        (room.set if waiting < MOST_WAITING else room.clear)()
        _say(f"{len(asked):,} submitted, {waiting:,} of them wait, {killed} kills")
        return len(coming) + waiting

    try:
        while killed < kills and left():
            with endpoint.worker(artifact), endpoint.worker(artifact):
                time.sleep(moment.uniform(*_LIFE_S))
            killed += WORKERS
        with endpoint.worker(artifact), endpoint.worker(artifact):
            while left():
                time.sleep(2)
    finally:
        callers.shutdown(wait=False, cancel_futures=True)
        room.set()
    _say("comparing every outcome")
    written, predictor = endpoint.written(), load_predictor(manifest, artifact)
    with ThreadPoolExecutor(CALLERS) as callers:
        answered = [id_ for id_ in asked if id_ in written]
        told = zip(answered, callers.map(endpoint.told, answered), strict=True)
        wrong = sum(
            each.get("predictions") != predictor.predict([asked[id_]])
            for id_, each in told
        )
    return Counts(
        submissions=many,
        kills=killed,
        lost=len(asked.keys() - written.keys()),
        doubled=sum(times > 1 for times in written.values()),
        wrong=wrong,
        dead_letters=endpoint.left(endpoint.settings.dead_letters_url),
        seconds=round(time.monotonic() - began, 1),
    )


def _say(what: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {what}", file=sys.stderr, flush=True)


def measure(
    endpoint: Endpoint,
    artifact: Path,
    manifest: Manifest,
    many: int,
    size: int,
    n: int,
    *,
    by_source: bool,
) -> Rates:
    workers, engines = [], []
    for number in range(n):
        texts = list(_texts(many * size, seed=number))
        for is_worker in (True, False) if number % 2 else (False, True):
            if is_worker:
                workers.append(
                    _worker_rate(endpoint, artifact, texts, size, by_source=by_source)
                )
            else:
                engines.append(_engine_rate(artifact, texts))
    return Rates(
        submissions=many,
        instances=size,
        worker=round(statistics.median(workers), 1),
        engine=round(statistics.median(engines), 1),
        ratio=ratio(workers, engines),
    )


def _worker_rate(
    endpoint: Endpoint,
    artifact: Path,
    texts: Sequence[str],
    size: int,
    *,
    by_source: bool,
) -> float:
    """Texts a second of CPU, once it is ready, while there is something to do."""
    settings = endpoint.settings
    for start in range(0, len(texts), size):
        some = texts[start : start + size]
        if by_source:
            endpoint.refer(some, f"{uuid4()}")
        else:
            endpoint.submit(some)
    queue = settings.references_url if by_source else settings.queue_url
    with endpoint.worker(artifact) as process:
        before = _cpu_seconds(process.pid)
        while endpoint.left(queue):
            time.sleep(0.2)
        return len(texts) / (_cpu_seconds(process.pid) - before)


def _engine_rate(artifact: Path, texts: Sequence[str]) -> float:
    """In a process of its own, as the worker is."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(list(texts), file)
        file.flush()
        command = ["-m", "bench.queued", str(artifact), "--engine-alone", file.name]
        ran = subprocess.run(
            [sys.executable, *command], cwd=ROOT, check=True, capture_output=True
        )
    return float(ran.stdout)


def _engine_alone(manifest: Manifest, artifact: Path, texts: Sequence[str]) -> float:
    """The engine's best: rows made before, sorted, as many to a run as suit it best."""
    run = best_batches(manifest, artifact, texts)
    before = resource.getrusage(resource.RUSAGE_SELF)
    run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return len(texts) / spent


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _texts(many: int, seed: int = 0) -> Iterator[str]:
    """Some ten words each, all different: a repetition would be the same submission."""
    chance = random.Random(seed)
    for number in range(many):
        yield f"{' '.join(chance.choices(_WORDS, k=10))} {seed} {number}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.queued",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path, metavar="DIR", help="an artifact")
    parser.add_argument("--endpoint", type=_loopback, help="http://127.0.0.1:PORT")
    parser.add_argument("--submissions", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=0, help="0: measure instead")
    parser.add_argument("--instances", type=int, default=32, help="a submission")
    parser.add_argument(
        "--source-lines", type=int, default=0, help="submit objects of so many lines"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine-alone", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    artifact = asked.model.resolve()
    manifest = read_manifest(artifact / "manifest.json")
    if asked.engine_alone:
        texts = json.loads(asked.engine_alone.read_text())
        print(_engine_alone(manifest, artifact, texts))
        return
    if not asked.endpoint:
        parser.error("--endpoint: where S3 and SQS are, on this machine")
    endpoint = Endpoint(asked.endpoint, manifest, f"bench-{os.getpid()}")
    found: Counts | Rates
    if asked.kills:
        many, kills = asked.submissions, asked.kills
        found = count_kills(endpoint, artifact, manifest, many, kills)
    else:
        size = asked.source_lines or min(asked.instances, manifest.max_batch)
        found = measure(
            endpoint,
            artifact,
            manifest,
            asked.submissions,
            size,
            asked.rounds,
            by_source=bool(asked.source_lines),
        )
    print(json.dumps({**asdict(found), "cores": usable_cores()}, indent=2))


def _loopback(text: str) -> str:
    """Refuse any other machine: what is made here is not removed."""
    if urlsplit(text).scheme != "http" or urlsplit(text).hostname != "127.0.0.1":
        raise argparse.ArgumentTypeError(f"{text!r} is not http://127.0.0.1:PORT")
    return text


if __name__ == "__main__":
    main()
