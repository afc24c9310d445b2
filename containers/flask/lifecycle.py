"""One process from loading to ready to draining."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Literal

from containers.flask.app import Predictor
from containers.flask.artifact import StartError

State = Literal["loading", "ready", "draining"]

# What gunicorn's master takes as "stop, do not start this worker again".
WORKER_BOOT_ERROR = 3


class Lifecycle:
    """Loads the model beside the HTTP loop, so that health is answered meanwhile."""

    def __init__(self, name: str, load: Callable[[], Predictor]) -> None:
        self._name = name
        self._load = load
        self._draining: Callable[[], bool] = lambda: False
        self.predictor: Predictor | None = None

    @property
    def state(self) -> State:
        if self._draining():
            return "draining"
        return "loading" if self.predictor is None else "ready"

    def start(self, draining: Callable[[], bool]) -> None:
        """Load in a thread; a model that cannot be loaded ends the process."""
        self._draining = draining
        threading.Thread(target=self._run, name="load", daemon=True).start()

    def _run(self) -> None:
        started = time.perf_counter()
        try:
            self.predictor = self._load()
        except StartError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            os._exit(WORKER_BOOT_ERROR)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(WORKER_BOOT_ERROR)
        seconds = time.perf_counter() - started
        print(f"ready: {self._name}, loaded and warmed in {seconds:.2f} s", flush=True)
