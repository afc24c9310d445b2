"""How long one pass will train, and what memory it will take."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from model_build import sizes
from model_build.load import Load, mean_flops
from model_build.machine import Machine
from model_build.model import EncoderShape
from model_build.passes import PassSettings
from model_build.passes.base import Schedule, Taught

BACKWARD = 2  # times the operations of the way forward


@dataclass(frozen=True)
class Training:
    """What one pass has to do."""

    settings: PassSettings
    given: EncoderShape
    own: EncoderShape
    baseline: EncoderShape | None  # None for the pass that makes it

    @property
    def teacher(self) -> EncoderShape | None:
        """The model that is asked at every step."""
        if not isinstance(self.settings, Taught) or self.baseline is None:
            return None
        return self.given if self.settings.name == "distill" else self.baseline

    def minutes(self, load: Load, machine: Machine) -> float | None:
        """None where the size of the data is not known."""
        schedule = self.settings
        if not isinstance(schedule, Schedule):
            return 0.0
        if load.train is None:
            return None
        texts = {"labelled": load.train, "unlabelled": load.unlabelled}
        texts["both"] = load.train + load.unlabelled
        learnt = texts[getattr(schedule, "examples", "labelled")]
        rows = math.ceil(learnt * load.rows_of_example)
        steps = max(1, round(schedule.epochs * math.ceil(rows / schedule.batch_size)))
        padded = _batched(load.lengths, schedule.batch_size)
        each = (1 + BACKWARD) * mean_flops(self.own, padded)
        if self.teacher:
            each += mean_flops(self.teacher, padded)
        flops = each * min(schedule.batch_size, rows) * steps
        return machine.training_seconds(steps, flops) / 60

    def mib(self, longest: int, machine: Machine) -> float | None:
        """A batch of the longest rows; the model given and its copy; AdamW's moments."""
        if not isinstance(self.settings, Schedule):
            return None
        weights = sizes.parameters(self.given) + sizes.parameters(self.own)
        whole = getattr(self.settings, "train_embeddings", False)
        weights += 3 * (sizes.parameters if whole else sizes.trainable)(self.own)
        if self.teacher:
            weights += 2 * sizes.parameters(self.teacher)
        kept = self.settings.batch_size * sizes.activations(self.own, longest)
        return machine.training_mib(4 * weights, kept)


def _batched(lengths: np.ndarray, size: int) -> np.ndarray:
    """The length that each row is padded to in a batch of rows of its length."""
    ordered = np.sort(lengths)
    last = np.minimum(np.arange(len(ordered)) // size * size + size, len(ordered)) - 1
    return np.asarray(-(-ordered[last] // 8) * 8)
