from __future__ import annotations

from pathlib import Path

import pytest

from costs.scale import Scale
from costs.usage import MEANINGS, Usage, UsageError, read_usage


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "usage.toml"
    path.write_text(text)
    return path


def test_a_file_replaces_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    usage = read_usage(
        write(
            tmp_path,
            "builds_per_month = 20\n"
            "requests_per_second = { minimum = 2, maximum = 80.5 }\n",
        )
    )
    assert usage.builds_per_month == Scale(20, 20)
    assert usage.requests_per_second == Scale(2, 80.5)
    assert usage.bucket_gb == Usage().bucket_gb


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("visitors = 3", "unknown keys visitors; there are: requests_per_second"),
        ("builds_per_month = -1", "builds_per_month: -1 is not 0 or more"),
        ("builds_per_month = '9'", "builds_per_month: '9' is not a number"),
        ("builds_per_month = true", "builds_per_month: True is not a number"),
        ("builds_per_month = nan", "builds_per_month: nan is not 0 or more"),
        ("nat_gb = { minimum = 5 }", "nat_gb: {'minimum': 5} is not"),
        ("nat_gb = { minimum = 5, maximum = 1 }", "nat_gb: minimum 5 above 1"),
        ("spot_discount = 1.5", "spot_discount: .*above 1"),
        ("builds_per_month", "cannot be read as TOML"),
    ],
)
def test_refuses_an_impossible_assumption(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        read_usage(write(tmp_path, text))
    assert "usage.toml" in str(refused.value)


def test_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.toml: no such file"):
        read_usage(tmp_path / "none.toml")


def test_every_assumption_says_what_it_means() -> None:
    assert all(len(meaning) > 5 for meaning in MEANINGS.values())
    assert all(Usage()[name].minimum <= Usage()[name].maximum for name in MEANINGS)
