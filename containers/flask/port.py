"""Whether an address can be listened on."""

from __future__ import annotations

import socket

from containers.flask.artifact import StartError


def check_free(host: str, port: int) -> None:
    """Raise StartError if the port is taken: gunicorn would try for 5 s, then trace."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            raise StartError(f"{host}:{port}: {error.strerror}") from error
