"""haproxy in front of servers that come and go, as a load balancer with draining.

Connections to both sides are kept. Where a server goes without answering, haproxy
answers 502 or hangs up on the client: either way the client says when it had asked.
"""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.server import ServerError, free_port

_CONFIG = """
global
  maxconn 4000
  stats socket {socket} level admin
defaults
  mode http
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
    _current: str = "two"

    def switch(self, port: int) -> None:
        """Send new requests to the server on `port`; those under way stay."""
        before = self._current
        self._current = "one" if before == "two" else "two"
        self._say(f"set server servers/{self._current} addr 127.0.0.1 port {port}")
        self._say(f"set server servers/{self._current} state ready")
        self._say(f"set server servers/{before} state drain")

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
            yield Balancer(port, admin)
        finally:
            process.kill()
            process.wait()
