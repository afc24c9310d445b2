"""What every pass is: settings in, one model in, another model out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Protocol

import msgspec
from msgspec import Meta

if TYPE_CHECKING:  # settings are read where there is no TensorFlow
    from model_build.examples import Example
    from model_build.model import EncoderShape, Model
    from model_build.progress import Progress
    from model_build.tasks import Task
    from model_build.tokens import Tokens


class PlanError(ValueError):
    """A pass that cannot do what its spec asks of it to the model it would be given."""


class Settings(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="name",
):
    """A pass's own table in the spec; unknown keys are refused."""

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)


class Schedule(Settings, frozen=True, kw_only=True):
    """How long and how fast a pass trains.

    The learning rate rises over the warm-up, then falls to 0 in a line.
    """

    epochs: Annotated[float, Meta(gt=0, le=100)] = 1.0  # a share of one is allowed
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 32
    learning_rate: Annotated[float, Meta(gt=0, lt=1)] = 1e-4
    warmup_share: Annotated[float, Meta(ge=0, lt=1)] = 0.1
    # A few thousand texts teach 30,000 token vectors nothing; 67,000 do.
    train_embeddings: bool = False


class Taught(Schedule, frozen=True, kw_only=True):
    """A pass that trains on its teacher's answers beside the labels."""

    temperature: Annotated[float, Meta(gt=0, le=100)] = 2.0  # softens the answers
    alpha: Annotated[float, Meta(ge=0, le=1)] = 0.7  # of the teacher; rest: labels


@dataclass(frozen=True)
class Workbench:
    """What a pass may use beside the model it is given."""

    task: Task
    train: Sequence[Example]
    validation: Sequence[Example]
    unlabelled: Sequence[Example]
    length: int  # tokens: the longest row that will be served
    variants: Callable[[str], Model]  # what passes before have made, by name
    baseline: str  # the variant that teaches
    kept: Path  # a directory that outlives a build that is killed
    seed: int
    progress: Progress

    def teacher(self) -> Model:
        return self.variants(self.baseline)

    def tokens(self, model: Model, examples: Sequence[Example]) -> Tokens:
        """Return examples as `model` reads them."""
        return self.task.encode(examples, model.tokenizer, self.length)


class Pass(Protocol):
    """Settings that can be applied; the model given is never changed."""

    @property
    def name(self) -> str: ...

    def planned(self, shape: EncoderShape) -> EncoderShape:
        """Return the shape that it will make, as far as it is known before training.

        Raises PlanError that says why it cannot be applied: no training starts then.
        """
        ...

    def apply(self, model: Model, bench: Workbench) -> Model: ...
