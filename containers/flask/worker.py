"""gunicorn's threaded worker, closing the door in the right order."""

from __future__ import annotations

import select
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]


class DrainingWorker(ThreadWorker):  # type: ignore[misc]
    """On SIGTERM, takes in who already stands at the door, then closes it.

    gunicorn 27 only stops looking at its listening socket: until the worker ends, the
    kernel goes on accepting connections there, and resets them all at the end.
    """

    sockets: list[Any]  # gunicorn has no types

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        listeners = self.sockets
        self.sockets = []
        for listener in listeners:
            while select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()
