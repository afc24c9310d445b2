"""A server in processes of its own, started for a measurement.

Standard library only: whoever measures need not have what the server has installed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

ROOT = Path(__file__).parents[1]
# What is measured is the model: no answer is remembered, and none refused for a queue
# that a closed loop of connections bounds by itself.
PLAIN = {"CACHE_MIB": "0", "MAX_WAIT_MS": "60000"}
READY = "/v2/health/ready"


class ServerError(Exception):
    """A server that did not start, or ended by itself; with its last words."""


@dataclass(frozen=True)
class Server:
    """A running server and what it took to get ready."""

    process: subprocess.Popen[bytes]
    port: int
    ready_seconds: float  # from process start to the first 200 on the ready path

    def memory_mib(self) -> float:
        """Return the peak resident memory of the process tree, in MiB.

        The sum of each process's VmHWM, which the kernel keeps: no peak is missed.
        Pages that processes share count once for each, so this is an upper bound.
        """
        return sum(_status_kib(pid, "VmHWM") for pid in self._pids()) / 1024

    def resident_mib(self) -> float:
        """Return the resident memory of the process tree now, in MiB."""
        return sum(_status_kib(pid, "VmRSS") for pid in self._pids()) / 1024

    def workers(self) -> set[int]:
        """Return the processes that gunicorn's master has started."""
        return set(self._pids()) - {self.process.pid}

    def cpu_seconds(self) -> float:
        """Return the user and system time of the process tree so far."""
        return sum(_ticks(pid) for pid in self._pids()) / os.sysconf("SC_CLK_TCK")

    def _pids(self) -> Iterator[int]:
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):  # a thread that ended since it was listed
                    waiting += map(int, children.read_text().split())


def litert_command(artifact: Path, *, python: Path) -> list[str]:
    """Return the command that `make serve` runs; serve() adds the port."""
    return [str(python), "-m", "containers.flask", "--model", str(artifact.resolve())]


def become(app: str, artifact: Path, port: int | str, **variables: str) -> NoReturn:
    """Turn this process into the light server around an `app` of our own.

    `app` is what gunicorn loads, "module:call()"; `variables` are of its environment.
    """
    environment = {
        **os.environ,
        "MODEL_DIR": str(artifact.resolve()),
        "PORT": str(port),
        **variables,
    }
    command = ["-m", "gunicorn", "-c", "containers/flask/gunicorn_config.py", app]
    os.chdir(ROOT)  # -m and gunicorn both import from the working directory
    os.execve(sys.executable, [sys.executable, *command], environment)


@contextmanager
def serve(
    command: Sequence[str],
    *,
    cores: Sequence[int] | None = None,
    environment: Mapping[str, str] | None = None,
    timeout_s: float = 60,
    ready_path: str = READY,
) -> Iterator[Server]:
    """Run a server on a free loopback port while the block lasts, once it is ready.

    `command` gets `--port N` appended; `cores` are the ids of the cores that the
    server may use, all by default. Raises ServerError, with the server's last log
    lines, if it ends or is not ready in time.
    """
    port = free_port()
    variables = {**os.environ, **(environment or {})}
    if cores is not None:
        variables["SERVER_VCPU"] = str(len(cores))
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            if cores is not None:
                os.sched_setaffinity(process.pid, cores)
            _wait_until_ready(
                process,
                f"http://127.0.0.1:{port}{ready_path}",
                started + timeout_s,
                log,
            )
            yield Server(process, port, time.perf_counter() - started)
        finally:
            _stop(process)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_ready(
    process: subprocess.Popen[bytes], url: str, deadline: float, log: IO[bytes]
) -> None:
    while time.perf_counter() < deadline:
        if (code := process.poll()) is not None:
            raise ServerError(f"server ended with {code}: {_last_lines(log)}")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
        else:
            return
    raise ServerError(f"server not ready in time: {_last_lines(log)}")


def _last_lines(log: IO[bytes], count: int = 10) -> str:
    log.seek(0)
    return "\n".join(log.read().decode(errors="replace").splitlines()[-count:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _status_kib(pid: int, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it ended since it was listed
        return 0
    return next((int(x.split()[1]) for x in lines if x.startswith(f"{field}:")), 0)


def _ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:  # it ended since it was listed
        return 0
    user, system = stat.rpartition(")")[2].split()[11:13]
    return int(user) + int(system)
