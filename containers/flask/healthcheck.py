"""Asks this container's own server whether it is ready: exit code 0, or 1.

A container without a shell has nothing else to ask with. Started every few seconds on
a fraction of a core, so it imports as little as it can: with -IS it takes no longer than
the interpreter itself.
"""

from __future__ import annotations

import os
import socket
import sys

PATH = "/v2/health/ready"
SECONDS = 2.0  # under the 3 s after which the engine gives up


def ready(port: int) -> bool:
    """Return whether the server answers 200 in time."""
    request = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            connection.sendall(request.encode())
            return connection.makefile("rb").readline().split()[1:2] == [b"200"]
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not ready(int(os.environ.get("PORT", "8080"))))
