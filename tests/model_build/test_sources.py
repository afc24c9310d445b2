"""A source is there, whole and the one that was meant, or it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_build.sources import SourceError, check_digests, locate


def test_reads_a_file_out_of_an_installed_package_without_importing_it() -> None:
    assert locate("package:pytest/pytest/__init__.py", None).is_file()


def test_a_relative_file_lies_under_the_data_directory(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("x")
    assert locate("file:x.csv", tmp_path) == tmp_path / "x.csv"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("package:no-such-package/x", "'no-such-package' is not installed"),
        ("package:pytest/no/such/file", "has no 'no/such/file'"),
        ("file:absent.csv", "absent.csv: no such file"),
        ("dir:absent", "no such file or directory"),
        ("hub:owner/name", "'' is no commit"),
        ("hub:owner/name@main", "'main' is no commit of 40 hexadecimal digits"),
        (f"hub:owner/name@{'a' * 40}", "name a file"),
    ],
)
def test_names_a_source_that_is_not_there(
    tmp_path: Path, source: str, message: str
) -> None:
    with pytest.raises(SourceError, match=message) as refusal:
        locate(source, tmp_path)
    assert str(refusal.value).startswith(source)


def test_a_relative_file_without_a_data_directory_says_how_to_give_one() -> None:
    with pytest.raises(SourceError, match="--data-dir"):
        locate("file:x.csv", None)


def test_names_the_file_a_checkpoint_lacks(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"config\.json: no such file"):
        locate(f"dir:{tmp_path}", None, ["config.json"])


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that holds files, as an installer leaves it; returns its directory."""
    about = tmp_path / "toy_weights-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-weights\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def holds(installed: Path, *files: str) -> None:
    for name in files:
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).write_text("x")
    record = installed / "toy_weights-1.0.dist-info" / "RECORD"
    record.write_text("".join(f"{name},,\n" for name in files))


def test_a_package_is_enough_where_one_directory_has_the_files(installed: Path) -> None:
    # red if the first directory with the first file is taken, whatever else it lacks
    holds(installed, "toy/a/one", "toy/b/one", "toy/b/two")
    found = locate("package:toy-weights", None, ["one", "two"])
    assert found == installed / "toy/b"


def test_a_package_with_two_such_directories_is_not_guessed_from(
    installed: Path,
) -> None:
    holds(installed, "toy/a/one", "toy/b/one")
    with pytest.raises(
        SourceError, match="2 directories with one: name one of toy/a, toy/b"
    ):
        locate("package:toy-weights", None, ["one"])
    with pytest.raises(SourceError, match="0 directories with three"):
        locate("package:toy-weights", None, ["three"])


def test_a_broken_download_is_named_with_both_digests(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"half of i")
    with pytest.raises(SourceError, match="SHA-256 is .*, the spec says " + "0" * 64):
        check_digests("dir:x", tmp_path, {"x": "0" * 64})


def test_a_broken_file_that_the_hub_s_client_keeps_is_named_where_it_lies(
    tmp_path: Path,
) -> None:
    (tmp_path / "blob").write_bytes(b"half of i")
    (tmp_path / "x").symlink_to(tmp_path / "blob")
    with pytest.raises(SourceError, match=f"remove {tmp_path / 'blob'}$"):
        check_digests("hub:o/n@c/x", tmp_path / "x", {"": "0" * 64})
