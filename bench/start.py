"""python -m bench.start: how long an image takes to its first right answer."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from images.engine import BakeError, Name
from images.running import Container, running
from manifest import Manifest, ManifestError, read_manifest

VCPUS: tuple[float | None, ...] = (0.25, 0.5, 1.0, 2.0, None)


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
        print("| vCPU | ready s | first right answer s | CPU s | resident MiB |")
        print("|---|---|---|---|---|")
        for vcpu in arguments.vcpu or VCPUS:
            starts = [
                start(arguments, manifest, sample, vcpu)
                for _ in range(arguments.rounds)
            ]
            print(_row(vcpu, starts), flush=True)
    except (ManifestError, BakeError, OSError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def start(
    arguments: argparse.Namespace, manifest: Manifest, sample: Any, vcpu: float | None
) -> Start:
    """Start the image once and ask it for one held-out sample's answer."""
    with running(
        arguments.engine, arguments.image, vcpu=vcpu, memory_mib=arguments.memory_mib
    ) as container:
        container.wait_ready()
        ready = container.age()
        _ask(container, manifest, sample)
        return Start(
            ready, container.age(), container.cpu_seconds(), container.resident_mib()
        )


def _ask(container: Container, manifest: Manifest, sample: Any) -> None:
    """Compare all but the scores, which another processor may round differently."""
    instance, expected = sample["instances"][0], _words(sample["answers"]["flask"][0])
    path = f"/v1/models/{manifest.name}:predict"
    status, answer = container.ask(path, {"instances": [instance]})
    if status != 200 or _words(answer["predictions"][0]) != expected:
        raise BakeError(f"answered {status} {answer}, and not {expected}")


def _words(answer: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in answer.items() if isinstance(value, str)}


def _row(vcpu: float | None, starts: Sequence[Start]) -> str:
    columns = ("ready", "answered", "cpu", "resident_mib")
    cells = [_cell([getattr(each, name) for each in starts]) for name in columns]
    return f"| {'no limit' if vcpu is None else vcpu} | {' | '.join(cells)} |"


def _cell(values: list[float]) -> str:
    """Median, and the range where there are several."""
    middle = statistics.median(values)
    if len(values) == 1:
        return f"{middle:.2f}"
    return f"{middle:.2f} [{min(values):.2f}, {max(values):.2f}]"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.start",
        description="Start an image again and again, hardened, at each size of task.",
        epilog="Seconds count from the container's first process; its pages are in "
        "memory from the start before. Median [least, most].",
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
    parser.add_argument(
        "--vcpu", type=float, action="append", help="this size only; may be repeated"
    )
    parser.add_argument(
        "--memory-mib", type=int, default=512, help="limit (default: 512)"
    )
    return parser.parse_args()  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
