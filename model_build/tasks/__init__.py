"""The tasks a spec may name: what is asked, learnt, answered and scored."""

from __future__ import annotations

from collections.abc import Sequence

from model_build.cleaning import Side
from model_build.tasks.base import Judged, Task
from model_build.tasks.classification import Classification
from model_build.tasks.question_answering import QuestionAnswering

__all__ = ["Judged", "Task", "task_of"]


def task_of(
    name: str, labels: Sequence[str], inputs: Sequence[str], truncate: Side = "end"
) -> Task:
    """Return a spec's task; `inputs` are the fields its texts are read from."""
    if name == "question-answering":
        return QuestionAnswering()
    return Classification(tuple(labels), len(inputs), truncate)
