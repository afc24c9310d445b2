"""What the steps of a build read, found and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from model_build import sources
from model_build.checkpoint import FILES, WEIGHTS_FILE, check_weights
from model_build.dataset import Table, read_dataset
from model_build.examples import Dataset
from model_build.progress import Progress
from model_build.spec import Checkpoint, Spec, SpecError
from model_build.tasks import Task, task_of
from model_build.tokens import Tokens

CALIBRATION = 300  # training examples; NNCF's own default


@dataclass(frozen=True)
class Inputs:
    """What the steps read, and the digests that stand for it."""

    task: Task
    checkpoint: Path
    checkpoint_digests: Mapping[str, str]
    dataset: Dataset
    data_digest: str

    def calibration(self, tokenizer: str, length: int) -> Tokens:
        """What fixed scales are found on."""
        return self.task.encode(self.dataset.train[:CALIBRATION], tokenizer, length)


def read_inputs(spec: Spec, data_dir: Path | None, progress: Progress) -> Inputs:
    """Find the spec's sources; raises the errors that name what is wrong with one."""
    task = task_of(spec.task, spec.labels, spec.data.texts, spec.data.truncate)
    checkpoint = sources.locate(spec.checkpoint.source, data_dir, FILES)
    check_checkpoint(spec, checkpoint, task)
    dataset = examples_of(spec, data_dir)
    progress.say(f"data: {_counted(dataset, spec.labels)}")
    check_texts(spec, dataset, task, checkpoint)
    digests = {name: sources.file_digest(checkpoint / name) for name in FILES}
    return Inputs(task, checkpoint, digests, dataset, dataset.digest)


def check_checkpoint(spec: Spec, directory: Path, task: Task) -> None:
    """Check the files that are there: their digests, and that the weights fit the config.

    Raises SpecError, SourceError and CheckpointError.
    """
    expected = spec.checkpoint.sha256
    if unknown := sorted(set(expected) - set(FILES)):
        raise SpecError(f"checkpoint.sha256: {unknown} are none of {', '.join(FILES)}")
    there = {n: digest for n, digest in expected.items() if (directory / n).is_file()}
    sources.check_digests(spec.checkpoint.source, directory, there)
    if (directory / WEIGHTS_FILE).is_file():
        check_weights(directory, task.head)


def check_texts(spec: Spec, dataset: Dataset, task: Task, checkpoint: Path) -> None:
    """Raise DataError where the server would refuse an example as too long."""
    tokenizer = (checkpoint / "tokenizer.json").read_text(encoding="utf-8")
    for split in (dataset.train, dataset.validation, dataset.test, dataset.unlabelled):
        task.check(split, tokenizer, max(spec.serving.lengths))


def with_teacher(spec: Spec, source: str, data_dir: Path | None) -> Spec:
    """Return the spec with its checkpoint from another source.

    Where the files are those whose digests the spec names, nothing else changes. Any
    others make it another spec than its file, so it has another digest, and none of the
    checkpoint's digests nor its licence. Raises SpecError and SourceError.
    """
    try:
        other = msgspec.convert({"source": source}, Checkpoint)
    except msgspec.ValidationError as error:
        raise SpecError(f"--teacher: {source!r}: {error}") from None
    path = sources.locate(source, data_dir, FILES)
    found = {name: sources.file_digest(path / name) for name in FILES}
    if found == spec.checkpoint.sha256:
        same = msgspec.structs.replace(spec.checkpoint, source=source)
        return msgspec.structs.replace(spec, checkpoint=same)
    digest = hashlib.sha256(f"{spec.digest} {sorted(found.items())}".encode())
    licences = msgspec.structs.replace(spec.licences, checkpoint="unknown")
    return msgspec.structs.replace(
        spec, checkpoint=other, licences=licences, digest=digest.hexdigest()
    )


def examples_of(spec: Spec, data_dir: Path | None) -> Dataset:
    """Return a spec's examples; raises SourceError and DataError."""
    return read_dataset(spec.data, spec.labels, partial(_place, data_dir=data_dir))


def _place(table: Table, data_dir: Path | None) -> Path:
    """Return a table's local path: of its `local` file, if `data_dir` has it.

    Raises SourceError naming what is missing, or is not what the spec says.
    """
    local = data_dir / table.local if table.local and data_dir else None
    if local and local.is_file():
        return local
    try:
        path = sources.locate(table.source, data_dir)
    except sources.SourceError as error:
        beside = f"; nor is there {local}" if local else ""
        raise type(error)(f"{error}{beside}") from None
    if table.sha256:
        sources.check_digests(table.source, path, {"": table.sha256})
    return path


def _counted(dataset: Dataset, labels: Sequence[str]) -> str:
    return "; ".join(
        f"{split} {sum(counts.values())} "
        f"({', '.join(f'{label} {n}' for label, n in counts.items())})"
        for split, counts in dataset.counts(labels).items()
    )
