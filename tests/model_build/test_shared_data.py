"""The data sources on the real sets that a user gets from the hub."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_build.dataset import Data, read_dataset

pytestmark = pytest.mark.shared


@pytest.mark.parametrize(
    ("name", "text", "labels", "kept"),
    [
        ("sst2.dev.jsonl.gz", "sentence", ("0", "1"), 872),
        ("imdb.train.jsonl.gz", "text", ("0", "1"), 3997),
        ("ag_news.train_sample.jsonl.gz", "text", ("0", "1", "2", "3"), 9991),
    ],
)
def test_reads_and_splits_a_real_set(
    shared_data: Path, name: str, text: str, labels: tuple[str, ...], kept: int
) -> None:
    data = Data(source=f"file:{name}", text=text)
    dataset = read_dataset(data, labels, lambda table: shared_data / name)
    sizes = [len(s) for s in (dataset.train, dataset.validation, dataset.test)]
    assert 0.95 * kept <= sum(sizes) <= kept
    assert 0.06 <= sizes[2] / sum(sizes) <= 0.14
