"""What gunicorn runs: an artifact behind the door, wired up."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from containers.flask import cache, emf, settings
from containers.flask.app import create_app
from containers.flask.batching import Batcher
from containers.flask.cores import usable_cores
from containers.flask.door import Door, Limits
from containers.flask.engine import Engine, load_engine
from containers.flask.job import Model
from containers.flask.lifecycle import Lifecycle
from containers.flask.log import RequestLog, event
from containers.flask.metrics import Metrics
from containers.flask.service import Service
from containers.flask.task import load_task
from manifest import Manifest, read_manifest

Load = Callable[[Manifest, Path, int], Engine]


def create(load: Load = load_engine) -> Flask:
    """Return the application of the artifact in MODEL_DIR, not loaded yet.

    Its extensions are what a worker needs: "door" and "lifecycle".
    """
    directory = Path(os.environ["MODEL_DIR"])
    manifest = read_manifest(directory / "manifest.json")
    chosen = settings.read_settings(os.environ)
    metrics = Metrics({"model": manifest.name, "model_version": manifest.version})
    answers = cache.open_cache(
        manifest,
        cache.read_settings(os.environ),
        valid=_is_answer,
        report=lambda line: event("warning", line),
    )

    def load_model(loop: asyncio.AbstractEventLoop) -> Model:
        batcher = Batcher(
            load(manifest, directory, usable_cores()),
            lengths=manifest.lengths,
            threads=usable_cores(),
            call_soon=loop.call_soon_threadsafe,
            observe=metrics.batch,
        )
        metrics.watch(
            queue_length=lambda: batcher.queued_rows,
            estimated_wait=lambda: batcher.wait_seconds,
        )
        return Model(load_task(manifest, directory), batcher)

    lifecycle = Lifecycle(load_model, manifest.image_tag, beside=[answers])
    app = create_app(
        manifest,
        state=lambda: lifecycle.state,
        metrics=metrics,
        max_body_bytes=chosen.max_body_bytes,
    )
    service = Service(
        manifest,
        lifecycle,
        app,
        cache=answers,
        metrics=metrics,
        log=RequestLog(chosen.log_requests),
        max_wait_seconds=chosen.max_wait_ms / 1000,
    )
    open_files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits = Limits(
        body_bytes=chosen.max_body_bytes,
        connections=min(Limits.connections, max(16, open_files - 64)),
    )
    door = Door(service, limits)
    metrics.watch(
        in_flight=lambda: door.in_flight,
        cache_bytes=lambda: answers.size_bytes,
        cache_entries=lambda: answers.entries,
        ready=lambda: lifecycle.state == "ready",
    )
    app.extensions["lifecycle"] = lifecycle
    app.extensions["door"] = door
    app.extensions["report"] = lambda: emf.start(metrics, os.environ)
    return app


def _is_answer(value: bytes) -> bool:
    """Whether what another process put into the shared cache may be an answer."""
    try:
        return isinstance(json.loads(value), dict)
    except ValueError:
        return False
