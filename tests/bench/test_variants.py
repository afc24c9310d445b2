"""Which export of a build is of which variant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.variants import newest_export


def test_a_variant_whose_name_begins_like_anothers_is_not_taken_for_it(
    tmp_path: Path,
) -> None:
    names = ("export-teacher-0123456789ab", "export-teacher-int8-0123456789ab")
    for number, name in enumerate(names):
        path = tmp_path / "steps" / name
        path.mkdir(parents=True)
        os.utime(path, (number, number))
    assert newest_export(tmp_path, "teacher").name == names[0]
    assert newest_export(tmp_path, "teacher-int8").name == names[1]


def test_the_newest_of_several_exports_is_taken(tmp_path: Path) -> None:
    for number, digest in enumerate(("bbbbbbbbbbbb", "aaaaaaaaaaaa")):
        path = tmp_path / "steps" / f"export-int8-{digest}"
        path.mkdir(parents=True)
        os.utime(path, (number, number))
    assert newest_export(tmp_path, "int8").name == "export-int8-aaaaaaaaaaaa"


def test_a_variant_that_is_not_exported_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="int8 is not exported"):
        newest_export(tmp_path, "int8")
