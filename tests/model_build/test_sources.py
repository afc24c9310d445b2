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
        ("hub:owner/name", "name a revision"),
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


def test_a_broken_download_is_named_with_both_digests(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"half of i")
    with pytest.raises(SourceError, match="SHA-256 is .*, the spec says " + "0" * 64):
        check_digests("dir:x", tmp_path, {"x": "0" * 64})
