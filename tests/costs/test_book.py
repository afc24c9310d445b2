from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costs.book import PriceError, read_book, regions

ROW = {
    "service": "Fargate",
    "item": "vCPU x86",
    "unit": "vCPU-hour",
    "usd": 0.04048,
    "source": "a price list",
    "as_of": "2026-08-17",
    "note": "",
}
Change = Callable[[dict[str, Any]], object]


def write_book(folder: Path, change: Change = lambda book: None) -> None:
    book = {"region": "us-east-1", "currency": "USD", "rows": [dict(ROW)]}
    change(book)
    (folder / "us-east-1.json").write_text(json.dumps(book))


def test_finds_a_price_by_service_and_item(tmp_path: Path) -> None:
    write_book(tmp_path)
    price = read_book("us-east-1", tmp_path).price("Fargate", "vCPU x86")
    assert (price.usd, price.unit) == (0.04048, "vCPU-hour")


def test_names_what_has_no_price(tmp_path: Path) -> None:
    write_book(tmp_path)
    book = read_book("us-east-1", tmp_path)
    with pytest.raises(PriceError, match=r"Fargate, vCPU RISC in us-east-1.*vCPU x86"):
        book.price("Fargate", "vCPU RISC")
    with pytest.raises(
        PriceError, match=r"Braket, qubit in us-east-1.*unknown service"
    ):
        book.price("Braket", "qubit")


def test_names_a_region_without_a_book() -> None:
    with pytest.raises(PriceError, match=r"region eu-south-2; there are: .*us-east-1"):
        read_book("eu-south-2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b["rows"][0].update(usd=-1), r"rows\[0\].*usd: -1 is not 0 or more"),
        (lambda b: b["rows"][0].update(usd="1"), "usd: '1' is not a number"),
        (lambda b: b["rows"][0].update(usd=True), "usd: True is not a number"),
        (lambda b: b["rows"][0].update(usd=float("nan")), "usd: nan is not 0 or more"),
        (lambda b: b["rows"][0].update(colour="red"), "unknown keys colour"),
        (lambda b: b["rows"][0].pop("source"), "missing keys source"),
        (lambda b: b["rows"][0].update(source=" "), "source: empty"),
        (lambda b: b["rows"][0].update(note=None), "note: None is not text"),
        (lambda b: b["rows"][0].update(as_of="lately"), "as_of: 'lately'"),
        (lambda b: b["rows"].append(dict(ROW)), "Fargate, vCPU x86 is given twice"),
        (lambda b: b["rows"].append("free"), r"rows\[1\]: 'free' is not a table"),
        (lambda b: b.update(rows=[]), "rows: not a list of one or more"),
        (lambda b: b.update(region="eu-west-1"), "region: 'eu-west-1'"),
        (lambda b: b.update(currency="EUR"), "currency: 'EUR' is not 'USD'"),
        (lambda b: b.update(extra=1), "book: unknown keys extra"),
    ],
)
def test_refuses_a_book_that_is_not_whole(
    tmp_path: Path, change: Change, message: str
) -> None:
    write_book(tmp_path, change)
    with pytest.raises(PriceError, match=message) as refused:
        read_book("us-east-1", tmp_path)
    assert "us-east-1.json" in str(refused.value)


def test_refuses_a_book_that_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "us-east-1.json").write_text("{")
    with pytest.raises(PriceError, match="cannot be read as JSON"):
        read_book("us-east-1", tmp_path)


@pytest.mark.parametrize(
    ("row", "weakness"),
    [
        ({}, None),
        ({"as_of": "undated"}, "undated"),
        ({"note": "DERIVED: 1.1 x us-east-1"}, "DERIVED: 1.1 x us-east-1"),
        ({"note": "DOUBT: another table says 0.25"}, "DOUBT: another table says 0.25"),
        ({"note": "10 free"}, None),
    ],
)
def test_says_which_prices_are_weak(
    tmp_path: Path, row: dict[str, str], weakness: str | None
) -> None:
    write_book(tmp_path, lambda book: book["rows"][0].update(row))
    assert read_book("us-east-1", tmp_path).prices[0].weakness == weakness


@pytest.mark.parametrize("region", regions())
def test_every_row_of_our_books_can_be_checked(region: str) -> None:
    for price in read_book(region).prices:
        assert len(price.source) > 10, price
        assert price.usd == 0 or price.usd > 1e-6, price
