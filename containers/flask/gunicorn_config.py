"""One worker process: one event loop, one engine, one thread a core."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from containers.flask import cache, settings
from containers.flask.artifact import StartError, open_artifact
from containers.flask.log import announce, logging_config
from containers.flask.port import check_free

bind = f"{os.environ.get('SERVER_HOST', '127.0.0.1')}:{os.environ.get('PORT', '8080')}"
workers = 1
worker_class = "containers.flask.worker.LoopWorker"
preload_app = False  # threads do not survive a fork: the model is loaded after it
max_requests = 0  # recycling a worker drops requests
timeout = 60
graceful_timeout = 25  # under the 30 s that ECS waits after SIGTERM
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
control_socket_disable = True
logconfig_dict = logging_config()
# One message is tokenized in 40 us; a thread pool would only cost.
raw_env = ["TOKENIZERS_PARALLELISM=false"]
_STOP = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT}


def on_starting(server: Any) -> None:
    """Refuse in the master, once, what no worker could serve."""
    try:
        if not (directory := os.environ.get("MODEL_DIR")):
            raise StartError("MODEL_DIR: not set; it names an artifact directory")
        open_artifact(Path(directory))
        settings.read_settings(os.environ)
        cache.read_settings(os.environ)
        check_free(*server.cfg.address[0])
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def post_fork(server: Any, worker: Any) -> None:
    """End a worker that was told to stop before it could hear it.

    A new process has the master's handlers, which only note the signal; the master
    says it once, and would wait for the whole of graceful_timeout.
    """
    worker.init_signals()
    while not server.SIG_QUEUE.empty():
        if server.SIG_QUEUE.get_nowait() in _STOP:
            sys.exit(0)


def when_ready(server: Any) -> None:
    announce("listening", url=f"http://{server.cfg.bind[0]}")
