"""Twenty stacks whose bills were worked out by hand, line by line: see bills/*.toml."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from costs.bill import Bill, bill
from costs.reading import read_assembly
from costs.scale import ENDS, Scale
from costs.usage import read_usage
from tests.costs.arithmetic import Sum, worked
from tests.costs.samples import write_assembly

FOLDER = Path(__file__).parent / "bills"
NAMES = sorted(path.stem for path in FOLDER.glob("[0-9]*.toml"))
PRICES = tomllib.loads((FOLDER / "prices.toml").read_text())["price"]


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text())


def sums(line: dict[str, Any]) -> dict[str, Sum]:
    """A line's arithmetic at each scale."""
    return {end: worked(line.get(end) or line["always"]) for end in ENDS}


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A price book of these rows alone."""
    folder = tmp_path_factory.mktemp("prices")
    rows = [{**price, "note": ""} for price in PRICES]
    book = {"region": "us-east-1", "currency": "USD", "rows": rows}
    (folder / "us-east-1.json").write_text(json.dumps(book))
    return folder


def billed(name: str, prices: Path, tmp_path: Path) -> Bill:
    """The bill of a stack, with what its file assumes."""
    usage = tmp_path / "usage.toml"
    text = (FOLDER / f"{name}.toml").read_text()
    section = text.partition("[usage]\n")[2].partition("\n[template")[0]
    usage.write_text(section)
    stages = {"dev": {"dev-one": read(name)["template"]}}
    assembly = read_assembly(write_assembly(tmp_path / "cdk.out", stages))
    return bill(assembly, read_usage(usage), prices=prices)


@pytest.mark.parametrize("name", NAMES)
def test_each_line_costs_what_was_worked_out_by_hand(
    name: str, prices: Path, tmp_path: Path
) -> None:
    """Within 1 % at each scale, and no line is missing or too many."""
    charged: dict[tuple[str, str], Scale] = {}
    for line in billed(name, prices, tmp_path).lines:
        for charge in line.estimate.charges:
            key = (line.logical_id, f"{charge.price.service}: {charge.price.item}")
            charged[key] = charged.get(key, Scale.always(0)) + charge.monthly
    lines = {(line["resource"], line["item"]): line for line in read(name)["line"]}
    assert charged.keys() == lines.keys()
    for key, line in lines.items():
        expected = [each.left for each in sums(line).values()]
        assert charged[key].ends == pytest.approx(expected, rel=0.01, abs=1e-6), key


@pytest.mark.parametrize("name", NAMES)
def test_the_arithmetic_is_right_and_has_the_price_that_has_a_source(name: str) -> None:
    known = {f"{price['service']}: {price['item']}": price for price in PRICES}
    for line in read(name)["line"]:
        for each in sums(line).values():
            assert each.right == pytest.approx(each.left, rel=0.005, abs=0.0051)
            assert each.price == pytest.approx(known[line["item"]]["usd"])


def test_there_are_twenty_and_every_price_is_used() -> None:
    assert len(NAMES) >= 20
    used = {line["item"] for name in NAMES for line in read(name)["line"]}
    assert used == {f"{price['service']}: {price['item']}" for price in PRICES}
    assert all(price["source"] and price["as_of"] for price in PRICES)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("2 tasks x 0.5 vCPU x 730 h x $0.04048 = 29.55", 29.5504),
        ("(100 - 20) GB x $1 = 80", 80),
        ("1,000 calls / 10 x $2 = 200", 200),
    ],
)
def test_reads_arithmetic(text: str, left: float) -> None:
    assert worked(text).left == pytest.approx(left)


@pytest.mark.parametrize("text", ["1 x 2 = 2", "__import__('os') x $1 = 1", "1 x $1"])
def test_refuses_what_is_no_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match="is no sum with one price"):
        worked(text)
