"""The four servers under measurement, and the settings that each peer may choose from."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.server import READY, litert_command
from bench.serving.offered import Dialect

Settings = Mapping[str, int]

OURS = "Lathe int8"
TEACHER = "transformers fp32, Flask"
ONNX = "ONNX Runtime int8, Flask"
BENTOML = "ONNX Runtime int8, BentoML"


@dataclass(frozen=True)
class Contender:
    """How one server is started and asked; `grid` is what its best is looked for in."""

    name: str
    command: tuple[str, ...]
    path: str
    dialect: Dialect
    answers: str  # whose unbatched answers its own must equal
    grid: tuple[Settings, ...] = ({},)
    ready_path: str = READY
    environment: Mapping[str, str] = field(default_factory=dict)

    def started_with(self, settings: Settings) -> list[str]:
        """Return the command with one of the grid's settings."""
        words = [
            word
            for name, value in settings.items()
            if not name.isupper()
            for word in (f"--{name}", str(value))
        ]
        return [*self.command, *words]

    def environment_with(self, settings: Settings) -> Mapping[str, str]:
        """Return the environment: settings in capitals are variables of it."""
        variables = {n: str(value) for n, value in settings.items() if n.isupper()}
        return {**self.environment, **variables}


# Two cores: two processes of one thread each, or one whose engine has two. gunicorn's
# threads let a worker read the next request while the engine computes. BentoML refuses
# what it expects to wait longer than max-wait-ms, and learns what to expect as it runs.
# Ours refuses what it expects to wait longer than MAX_WAIT_MS, by what it measures.
_OURS = ({"MAX_WAIT_MS": 50}, {"MAX_WAIT_MS": 75})
_FLASK = (
    {"workers": 1, "threads": 1, "engine-threads": 2},
    {"workers": 1, "threads": 4, "engine-threads": 1},
    {"workers": 2, "threads": 1, "engine-threads": 1},
    {"workers": 2, "threads": 4, "engine-threads": 1},
)
_BENTOML = (
    {"workers": 1, "engine-threads": 1, "max-batch": 32, "max-wait-ms": 1000},
    {"workers": 2, "engine-threads": 1, "max-batch": 32, "max-wait-ms": 100},
    {"workers": 2, "engine-threads": 1, "max-batch": 4, "max-wait-ms": 1000},
    {"workers": 2, "engine-threads": 1, "max-batch": 32, "max-wait-ms": 1000},
)


def contenders(
    artifact: Path, name: str, built: Path, *, peers_python: Path
) -> tuple[Contender, ...]:
    """Return ours and the peers; `built` holds what peers.export wrote."""

    def peer(server: str, model: str) -> tuple[str, ...]:
        command = (str(peers_python), "-m", "bench.serving.peers", server)
        return (*command, "--artifact", str(artifact), "--model", str(built / model))

    ours = litert_command(artifact, python=Path(sys.executable))
    return (
        Contender(
            OURS,
            tuple(ours),
            f"/v1/models/{name}:predict",
            "predict",
            "artifact",
            grid=_OURS,
            environment={"CACHE_MIB": "0"},  # the engine is measured, not memory
        ),
        Contender(
            TEACHER,
            peer("flask", "teacher"),
            "/predict",
            "predict",
            "teacher",
            grid=_FLASK,
        ),
        Contender(
            ONNX,
            peer("flask", "student-int8.onnx"),
            "/predict",
            "predict",
            "int8",
            grid=_FLASK,
        ),
        Contender(
            BENTOML,
            peer("bentoml", "student-int8.onnx"),
            "/predict",
            "texts",
            "int8",
            grid=_BENTOML,
            ready_path="/readyz",
        ),
    )
