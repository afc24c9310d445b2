"""A way to the emulator that can be closed: what a worker sees while AWS is down."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from urllib.parse import urlsplit

from rehearsal.account import Account


class Outage:
    """Forwards connections on loopback; while it lasts, each is closed at once."""

    def __init__(self, account: Account) -> None:
        self._there = ("127.0.0.1", urlsplit(account.endpoint).port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.account = replace(account, endpoint=f"http://127.0.0.1:{port}")
        self.refused = 0
        self._is_down = threading.Event()

    def __enter__(self) -> Outage:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def begin(self) -> None:
        self._is_down.set()

    def end(self) -> None:
        self._is_down.clear()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                guest, _ = self._listener.accept()
                if self._is_down.is_set():
                    self.refused += 1
                    guest.close()
                    continue
                threading.Thread(
                    target=self._forward, args=(guest,), daemon=True
                ).start()

    def _forward(self, guest: socket.socket) -> None:
        with guest, socket.create_connection(self._there) as host, suppress(OSError):
            other = {guest: host, host: guest}
            while not self._is_down.is_set():
                for ready in select.select(list(other), [], [], 0.05)[0]:
                    if not (data := ready.recv(65536)):
                        return
                    other[ready].sendall(data)
