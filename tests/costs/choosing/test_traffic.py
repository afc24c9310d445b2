from __future__ import annotations

from pathlib import Path

import pytest

from costs.choosing.traffic import SHAPES, TrafficError, read_profile, shape

HEADER = "hour,requests_per_second\n"


def read(path: Path, rows: str) -> tuple[float, ...]:
    path.write_text(rows, encoding="utf-8")
    return read_profile(path).rates


def test_a_rate_holds_until_the_next_row_and_the_last_as_long(tmp_path: Path) -> None:
    rates = read(tmp_path / "t.csv", f"{HEADER}0,2\n0.05,5\n\n0.1,8\n")
    assert rates == (2, 2, 2, 5, 5, 5, 8, 8, 8)


def test_a_minute_has_the_mean_of_its_seconds(tmp_path: Path) -> None:
    rates = read(tmp_path / "t.csv", f"{HEADER}0,0\n{1.5 / 60},10\n")
    assert rates == pytest.approx((0, 5, 10))


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_scaled_to_its_mean(name: str) -> None:
    assert shape(name).at(50).mean == pytest.approx(50)
    assert shape(name).is_steady == (name == "steady")


def test_afternoons_have_nine_times_the_night() -> None:
    profile = shape("day-night")
    assert profile.peak / min(profile.rates) == pytest.approx(9, rel=1e-3)
    assert profile.rates.index(profile.peak) == pytest.approx(14 * 60, abs=1)


def test_bursts_are_ten_minutes_of_each_hour_with_five_times_as_much() -> None:
    rates = shape("bursts").rates
    assert len(rates) == 60
    assert rates[:10] == pytest.approx([5 * rates[-1]] * 10)
    assert set(rates[10:]) == {rates[-1]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"line 1: '' is not 'hour,requests_per_second'"),
        ("hour,rps\n0,1\n", "line 1: 'hour,rps' is not"),
        (f"{HEADER}0,1\n", "1 rows, 2 or more are wanted"),
        (f"{HEADER}1,1\n2,1\n", "line 2: hour: 1: the first is 0"),
        (f"{HEADER}0,1\n0,2\n", "line 3: hour: 0 is not after 0"),
        (f"{HEADER}0,1,2\n", "line 2: 3 cells, 2 wanted"),
        (f"{HEADER}0,many\n", "line 2: requests_per_second: 'many' is not a number"),
        (f"{HEADER}0,-1\n", "line 2: requests_per_second: -1 is not from 0 to 1e9"),
        (f"{HEADER}0,nan\n", "line 2: requests_per_second: nan is not from 0"),
        (f"{HEADER}0,0\n1,0\n", "requests_per_second: 0 in every minute"),
        (f"{HEADER}0,1\n800,1\n", "line 3: hour: 800 is above 744"),
        (f"{HEADER}0,1e-320\n1,0\n", "5e-321 on average is below 1e-06"),
    ],
)
def test_a_wrong_profile_is_refused_by_line(
    tmp_path: Path, content: str, message: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TrafficError, match=message):
        read_profile(path)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrafficError, match="cannot be read as CSV"):
        read_profile(path)
    with pytest.raises(TrafficError, match="no such file"):
        read_profile(tmp_path / "none.csv")
