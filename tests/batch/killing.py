"""How a process that may be killed at any moment comes to its end."""

from __future__ import annotations

import signal
from multiprocessing.context import ForkServerProcess


def ended(child: ForkServerProcess, timeout: float | None = None) -> bool:
    """Return whether it came to its end; it is killed after the timeout."""
    child.join(timeout)
    if child.exitcode is None:
        child.kill()
        child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode == 0
