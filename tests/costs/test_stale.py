"""Prices grow old: every report of a bill says so, on the day that it is asked."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from costs.__main__ import main
from costs.bill import bill
from costs.book import Price, PriceError, read_book
from costs.diff import difference
from costs.diff_text import diff_text
from costs.markdown import bill_markdown, diff_markdown
from costs.notes import stale_notes
from costs.reading import read_assembly
from costs.records import bill_json, diff_json
from costs.text import bill_text
from costs.usage import Usage
from tests.costs.samples import stages, write_assembly
from tests.costs.test_book import write_book

FRESH, LATE = date(2024, 7, 2), date(2027, 6, 1)


def price(as_of: str) -> Price:
    return Price("KMS", "key", "key-month", 1.0, "a price list", as_of, "")


@pytest.mark.parametrize(
    ("as_of", "last_fresh_day"),
    [("2026-01-01", "2026-06-30"), ("2026-01", "2026-06-30"), ("2026", "2026-06-30")],
)
def test_a_price_is_stale_after_180_days_from_the_first_that_it_may_be_of(
    as_of: str, last_fresh_day: str
) -> None:
    last = date.fromisoformat(last_fresh_day)
    assert not price(as_of).is_stale(last)
    assert price(as_of).is_stale(date.fromordinal(last.toordinal() + 1))


def test_of_an_undated_price_nobody_knows() -> None:
    """It is among those to check, whatever the day."""
    assert not price("undated").is_stale(LATE)
    assert price("undated").weakness == "undated"


def test_the_oldest_of_those_that_are_stale_is_named() -> None:
    prices = [price(day) for day in ("2022-05", "2020-01-02", "2027", "undated")]
    (note,) = stale_notes(prices, LATE)
    assert note.startswith("STALE: 2 of 4 prices")
    assert "the oldest of 2020-01-02 (KMS key)" in note


@pytest.mark.parametrize("as_of", ["2026-02-30", "2026-13", "1999", "2026-1-1", ""])
def test_refuses_a_day_that_is_none(tmp_path: Path, as_of: str) -> None:
    write_book(tmp_path, lambda book: book["rows"][0].update(as_of=as_of))
    with pytest.raises(PriceError, match="as_of"):
        read_book("us-east-1", tmp_path)


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    return write_assembly(tmp_path / "cdk.out", stages())


def test_every_report_warns(assembly: Path, tmp_path: Path) -> None:
    grown = write_assembly(tmp_path / "grown", stages(memory="2048"))
    old, new = (
        bill(read_assembly(each), Usage(), today=LATE) for each in (assembly, grown)
    )
    found = difference(old, new)
    for text in (
        bill_text(old, ""),
        bill_markdown(old, ""),
        diff_text(found, ""),
        diff_markdown(found, ""),
    ):
        assert "STALE: " in text
        assert "over 180 days old on 2027-06-01" in " ".join(text.split())
        assert "python -m costs refresh" in text
    stale = json.loads(bill_json(old))["stale_prices"]
    assert {"as_of", "item", "service"} == stale[0].keys()
    assert json.loads(diff_json(found))["stale_prices"]


def test_fresh_prices_and_no_day_warn_of_nothing(assembly: Path) -> None:
    for today in (FRESH, None):
        found = bill(read_assembly(assembly), Usage(), today=today)
        assert "STALE" not in bill_text(found, "")
        assert json.loads(bill_json(found))["stale_prices"] == []


def test_the_day_can_be_given(
    assembly: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bill", str(assembly), "--today", f"{LATE}"]) == 0
    assert "STALE" in capsys.readouterr().out
    assert main(["bill", str(assembly), "--today", f"{FRESH}"]) == 0
    assert "STALE" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["bill", str(assembly), "--today", "tomorrow"])
    assert "'tomorrow' is no day like 2026-01-31" in capsys.readouterr().err


def test_options_warn_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["options", "--today", f"{LATE}"]) == 0
    assert "STALE: " in capsys.readouterr().out
    assert main(["options", "--today", f"{FRESH}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stale_prices"] == []
