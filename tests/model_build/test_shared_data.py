"""The data sources on the real sets that a user gets from the hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from model_build.cleaning import identity
from model_build.dataset import Data, read_dataset
from model_build.examples import Dataset, Example
from model_build.inputs import examples_of
from model_build.spec import read_spec

pytestmark = pytest.mark.shared

SPECS = Path(__file__).parents[2] / "model_build/specs"


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


def of_spec(name: str, shared_data: Path) -> Dataset:
    return examples_of(read_spec(SPECS / f"{name}.toml"), shared_data)


def said(examples: Sequence[Example]) -> set[str]:
    return {identity(example, "near") for example in examples}


def test_sst2_is_tested_on_the_whole_dev_split_and_learns_none_of_it(
    shared_data: Path,
) -> None:
    found = of_spec("sst2", shared_data)
    assert len(found.test) == 872
    assert len(found.train) > 50_000
    assert not said(found.test) & said((*found.train, *found.validation))
    # Judged by sentences like those of the test, though most of the table is phrases.
    assert len(found.validation) > 1_000
    words, tested = (
        np.mean([len(e.texts[0].split()) for e in split])
        for split in (found.validation, found.test)
    )
    assert words == pytest.approx(tested, rel=0.1)


def test_imdb_is_without_breaks_and_split_without_a_leak(shared_data: Path) -> None:
    found = of_spec("imdb", shared_data)
    assert len(found.test) > 1_000
    assert not [e for split in found.splits.values() for e in split if "<br" in str(e)]
    assert not said(found.test) & said((*found.train, *found.validation))


def test_squad_is_split_by_article_and_every_answer_is_where_it_is_said_to_be(
    shared_data: Path,
) -> None:
    found = of_spec("squad", shared_data)
    titles = [{e.group for e in split} for split in found.splits.values()]
    assert sum(map(len, titles)) == len(set.union(*titles)) == 36
    assert len(found.test) > 900
    for split in found.splits.values():
        for example in split:
            for answer in example.answers:
                end = answer.start + len(answer.text)
                assert example.texts[1][answer.start : end] == answer.text
