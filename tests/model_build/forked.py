"""Runs tests one set after the other, each in a fork of a process with TensorFlow.

To import it takes longer than most tests. A line of standard input is a request,
{"tests": [..], "seconds": s, "log": path}; the answer is a line with pytest's exit code,
or -1 where it took longer.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

TOO_LONG = -1
# Imported, not used: a process in which TensorFlow has computed must not fork.
WARM = (
    "ai_edge_quantizer.quantizer",
    "hypothesis",
    "scipy.special",
    "tensorflow_model_optimization",
    "tensorflow_text",
    "tokenizers",
)
# Who wants to read why a test fails runs it by itself.
PLAIN = ("-x", "-q", "--assert=plain", "-p", "no:cacheprovider", "-p", "pytest_timeout")


def main() -> None:
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for library in WARM:
        importlib.import_module(library)
    gc.freeze()  # what forks share, none of them need look through
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
        code = pytest.main([*PLAIN, *tests])
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
