from __future__ import annotations

from typing import Any

import pytest

from rehearsal.comparison import differences
from rehearsal.readers.reading import AtLeast


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (1024, "1024"),
        ("8080", 8080),
        (0.1, 0.1),
        (5, 5.0),
        (True, "true"),
        ({"CPUArchitecture": "X86_64"}, {"cpuArchitecture": "X86_64", "other": 1}),
        (["b", "a"], ["a", "b"]),
        ([{"Key": "a"}], AtLeast([{"Key": "z"}, {"Key": "a"}])),
        ({"Statement": [1]}, '{"Statement": [1]}'),
    ],
)
def test_the_same_in_another_spelling_is_no_difference(
    expected: Any, found: Any
) -> None:
    assert list(differences(expected, found)) == []


@pytest.mark.parametrize(
    ("expected", "found", "path"),
    [
        ("IMMUTABLE", "MUTABLE", "P"),
        (True, False, "P"),
        (False, None, "P"),
        (30, None, "P"),
        ({"ScanOnPush": True}, {"scanOnPush": False}, "P.ScanOnPush"),
        ({"ScanOnPush": True}, None, "P"),
        ([{"Image": "a:1"}], [{"image": "a:2"}], "P[0].Image"),
        (["a", "b"], ["a", "c"], "P[1]"),
        (["a"], ["a", "b"], "P"),
        (["a", "a"], ["a", "b"], "P[1]"),
        (["a"], AtLeast(["b", "c"]), "P[0]"),
        (["a"], None, "P"),
        ({"Statement": []}, "not json", "P"),
    ],
)
def test_a_difference_is_named_by_its_path(
    expected: Any, found: Any, path: str
) -> None:
    assert [where for where, _, _ in differences(expected, found, "P")] == [path]
