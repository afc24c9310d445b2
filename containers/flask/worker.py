"""gunicorn's worker: one event loop, and no one lost at the end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Sequence
from functools import partial

import uvloop
from gunicorn.workers.base import Worker

from containers.flask import log
from containers.flask.connection import Connection
from containers.flask.door import Door
from containers.flask.lifecycle import Lifecycle
from containers.flask.listener import let_in, shut_out, take_in

BACKLOG = 2048  # connections that the kernel holds while the loop is busy
KNOCK_S = 0.05  # for those who stand at the door: several round trips
LINGER_S = 1.0  # for a request that is on its way on a kept connection


class LoopWorker(Worker):  # type: ignore[misc]
    """Serves the application's door until SIGTERM, then answers what was accepted.

    The application says how: its `extensions["door"]`, and `extensions["lifecycle"]`
    which is started and stopped here.
    """

    def init_signals(self) -> None:
        """Leave signals to the loop; a Python handler would wait for its next turn."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGUSR1, self.log.reopen_files)
        door: Door = self.wsgi.extensions["door"]
        lifecycle: Lifecycle = self.wsgi.extensions["lifecycle"]
        servers = [
            await loop.create_server(
                partial(Connection, door), sock=listener.sock, backlog=BACKLOG
            )
            for listener in self.sockets
        ]
        beat = loop.create_task(self._beat(door, stop))
        end_report = self.wsgi.extensions["report"]()
        await lifecycle.start()
        await stop.wait()
        self.alive = False
        await drain(
            door,
            lifecycle,
            [listener.sock for listener in self.sockets],
            servers,
            deadline=time.monotonic() + self.cfg.graceful_timeout - 1,
        )
        end_report()
        await asyncio.to_thread(log.flush)
        beat.cancel()

    async def _beat(self, door: Door, stop: asyncio.Event) -> None:
        """Tell the master that the loop turns; stop if there is no master any more."""
        while True:
            self.notify()
            door.tick()
            if os.getppid() != self.ppid:
                stop.set()
            await asyncio.sleep(1)


async def drain(
    door: Door,
    lifecycle: Lifecycle,
    listeners: Sequence[socket.socket],
    servers: Sequence[asyncio.Server],
    *,
    deadline: float,
) -> None:
    """Answer whoever came in before this, and nobody else, by time.monotonic().

    The loop may lag, and runs its timers before it looks at what has arrived: so
    nothing is closed because time has passed, only because nothing is there.
    """
    loop = asyncio.get_running_loop()
    lifecycle.drain()
    door.drain()
    for listener in listeners:
        shut_out(listener)
    await asyncio.sleep(KNOCK_S)
    for listener in listeners:
        for guest in take_in(listener):
            await loop.connect_accepted_socket(partial(Connection, door), guest)
        let_in(listener)  # shared: after a SIGHUP, another worker goes on
    for server in servers:
        server.close()
    patience = time.monotonic() + LINGER_S
    while door.connections and (now := time.monotonic()) < deadline:
        if now > patience:
            door.close_idle()
        await asyncio.sleep(0.01)
    await lifecycle.close()
    await asyncio.sleep(0)  # what was written is with the kernel
