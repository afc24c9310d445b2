from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from costs.scale import Scale, spread
from costs.tables import markdown
from costs.usage import MEANINGS, WHYS, Usage, UsageError, read_usage, usage_toml


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "usage.toml"
    path.write_text(text)
    return path


def test_a_file_replaces_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    usage = read_usage(
        write(
            tmp_path,
            "builds_per_month = 20\n"
            "requests_per_second = { minimum = 2, maximum = 80.5 }\n"
            "nat_gb = { expected = 30 }\n",
        )
    )
    assert usage.builds_per_month == Scale.always(20)
    assert usage.requests_per_second == Scale(2, 10, 80.5)
    assert usage.nat_gb == Scale(10, 30, 50)
    assert usage.bucket_gb == Usage().bucket_gb


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("visitors = 3", "unknown keys visitors; there are: requests_per_second"),
        ("builds_per_month = -1", "builds_per_month: -1 is not from 0 to"),
        ("builds_per_month = '9'", "builds_per_month: '9' is not a number"),
        ("builds_per_month = true", "builds_per_month: True is not a number"),
        ("builds_per_month = nan", "builds_per_month: nan is not from 0 to"),
        ("builds_per_month = inf", "builds_per_month: inf is not from 0 to"),
        (f"builds_per_month = 0x{'f' * 999}", "is not from 0 to"),
        (f"builds_per_month = {'[' * 9999}", "cannot be read as TOML"),
        ("nat_gb = { most = 5 }", "nat_gb: {'most': 5} has other keys than minimum,"),
        ("nat_gb = {}", "nat_gb: {} has other keys than minimum,"),
        ("nat_gb = { maximum = 1 }", "nat_gb: 10 / 20 / 1 does not rise"),
        ("nat_gb = { expected = '9' }", "nat_gb.expected: '9' is not a number"),
        ("spot_discount = 1.5", "spot_discount: .*above 1"),
        ("function_starts = 2", "function_starts: 2 is above 1, a share"),
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


def test_every_assumption_says_what_it_means_and_why_it_is_so() -> None:
    assert all(len(text) > 5 for texts in (MEANINGS, WHYS) for text in texts.values())
    assert all(
        list(Usage()[name].ends) == sorted(Usage()[name].ends) for name in MEANINGS
    )


def test_what_usage_prints_is_what_it_reads(tmp_path: Path) -> None:
    usage = replace(Usage(), nat_gb=Scale(1, 2, 3), key_requests=Scale.always(12_345))
    printed = usage_toml(usage)
    assert read_usage(write(tmp_path, printed)) == usage
    assert printed.count(" = ") >= len(MEANINGS)
    assert max(map(len, printed.splitlines())) <= 90


PAGE = Path(__file__).parents[2] / "docs" / "costs.md"


def test_the_page_lists_every_assumption_with_its_default_and_its_source(
    pytestconfig: pytest.Config,
) -> None:
    header = ("key in usage.toml", "minimum / expected / maximum", "what", "why so")
    rows = [
        (f"`{name}`", spread(Usage()[name]), MEANINGS[name], WHYS[name])
        for name in MEANINGS
    ]
    table = "\n".join(["", *markdown(header, rows, words=4), ""])
    text = PAGE.read_text()
    head, begin, rest = text.partition("--write-golden -->\n")
    _, end, tail = rest.partition("<!-- end of assumptions")
    assert begin
    assert end
    wanted = f"{head}{begin}{table}\n{end}{tail}"
    if pytestconfig.getoption("--write-golden"):
        PAGE.write_text(wanted)
    else:
        assert text == wanted
