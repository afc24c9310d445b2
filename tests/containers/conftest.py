from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from containers.flask.door import Door
from containers.flask.engine import Engine, load_engine
from containers.flask.predictor import Predictor
from containers.flask.task import load_task
from manifest import Manifest, read_manifest
from tests.conftest import ManifestFactory
from tests.containers import echoing
from tests.containers.echoing import Open, Queue

TINY = Path(__file__).parent / "tiny"  # written by tiny_artifact.py
TINY_QA = Path(__file__).parent / "tiny_qa"  # the same, for question answering
TINY_OPENVINO = Path(__file__).parent / "tiny_openvino"  # the other engine


@pytest.fixture(scope="session")
def tiny_manifest() -> Manifest:
    return read_manifest(TINY / "manifest.json")


@pytest.fixture(scope="session")
def tiny_engine(tiny_manifest: Manifest) -> Engine:
    return load_engine(tiny_manifest, TINY, 2)


@pytest.fixture(scope="session")
def tiny_predictor(tiny_manifest: Manifest, tiny_engine: Engine) -> Predictor:
    task = load_task(tiny_manifest, TINY)
    return Predictor(task, tiny_engine, tiny_manifest.lengths)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    """A copy of the tiny artifact that a test may damage."""
    return shutil.copytree(TINY, tmp_path / "artifact")


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def open_door(make_manifest: ManifestFactory, queue: Queue) -> Open:
    return partial(echoing.open_door, make_manifest(max_batch=3), queue)


@pytest.fixture
def door(open_door: Open) -> Door:
    return open_door()
