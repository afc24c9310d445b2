"""A spec says what is wrong with it: the file, the field, the value and the bound."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_build.checkpoint import CheckpointError, read_shape
from model_build.inputs import read_inputs
from model_build.passes.base import PlanError
from model_build.plan import planned_shapes
from model_build.progress import Progress
from model_build.rows import DataError
from model_build.sources import SourceError
from model_build.spec import Spec, SpecError, read_spec
from tests.model_build.bad_specs import BAD, searching
from tests.model_build.conftest import SpecFactory

ROOT = Path(__file__).parents[2]
SPECS = sorted(
    [*ROOT.glob("model_build/specs/*.toml"), *ROOT.glob("tests/specs/*.toml")]
)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_committed_spec_can_be_read(path: Path) -> None:
    assert read_spec(path).passes


def test_a_pass_starts_from_the_one_before_or_from_the_one_it_names(
    write_spec: SpecFactory,
) -> None:
    spec = read_spec(write_spec())
    assert [spec.parent(i) for i in range(5)] == [
        None,
        "teacher",
        "student",
        "pruned",
        "pruned",
    ]
    assert spec.baseline == "teacher"


REFUSALS = (SpecError, SourceError, DataError, CheckpointError, PlanError)


def prepare(path: Path) -> Spec:
    """All that a build does before its first pass."""
    spec = read_spec(path)
    quiet = Progress(stream=(path.parent / "progress").open("w"))
    inputs = read_inputs(spec, None, quiet)
    planned_shapes(spec, read_shape(inputs.checkpoint, inputs.task.head))
    return spec


def test_the_spec_that_the_table_spoils_is_good(write_spec: SpecFactory) -> None:
    assert prepare(write_spec()).passes
    assert prepare(write_spec(**searching("layers = [1, 2]"))).search


@pytest.mark.parametrize(
    ("changed", "message"),
    BAD,
)
def test_refuses_what_cannot_be_built_before_any_training(
    write_spec: SpecFactory, changed: dict[str, str], message: str
) -> None:
    """Red if a bound is dropped: then prepare() goes through."""
    path = write_spec(**changed)
    with pytest.raises(REFUSALS, match=message) as refusal:
        prepare(path)
    if isinstance(refusal.value, SpecError):
        assert str(refusal.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"name = ", "not TOML", id="cut off"),
        pytest.param(b"\xff\xfe\x00", "not TOML", id="not text"),
        pytest.param(b"# soon", "says nothing; docs/spec.md has a spec", id="empty"),
    ],
)
def test_refuses_a_file_that_is_no_spec(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(SpecError, match=message):
        read_spec(path)


def test_refuses_a_spec_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="No such file"):
        read_spec(tmp_path / "absent.toml")


def test_any_changed_byte_is_another_digest(write_spec: SpecFactory) -> None:
    first = read_spec(write_spec()).digest
    assert read_spec(write_spec(seed="seed = 4")).digest != first
