"""What a peer is started with; it travels in the environment to the server's workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from bench.serving.peers.classifiers import (
    Classifier,
    onnx_classifier,
    torch_classifier,
)
from manifest import read_manifest

_VARIABLE = "PEER_SETTINGS"


@dataclass(frozen=True)
class Settings:
    artifact: str  # for labels, lengths and the tokenizer
    model: str  # the directory teacher, or student-int8.onnx
    engine_threads: int
    workers: int = 1
    max_batch: int = 1  # texts that the server may join
    max_wait_ms: int = 0  # for others to join

    def environment(self) -> Mapping[str, str]:
        return {_VARIABLE: msgspec.json.encode(asdict(self)).decode()}


def read_settings() -> Settings:
    return msgspec.json.decode(os.environ[_VARIABLE].encode(), type=Settings)


def load(settings: Settings) -> Classifier:
    artifact, model = Path(settings.artifact), Path(settings.model)
    manifest = read_manifest(artifact / "manifest.json")
    make = torch_classifier if model.is_dir() else onnx_classifier
    return make(
        model,
        artifact / manifest.folder("flask") / "tokenizer.json",
        labels=manifest.labels,
        longest=manifest.lengths[-1],
        threads=settings.engine_threads,
    )
