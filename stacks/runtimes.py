"""What a task must know about the server in its image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from manifest import Runtime


@dataclass(frozen=True)
class Server:
    """As its Dockerfile has it: tests/stacks/test_image.py holds the two together."""

    port: int
    health: str  # a path that answers 200 once requests can be answered
    stop_seconds: int  # to answer what was accepted, once told to stop
    tmp_mib: int  # the one place to write; taken from the task's memory
    user: str = "10001:10001"  # said in the task too, so that no image can be root

    def ready_path(self, model: str) -> str:
        return self.health.replace("MODEL", model)


SERVERS: Mapping[Runtime, Server] = {
    # The server gives up after 25 s; gunicorn keeps a heartbeat file a worker in /tmp.
    "flask": Server(port=8080, health="/v2/health/ready", stop_seconds=60, tmp_mib=16),
    "tf_serving": Server(
        port=8501, health="/v1/models/MODEL", stop_seconds=60, tmp_mib=16
    ),
}
