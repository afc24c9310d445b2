"""What the steps of a build read, found and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model_build import sources
from model_build.checkpoint import FILES, check_length
from model_build.dataset import Dataset, read_dataset
from model_build.progress import Progress
from model_build.spec import Spec


@dataclass(frozen=True)
class Inputs:
    """What the steps read, and the digests that stand for it."""

    checkpoint: Path
    checkpoint_digests: Mapping[str, str]
    dataset: Dataset
    data_digest: str


def read_inputs(spec: Spec, data_dir: Path | None, progress: Progress) -> Inputs:
    """Find the spec's sources; raises the errors that name what is wrong with one."""
    checkpoint = sources.locate(spec.checkpoint.source, data_dir, FILES)
    check_length(checkpoint, max(spec.serving.lengths))
    sources.check_digests(spec.checkpoint.source, checkpoint, spec.checkpoint.sha256)
    path = sources.locate(spec.data.source, data_dir)
    if spec.data.sha256:
        sources.check_digests(spec.data.source, path, {"": spec.data.sha256})
    dataset = read_dataset(path, spec.data, spec.labels)
    progress.say(f"data: {_counted(dataset, spec.labels)}")
    digests = {name: sources.file_digest(checkpoint / name) for name in FILES}
    return Inputs(checkpoint, digests, dataset, dataset.digest)


def _counted(dataset: Dataset, labels: Sequence[str]) -> str:
    return "; ".join(
        f"{split} {sum(counts.values())} "
        f"({', '.join(f'{label} {n}' for label, n in counts.items())})"
        for split, counts in dataset.counts(labels).items()
    )
