"""A container that runs as a task of a deployment would: little room, no rights."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from images.engine import BakeError, Name

# What stacks/task.py asks ECS for, in an engine's words.
HARDENED = (
    "--read-only",
    "--tmpfs=/tmp:rw,size=16m,mode=1777",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=10001:10001",
)
# Lambda's sandbox: its own user, no /dev/shm, half a gigabyte at /tmp.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
SANDBOX = (
    "--read-only",
    "--tmpfs=/tmp:rw,size=512m,mode=1777",
    "--mount=type=tmpfs,destination=/dev/shm,ro",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=993:990",
)
FULL_CORE_MB = 1769  # of memory, with which a function has the whole of a core
TICKS = os.sysconf("SC_CLK_TCK")
POLL_S = 0.02


@dataclass(frozen=True)
class Container:
    """One started container; its processes are seen from this machine's /proc."""

    engine: Name
    id: str
    port: int

    def ask(self, path: str, body: Any = None, seconds: float = 30) -> tuple[int, Any]:
        """Return status and decoded JSON of one request; 0 where nothing answers."""
        data = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self.port}{path}"
        try:
            with urllib.request.urlopen(address, data, seconds) as answer:
                return answer.status, _decoded(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, _decoded(error.read())
        except OSError:
            return 0, None

    def wait_ready(self, seconds: float = 60) -> None:
        """Wait until the server says that it answers; raise TimeoutError with its log."""
        until = time.monotonic() + seconds
        while self.ask("/v2/health/ready", seconds=5)[0] != 200:
            if time.monotonic() > until:
                raise TimeoutError(f"not ready after {seconds} s: {self.log()}")
            time.sleep(POLL_S)

    def execute(self, *command: str) -> int:
        """Return the exit code of a command inside; over 125 it could not start."""
        return self._run("exec", self.id, *command).returncode

    def log(self) -> str:
        done = self._run("logs", self.id)
        return done.stdout + done.stderr

    def state(self) -> Any:
        return json.loads(self._run("inspect", self.id).stdout)[0]["State"]

    def stop(self, seconds: int) -> None:
        """Send SIGTERM, and SIGKILL after `seconds`, as ECS does."""
        self._run("stop", "--time", str(seconds), self.id)

    def processes(self) -> list[int]:
        """Return the container's process ids on this machine, its first one first."""
        return list(_family(self.state()["Pid"]))

    def age(self) -> float:
        """Return seconds since the container's first process was made."""
        fields = _fields(self.state()["Pid"])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / TICKS

    def cpu_seconds(self) -> float:
        """Return CPU seconds of its processes that live, in both modes."""
        spent = [_fields(process) for process in self.processes()]
        return sum(int(fields[11]) + int(fields[12]) for fields in spent) / TICKS

    def resident_mib(self) -> float:
        """Return resident memory, pages that processes share counted once."""
        found = [
            Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes()
        ]
        lines = [line.split() for text in found for line in text.splitlines()]
        return sum(int(words[1]) for words in lines if words[0] == "Pss:") / 1024

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return _run(self.engine, *words)


@contextmanager
def running(
    engine: Name,
    image: str,
    *,
    vcpu: float | None = None,
    memory_mib: int = 512,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = HARDENED,
    command: Sequence[str] = (),
) -> Iterator[Container]:
    """Run an image on a free port of loopback and remove the container afterwards.

    `vcpu` is a quota, none where it is None; `command` is instead of the image's own.
    Raises BakeError if it does not start.
    """
    port = _free_port()
    variables = {"PORT": str(port), "SERVER_HOST": "127.0.0.1", **(environment or {})}
    done = _run(
        engine, "run", "--detach", "--network=host", *options,
        *([] if vcpu is None else [f"--cpus={vcpu}"]), f"--memory={memory_mib}m",
        *[f"--env={name}={value}" for name, value in variables.items()], image, *command,
    )  # fmt: skip
    if done.returncode != 0:
        raise BakeError(f"{image}: does not start: {done.stderr.strip()}")
    container = Container(engine, done.stdout.strip(), port)
    try:
        yield container
    finally:
        _run(engine, "kill", container.id)
        _run(engine, "rm", "--force", container.id)


def _run(engine: Name, *words: str) -> subprocess.CompletedProcess[str]:
    command = [engine, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def _family(process: int) -> Iterator[int]:
    yield process
    children = Path(f"/proc/{process}/task/{process}/children").read_text()
    for child in children.split():
        yield from _family(int(child))


def _fields(process: int) -> list[str]:
    """Return what /proc says of a process after its name, which may hold spaces."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
