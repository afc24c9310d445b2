"""One process from loading to ready to draining."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from containers.flask.artifact import StartError
from containers.flask.job import Model
from containers.flask.log import event

State = Literal["loading", "ready", "draining"]

# What gunicorn's master takes as "stop, do not start this worker again".
WORKER_BOOT_ERROR = 3


class Beside(Protocol):
    """What runs as long as the model does."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class Lifecycle:
    """Loads the model beside the loop, so that health is answered meanwhile."""

    def __init__(
        self,
        load: Callable[[asyncio.AbstractEventLoop], Model],
        name: str,
        *,
        beside: Sequence[Beside] = (),
    ) -> None:
        self._load = load
        self._name = name
        self._beside = beside
        self._is_draining = False
        self.model: Model | None = None

    @property
    def state(self) -> State:
        if self._is_draining:
            return "draining"
        return "loading" if self.model is None else "ready"

    async def start(self) -> None:
        """Load in a thread; a model that cannot be loaded ends the process."""
        loop = asyncio.get_running_loop()
        threading.Thread(
            target=self._run, args=(loop,), name="load", daemon=True
        ).start()
        for part in self._beside:
            await part.start()

    def drain(self) -> None:
        """Say at once that no more requests should be sent here."""
        self._is_draining = True

    async def close(self) -> None:
        """End what start began, once nothing is under way."""
        for part in self._beside:
            await part.close()
        if self.model is not None:
            self.model.batcher.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        started = time.perf_counter()
        try:
            self.model = self._load(loop)
        except StartError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
            os._exit(WORKER_BOOT_ERROR)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(WORKER_BOOT_ERROR)
        gc.freeze()  # what was loaded stays: no collection need look at it again
        seconds = round(time.perf_counter() - started, 2)
        event("info", "ready", model=self._name, load_seconds=seconds)
