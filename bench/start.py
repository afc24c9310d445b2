"""python -m bench.start: how long an image takes to its first right answer."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from bench.web_adapter import WebAdapter, event
from images.engine import BakeError, Name
from images.running import FULL_CORE_MB, HARDENED, SANDBOX, running
from manifest import Manifest, ManifestError, read_manifest

PATIENCE_S = 60
POLL_S = 0.1


@dataclass(frozen=True)
class Room:
    """What a container may take: `vcpu` cores, all where it is None."""

    name: str
    vcpu: float | None
    memory_mib: int
    options: Sequence[str] = HARDENED


TASKS = tuple(Room(f"{vcpu} vCPU", vcpu, 512) for vcpu in (0.25, 0.5, 1.0, 2.0))
FUNCTIONS = tuple(
    Room(f"{memory} MB", memory / FULL_CORE_MB, memory, SANDBOX)
    for memory in (512, 1024, FULL_CORE_MB, 2 * FULL_CORE_MB)
)


@dataclass(frozen=True)
class Start:
    """One start: seconds from its first process to ready, and to the right answer."""

    ready: float
    answered: float
    cpu: float  # seconds, of all its processes, until then
    resident_mib: float


def main() -> int:
    arguments = _arguments()
    try:
        manifest = read_manifest(arguments.model / "manifest.json")
        sample = json.loads((arguments.model / "sample.json").read_text())
        print("| room | ready s | first right answer s | CPU s | resident MiB |")
        print("|---|---|---|---|---|")
        for room in FUNCTIONS if arguments.function else TASKS:
            starts = [
                start_worker(arguments, room)
                if arguments.worker
                else start(arguments, manifest, sample, room)
                for _ in range(arguments.rounds)
            ]
            print(_row(room, starts), flush=True)
    except (ManifestError, BakeError, OSError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def start_worker(arguments: argparse.Namespace, room: Room) -> Start:
    """Start the image as a queue's worker, until it says that it would receive."""
    nowhere = "http://127.0.0.1:9"
    names = ("QUEUE_URL", "REFERENCES_URL", "DEAD_LETTERS_URL", "AWS_ENDPOINT_URL")
    environment = {
        **dict.fromkeys(names, nowhere),
        "BUCKET": "none",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    with running(
        arguments.engine,
        arguments.image,
        vcpu=room.vcpu,
        memory_mib=room.memory_mib,
        options=room.options,
        environment=environment,
        command=("python", "-m", "containers.queued", "worker"),
    ) as container:
        while '"ready"' not in container.log():
            if container.age() > PATIENCE_S:
                raise TimeoutError(f"not ready in {PATIENCE_S} s: {container.log()}")
            time.sleep(POLL_S)  # asking takes CPU that the container wants
        ready = container.age()
        return Start(ready, ready, container.cpu_seconds(), container.resident_mib())


def start(
    arguments: argparse.Namespace, manifest: Manifest, sample: Any, room: Room
) -> Start:
    """Start the image once and ask it for one held-out sample's answer."""
    with running(
        arguments.engine,
        arguments.image,
        vcpu=room.vcpu,
        memory_mib=room.memory_mib,
        options=room.options,
    ) as container:
        adapter = WebAdapter(container.port, "/v2/health/ready", frozenset({200}))
        adapter.wait_ready(PATIENCE_S)
        ready = container.age()
        _ask(adapter, manifest, sample)
        return Start(
            ready, container.age(), container.cpu_seconds(), container.resident_mib()
        )


def _ask(adapter: WebAdapter, manifest: Manifest, sample: Any) -> None:
    """Compare all but the scores, which another processor may round differently."""
    instance, expected = sample["instances"][0], _words(sample["answers"]["flask"][0])
    body = json.dumps({"instances": [instance]}).encode()
    answer = adapter.invoke(event("POST", f"/v1/models/{manifest.name}:predict", body))
    if answer["statusCode"] != 200:
        raise BakeError(f"answered {answer}, and not {expected}")
    (found,) = json.loads(answer["body"])["predictions"]
    if _words(found) != expected:
        raise BakeError(f"answered {found}, and not {expected}")


def _words(answer: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in answer.items() if isinstance(value, str)}


def _row(room: Room, starts: Sequence[Start]) -> str:
    columns = ("ready", "answered", "cpu", "resident_mib")
    cells = [_cell([getattr(each, name) for each in starts]) for name in columns]
    return f"| {room.name} | {' | '.join(cells)} |"


def _cell(values: list[float]) -> str:
    """Median, and the range where there are several."""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.2f}"
    return f"{middle:.2f} [{min(values):.2f}, {max(values):.2f}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.start",
        description="Start an image again and again, hardened, at each size of task, or "
        "of a function of Lambda.",
        epilog="Seconds count from the container's first process; its pages are in "
        "memory from the start before. Asked as the web adapter asks, by a stand-in "
        "outside: what the adapter itself takes to start is not in it. Median [least, "
        "most].",
    )
    parser.add_argument("image", help="what python -m images built")
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="DIR",
        help="artifact it was built of",
    )
    parser.add_argument(
        "--engine", choices=get_args(Name), default="docker", help="(default: docker)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="starts a size (default: 5)"
    )
    rooms = parser.add_mutually_exclusive_group()
    rooms.add_argument(
        "--worker", action="store_true", help="as a queue's worker, until it is ready"
    )
    rooms.add_argument(
        "--function",
        action="store_true",
        help="in a sandbox like Lambda's, at memories of a function",
    )
    return parser.parse_args()  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
