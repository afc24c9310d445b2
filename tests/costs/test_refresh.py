from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from costs.book import PRICES, PriceError, read_book
from costs.price_list.files import PriceListError
from costs.price_list.refresh import Refresh, Renewal, refresh, write_book
from costs.price_list.text import refresh_json, refresh_text
from tests.costs.conftest import MatchesGolden

SAMPLES = str(Path(__file__).parent / "offers")


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PRICES, tmp_path / "prices"))


def row(found: Refresh, service: str, item: str) -> Renewal:
    (renewal,) = (
        each for each in found.renewals if (each.service, each.item) == (service, item)
    )
    return renewal


def test_shows_old_new_and_percent() -> None:
    vcpu = row(refresh("us-east-1", SAMPLES), "Fargate", "vCPU x86")
    assert vcpu.before
    assert vcpu.after
    assert (vcpu.before.usd, vcpu.after.usd) == (0.04048, 0.042504)
    assert vcpu.change == pytest.approx(0.05)
    assert vcpu.after.as_of == "2026-10-30"
    assert vcpu.after.source.endswith("us-east-1/index.json, SKU 8CESGAFWKAJ98PME")


def test_a_price_is_in_the_books_unit() -> None:
    found = refresh("us-east-1", SAMPLES)
    assert row(found, "SQS", "standard requests").after.usd == 0.4  # type: ignore[union-attr]
    throughput = row(found, "EBS", "gp3 throughput above 125 MB/s")
    assert throughput.after.usd == 0.04  # type: ignore[union-attr]


def test_a_row_that_the_list_does_not_have_stays_and_says_why() -> None:
    found = refresh("us-east-1", SAMPLES)
    spot = row(found, "EC2 Spot", "g5.xlarge")
    assert spot.after is None
    assert spot.row == read_book("us-east-1").price("EC2 Spot", "g5.xlarge")
    assert spot.kept == "not in the Price List"
    assert "no such file" in row(found, "ECR", "private storage").kept


def test_products_that_disagree_are_no_price() -> None:
    kept = row(refresh("us-east-1", SAMPLES), "EC2", "g5.xlarge").kept
    assert kept.startswith("several prices: SKU ABCDEFGHJKMNPQ23 1.006, SKU ")


def test_another_unit_is_not_taken_for_a_dearer_price() -> None:
    kept = row(refresh("us-east-1", SAMPLES), "EBS", "gp3 IOPS above 3,000").kept
    assert "5 a IOPS-month is too far from 0.005" in kept
    assert "the list's unit is '1,000 IOPS-Mo'" in kept


def test_a_region_gets_rows_that_its_book_lacks() -> None:
    found = refresh("eu-central-1", SAMPLES)
    build = row(found, "CodeBuild", "general1.small x86")
    assert build.before is None
    assert build.after
    assert build.after.usd == 0.005
    assert row(found, "CodeBuild", "arm1.small").row is None


def test_a_read_price_drops_why_the_old_one_was_weak(prices: Path) -> None:
    path = prices / "us-east-1.json"
    book = json.loads(path.read_text())
    book["rows"][0]["note"] = "DOUBT: heard somewhere"
    path.write_text(json.dumps(book))
    vcpu = row(refresh("us-east-1", SAMPLES, prices=prices), "Fargate", "vCPU x86")
    assert vcpu.before
    assert vcpu.before.weakness
    assert vcpu.after
    assert vcpu.after.weakness is None


def test_the_written_book_is_read_again(prices: Path) -> None:
    found = refresh("eu-central-1", SAMPLES, prices=prices)
    write_book(found.book, prices)
    written = read_book("eu-central-1", prices)
    assert written == found.book
    assert written.price("CodeBuild", "general1.small x86").usd == 0.005
    again = refresh("eu-central-1", SAMPLES, prices=prices)
    assert not any(each.change for each in again.renewals)


def test_a_book_that_cannot_be_written_stays_as_it_was(prices: Path) -> None:
    book = read_book("us-east-1", prices)
    nowhere = prices / "none"
    with pytest.raises(
        PriceError, match=r"us-east-1\.json: cannot be written: No such"
    ):
        write_book(book, nowhere)


def test_text_is_the_reviewed_one(
    matches_golden: MatchesGolden, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By a name that is as long on every machine, for lines are wrapped.
    monkeypatch.chdir(Path(SAMPLES).parent)
    found = refresh("us-east-1", "offers")
    matches_golden(refresh_text(found, "Prices of us-east-1"), "refresh.txt")


def test_json_has_every_row_and_what_became_of_it() -> None:
    found = refresh("eu-central-1", SAMPLES)
    (record,) = json.loads(refresh_json([found]))["regions"]
    assert len(record["rows"]) == len(found.renewals)
    kinds = {each["kind"] for each in record["rows"]}
    assert kinds == {"new", "confirmed", "kept", "missing"}


@pytest.mark.parametrize(
    ("region", "base", "message"),
    [
        ("moon-1", SAMPLES, "region moon-1: not one of us-east-1"),
        ("us-east-1", "nowhere", r"nowhere/.*/us-east-1/index\.json: no such file"),
        ("us-west-2", SAMPLES, r"index\.json: no such file"),
    ],
)
def test_names_what_is_not_there(region: str, base: str, message: str) -> None:
    with pytest.raises(PriceListError, match=message):
        refresh(region, base)
