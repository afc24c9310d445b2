"""What gunicorn runs: the artifact in MODEL_DIR behind the HTTP application."""

from __future__ import annotations

import os
from pathlib import Path

from containers.flask.app import create_app
from containers.flask.artifact import TOKENIZER
from containers.flask.cores import usable_cores
from containers.flask.engine import load_engine
from containers.flask.lifecycle import Lifecycle
from containers.flask.predictor import Classifier, read_tokenizer
from manifest import Manifest, read_manifest


def load(directory: Path, manifest: Manifest) -> Classifier:
    """Load and warm the artifact's model; raises StartError."""
    return Classifier(
        read_tokenizer(directory / manifest.engine / TOKENIZER),
        load_engine(manifest, directory, usable_cores()),
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
