"""haproxy in front of servers that come and go, as a load balancer with draining.

Each request gets a connection of its own to a server, so the next may go to another
server at any time; and one whose server went is answered 502 and logged. On a kept
connection haproxy would hang up on the client instead, and log nothing.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.server import ServerError, free_port

_CONFIG = """
global
  maxconn 4000
  stats socket {socket} level admin
  log stdout format raw local0
defaults
  mode http
  log global
  option dontlog-normal
  option http-server-close
  log-format "%tr %ts"
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend door
  bind 127.0.0.1:{port}
  default_backend servers
backend servers
  server one 127.0.0.1:1 disabled
  server two 127.0.0.1:1 disabled
"""


@dataclass
class Balancer:
    """`port` is where clients ask; nothing is behind it before switch()."""

    port: int
    _socket: Path
    _log: Path
    _current: str = "two"

    def switch(self, port: int) -> None:
        """Send new requests to the server on `port`; those under way stay."""
        before = self._current
        self._current = "one" if before == "two" else "two"
        self._say(f"set server servers/{self._current} addr 127.0.0.1 port {port}")
        self._say(f"set server servers/{self._current} state ready")
        self._say(f"set server servers/{before} state drain")

    def broken_off(self) -> list[datetime]:
        """Return when each request began whose server went without answering it."""
        lines = (line.split() for line in self._log.read_text().splitlines())
        return [
            datetime.strptime(began, "%d/%b/%Y:%H:%M:%S.%f")
            for began, state in (line for line in lines if len(line) == 2)
            if state.startswith("S")  # the server, not the client nor time, ended it
        ]

    def _say(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX) as admin:
            admin.connect(str(self._socket))
            admin.sendall(f"{command}\n".encode())
            answer = b""
            while received := admin.recv(65536):
                answer += received
        return answer.decode()


@contextmanager
def balance() -> Iterator[Balancer]:
    """Run haproxy while the block lasts; raises ServerError if it does not start."""
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        admin = Path(directory) / "admin"
        config = Path(directory) / "haproxy.cfg"
        config.write_text(_CONFIG.format(socket=admin, port=port))
        log = Path(directory) / "log"
        command = ["haproxy", "-db", "-f", str(config)]
        try:
            with log.open("wb") as out:
                process = subprocess.Popen(command, stdout=out, stderr=out)
        except FileNotFoundError:
            raise ServerError("haproxy: not on PATH: apt-get install haproxy") from None
        try:
            deadline = time.monotonic() + 10
            while not admin.exists() and process.poll() is None:
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
            if not admin.exists():
                raise ServerError(f"haproxy did not start: {log.read_text()[-300:]}")
            yield Balancer(port, admin, log)
        finally:
            process.kill()
            process.wait()
