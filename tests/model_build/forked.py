"""Runs tests one set after the other, each in a fork of a process with TensorFlow.

To import TensorFlow takes longer than most tests. A line of standard input is a request,
{"tests": [..], "seconds": s, "log": path}; the answer is a line with pytest's exit code,
or -1 where it took longer.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

TOO_LONG = -1


def main() -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow  # noqa: F401  # nothing is computed here: only then may one fork
    import tensorflow_model_optimization  # noqa: F401

    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if not child:
            _test(asked["tests"], Path(asked["log"]))
        print(_exit_code(child, asked["seconds"]), flush=True)


def _test(tests: Sequence[str], log: Path) -> None:
    with log.open("w") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
        code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
        sys.stdout.flush()
    os._exit(int(code))


def _exit_code(child: int, seconds: float) -> int:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG


if __name__ == "__main__":
    main()
