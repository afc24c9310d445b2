"""What a training keeps on disk: where it is, for a kill; and the best of its epochs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import tensorflow as tf
import tf_keras as keras
from safetensors import safe_open
from safetensors.numpy import save_file

from model_build.passes.base import Schedule
from model_build.progress import Progress


def start_digest(encoder: keras.Model, schedule: Schedule) -> str:
    """SHA-256 of what a training starts from and is asked to do.

    A pass may train several times; none goes on with what another has kept.
    """
    digest = hashlib.sha256(msgspec.json.encode(schedule))
    for variable in encoder.variables:
        digest.update(variable.name.encode())
        digest.update(np.ascontiguousarray(variable.numpy()).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Kept:
    """A model and its optimizer between two epochs, on disk: whole, or not there."""

    path: Path
    encoder: keras.Model
    optimizer: keras.optimizers.Optimizer

    def save(self, step: int) -> None:
        _save(self.path, dict(self._variables()), {"step": str(step)})

    def restore(self) -> int:
        """Take up what was saved, if anything was; return the steps it has done."""
        if not self.path.is_file():
            return 0
        return int(_restore(self.path, dict(self._variables()))["step"])

    def _variables(self) -> Iterator[tuple[str, tf.Variable]]:
        for index, variable in enumerate(self.encoder.variables):
            yield f"model/{index}", variable
        for index, variable in enumerate(self.optimizer.variables):
            yield f"optimizer/{index}", variable


@dataclass(frozen=True)
class BestEpoch:
    """The epoch after which `measure` was highest, the earliest of equals.

    Early stopping (Prechelt, 1998, https://doi.org/10.1007/3-540-49430-8_3): training
    ends when `patience` epochs in a row were no better.
    """

    path: Path
    encoder: keras.Model
    measure: Callable[[], float]
    patience: int
    progress: Progress

    def after_epoch(self, epoch: int) -> bool:
        """Judge the epoch that has just ended; return whether training is to end."""
        value, (best, highest) = self.measure(), self._best()
        self.progress.say(f"  epoch {epoch}: {value:.4f} on validation")
        if value > highest:
            about = {"epoch": str(epoch), "value": repr(value)}
            _save(self.path, self._variables(), about)
            return False
        return epoch - best >= self.patience

    def restore(self) -> None:
        """Give the encoder the best epoch's weights, and say which that was."""
        best, highest = self._best()
        _restore(self.path, self._variables())
        self.progress.say(f"  kept epoch {best}: {highest:.4f} on validation")

    def _best(self) -> tuple[int, float]:
        if not self.path.is_file():
            return 0, float("-inf")
        with safe_open(self.path, framework="numpy") as file:
            about = file.metadata()
        return int(about["epoch"]), float(about["value"])

    def _variables(self) -> dict[str, tf.Variable]:
        return {str(i): each for i, each in enumerate(self.encoder.variables)}


def _save(
    path: Path, variables: Mapping[str, tf.Variable], about: dict[str, str]
) -> None:
    arrays = {name: np.asarray(each.numpy()) for name, each in variables.items()}
    partial = path.with_suffix(".partial")
    save_file(arrays, partial, metadata=about)
    os.replace(partial, path)


def _restore(path: Path, variables: Mapping[str, tf.Variable]) -> Mapping[str, str]:
    with safe_open(path, framework="numpy") as file:
        for name, variable in variables.items():
            variable.assign(file.get_tensor(name))
        about: dict[str, str] = file.metadata()
    return about
