"""What gunicorn runs: the artifact in MODEL_DIR behind the HTTP application."""

from __future__ import annotations

import os
from pathlib import Path

from containers.flask.app import create_app
from containers.flask.artifact import MODEL, TOKENIZER
from containers.flask.cores import usable_cores
from containers.flask.lifecycle import Lifecycle
from containers.flask.litert import LiteRTEngine
from containers.flask.predictor import Classifier, read_tokenizer
from manifest import Manifest, read_manifest


def load(directory: Path, manifest: Manifest) -> Classifier:
    """Load and warm the artifact's model; raises StartError."""
    engine = LiteRTEngine(
        directory / MODEL,
        lengths=manifest.lengths,
        classes=len(manifest.labels),
        cores=usable_cores(),
    )
    return Classifier(
        read_tokenizer(directory / TOKENIZER),
        engine,
        labels=manifest.labels,
        lengths=manifest.lengths,
    )


directory = Path(os.environ["MODEL_DIR"])
manifest = read_manifest(directory / "manifest.json")
lifecycle = Lifecycle(
    f"{manifest.name} {manifest.version}", load=lambda: load(directory, manifest)
)
app = create_app(manifest, lifecycle)
app.extensions["lifecycle"] = lifecycle
