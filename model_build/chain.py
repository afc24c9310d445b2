"""The passes of a spec, each a step that is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from model_build.checkpoint import read_checkpoint
from model_build.inputs import Inputs
from model_build.model import load_model
from model_build.passes.base import Workbench
from model_build.progress import Progress
from model_build.spec import Spec, teachers_of
from model_build.steps import Done, Steps

TASKS = (
    "tasks/base.py",
    "tasks/classification.py",
    "tasks/question_answering.py",
    "../containers/flask/question_answering.py",
)
TRAINING = (
    "model.py",
    "encoder.py",
    "losses.py",
    "training.py",
    "kept.py",
    "lora.py",
    "student.py",
    "tokens.py",
    "vocabulary.py",
    "passes/base.py",
    *TASKS,
)
CHECKPOINT = ("checkpoint.py", "architectures.py")
# What a pass is made of beside its own file.
PARTS: Mapping[str, tuple[str, ...]] = {
    "prune_structure": (
        "importance.py",
        "latency.py",
        "litert.py",
        "passes/distill.py",
    ),
    "quantize": ("arithmetic.py", "sensitivity.py"),
    "quantize_aware": ("arithmetic.py",),
}


@dataclass(frozen=True)
class Chain:
    """What makes a spec's variants of its inputs."""

    spec: Spec
    steps: Steps
    progress: Progress

    def run(
        self, inputs: Inputs, given: Mapping[str, Done] | None = None
    ) -> dict[str, Done]:
        """Run every pass on the variant it starts from; the first makes the teacher.

        Variants that are `given` are not made again.
        """
        made: dict[str, Done] = dict(given or {})
        for index, step in enumerate(self.spec.passes):
            if step.variant in made:
                continue
            parent = self.spec.parent(index)
            source = made[parent].digest if parent else inputs.checkpoint_digests
            asked = {
                "settings": msgspec.to_builtins(step.settings),
                "from": source,
                "data": inputs.data_digest,
                "length": max(self.spec.serving.lengths),
                "seed": self.spec.seed,
                "teacher": made[self.spec.baseline].digest if made else None,
                "teachers": {n: made[n].digest for n in teachers_of(step.settings)},
            }
            name = step.settings.name
            own = (f"passes/{name}.py", *PARTS.get(name, ()))
            files = (*TRAINING, *CHECKPOINT, *own)
            apply = partial(self._apply, index=index, made=made, inputs=inputs)
            made[step.variant] = self.steps.run(
                f"pass-{step.variant}", asked, files, apply
            )
        return made

    def _apply(
        self, out: Path, *, index: int, made: Mapping[str, Done], inputs: Inputs
    ) -> None:
        spec, step = self.spec, self.spec.passes[index]
        parent = spec.parent(index)
        if parent:
            model = load_model(made[parent].path)
        else:
            model = read_checkpoint(inputs.checkpoint, inputs.task.head, seed=spec.seed)
        with self.steps.kept(out) as kept:
            bench = self.bench(made, inputs, kept)
            step.settings.apply(model, bench).save(out)

    def bench(self, made: Mapping[str, Done], inputs: Inputs, kept: Path) -> Workbench:
        """What a pass works with; what it keeps of an unfinished training is in `kept`."""
        return Workbench(
            task=inputs.task,
            train=inputs.dataset.train,
            validation=inputs.dataset.validation,
            unlabelled=inputs.dataset.unlabelled,
            length=max(self.spec.serving.lengths),
            variants=lambda name: load_model(made[name].path),
            baseline=self.spec.baseline,
            kept=kept,
            seed=self.spec.seed,
            progress=self.progress,
        )
