"""The emulator: MiniStack in a process of its own, on loopback, gone with its parent.

python -m rehearsal.emulator --port 4566
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from rehearsal.account import ACCOUNT, REGION, Account, RehearsalError
from rehearsal.handlers import install

HOST = "127.0.0.1"


@contextmanager
def start_emulator(directory: Path, port: int = 0) -> Iterator[Account]:
    """Run an emulator whose files stay in `directory`; always kill it at the end.

    Port 0 is any free one. The emulator binds it before it says which it is, so
    nobody else can be answering there. Raises RehearsalError with the emulator's
    last words when it does not start.
    """
    log = directory / "emulator.log"
    command = [sys.executable, "-m", "rehearsal.emulator", "--port", str(port)]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--until-stdin-closes"],
            cwd=Path(__file__).parents[1],
            env={**_environment(directory), "PATH": os.environ.get("PATH", "")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        if not ready:
            process.wait()
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise RehearsalError(f"the emulator did not start: {' '.join(lines[-1:])}")
        yield Account(f"http://{HOST}:{json.loads(ready)['port']}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _environment(directory: Path) -> dict[str, str]:
    """Keep everything the emulator might write under `directory`."""
    state = {
        name: str(directory / name.lower()) for name in ("S3_DATA_DIR", "STATE_DIR")
    }
    return {
        **state,
        "BIND_HOST": HOST,
        "HOME": str(directory),
        "LOG_LEVEL": "WARNING",
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "TMPDIR": str(directory),
        # No daemon is to be found: tasks and builds are never run, here or anywhere.
        "DOCKER_HOST": "unix:///nonexistent",
    }


def main() -> None:
    """Serve until killed, or until the parent that holds our standard input is."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal.emulator",
        description="MiniStack on loopback, with the resource types Lathe adds to it.",
    )
    parser.add_argument("--port", type=int, default=4566, help="0 for any free port")
    parser.add_argument("--until-stdin-closes", action="store_true")
    options = parser.parse_args()
    try:
        listener = socket.create_server((HOST, options.port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"port {options.port}: {reason}", file=sys.stderr)
        raise SystemExit(2) from None
    port = listener.getsockname()[1]
    os.environ["BIND_HOST"], os.environ["GATEWAY_PORT"] = HOST, str(port)
    os.environ.setdefault("MINISTACK_ACCOUNT_ID", ACCOUNT)
    if options.until_stdin_closes:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
    # Whoever connects from now on waits in the queue while MiniStack is imported.
    print(json.dumps({"port": port}), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _serve(listener, _with_handlers())


def _exit_with_parent() -> None:
    """A parent killed by SIGKILL cannot kill us; its end of the pipe closes."""
    sys.stdin.buffer.read()
    os._exit(0)


def _with_handlers() -> Any:
    """Return MiniStack's app, with our handlers and a second door for their requests.

    A handler runs on the loop that serves the CLI, so it asks another loop, which
    shares all state. On worker threads instead, the CLI would find each stack still
    in progress and look again only after five seconds.
    """
    app: Any = import_module("ministack.app").app
    listener = socket.create_server((HOST, 0))
    install(Account(f"http://{HOST}:{listener.getsockname()[1]}"))
    threading.Thread(target=_serve, args=(listener, app, False), daemon=True).start()
    return app


def _serve(listener: socket.socket, app: Any, is_main: bool = True) -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if is_main or scope["type"] != "lifespan":
            await app(scope, receive, send)

    config: Any = import_module("hypercorn.config").Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.keep_alive_timeout = 75  # seconds: outlives the pause between two stacks
    config.loglevel = "WARNING"
    serve = import_module("hypercorn.asyncio").serve

    async def forever() -> None:
        await serve(answer, config, shutdown_trigger=asyncio.Event().wait)

    asyncio.run(forever())


if __name__ == "__main__":
    main()
