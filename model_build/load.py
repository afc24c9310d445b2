"""How long the texts are that a model is trained on and asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_build import sizes
from model_build.examples import Dataset
from model_build.inputs import check_texts, examples_of
from model_build.model import TOKENIZER_FILE, EncoderShape
from model_build.sources import UnreachableError
from model_build.spec import Spec
from model_build.tasks import Task

SAMPLE = 2_000  # training examples whose lengths stand for all


@dataclass(frozen=True)
class Load:
    """What is trained on and asked for: the lengths of a sample's rows, in tokens."""

    lengths: np.ndarray  # int [rows]
    examples: int  # that these rows are of
    train: int | None  # examples; None where the data was not read
    test: int | None
    unlabelled: int
    source: str  # where the lengths are from

    @property
    def rows_of_example(self) -> float:
        return len(self.lengths) / self.examples


def read_load(spec: Spec, data_dir: Path | None, task: Task, checkpoint: Path) -> Load:
    """The lengths of the data's rows; the serving lengths where no hub answers."""
    try:
        dataset = examples_of(spec, data_dir)
    except UnreachableError as error:
        lengths = np.array(spec.serving.lengths)
        source = f"the serving lengths, each as often: {error}"
        return Load(lengths, len(lengths), None, None, 0, source)
    check_texts(spec, dataset, task, checkpoint)
    tokenizer = (checkpoint / TOKENIZER_FILE).read_text(encoding="utf-8")
    return load_of(dataset, task, tokenizer, max(spec.serving.lengths))


def load_of(dataset: Dataset, task: Task, tokenizer: str, longest: int) -> Load:
    """The lengths of a sample of the training examples, cut at `longest`."""
    sample = dataset.train[:SAMPLE]
    lengths = task.encode(sample, tokenizer, longest).lengths
    counts = len(dataset.train), len(dataset.test), len(dataset.unlabelled)
    return Load(lengths, len(sample), *counts, f"{len(sample)} training examples")


def served_flops(shape: EncoderShape, lengths: Sequence[int], load: Load) -> float:
    """Operations for a request: each row is padded to the next served length."""
    served = np.array(lengths)[np.searchsorted(lengths, load.lengths)]
    return mean_flops(shape, served) * load.rows_of_example


def mean_flops(shape: EncoderShape, lengths: np.ndarray) -> float:
    """Operations for a row, on average over rows of these lengths, int [rows]."""
    each, count = np.unique(lengths, return_counts=True)
    flops = [sizes.row_flops(shape, int(length)) for length in each]
    return float(np.dot(flops, count) / len(lengths))
