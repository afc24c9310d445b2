"""The same model behind BentoML: requests that meet are joined by its adaptive batching."""

from __future__ import annotations

import bentoml

from bench.serving.peers.settings import load, read_settings

_settings = read_settings()


@bentoml.service(
    workers=_settings.workers, traffic={"timeout": 30, "max_concurrency": 4096}
)
class Sentiment:
    def __init__(self) -> None:
        self._classify = load(_settings)
        self._classify(["warm up", "a somewhat longer message, to warm up once more"])

    @bentoml.api(
        batchable=True,
        max_batch_size=_settings.max_batch,
        max_latency_ms=_settings.max_wait_ms,
    )
    def predict(self, texts: list[str]) -> list[str]:
        return [label for label, _ in self._classify(texts)]
