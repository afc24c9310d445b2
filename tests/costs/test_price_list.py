from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from costs.price_list.files import PriceList, PriceListError, file_of, read_price_list
from costs.price_list.json_members import JsonMembers
from costs.price_list.offers import Offer, offers

SAMPLES = Path(__file__).parent / "offers"
LINES = {(offer.service, offer.item): offer for offer in offers()}


def read(code: str, *wanted: tuple[str, str], region: str = "us-east-1") -> PriceList:
    path = SAMPLES / code / "current" / region / "index.json"
    return read_price_list(path, [LINES[key] for key in wanted], region)


def usd(found: PriceList, service: str, item: str) -> list[tuple[str, float]]:
    prices = found.prices.get(LINES[service, item], ())
    return [(price.sku, price.usd) for price in prices]


def test_finds_a_product_by_its_usage_type_and_not_by_one_that_ends_alike() -> None:
    found = read("AmazonECS", ("Fargate", "vCPU x86"))
    assert usd(found, "Fargate", "vCPU x86") == [("8CESGAFWKAJ98PME", 0.042504)]
    assert found.published == "2026-10-30"


def test_attributes_tell_products_of_one_usage_type_apart() -> None:
    alb, nlb = ("ALB", "load balancer"), ("NLB", "load balancer")
    found = read("AWSELB", alb, nlb)
    assert usd(found, *alb) == [("37CUWUT8GSNQEPUV", 0.0225)]
    assert usd(found, *nlb) == [("WS4M2VTAA6BJW9YT", 0.0225)]


def test_the_price_is_that_of_the_first_tier_that_costs_anything() -> None:
    found = read("AWSQueueService", ("SQS", "standard requests"))
    assert usd(found, "SQS", "standard requests") == [("8RN6B8U4MERHRXP3", 4e-7)]


def test_reserved_terms_and_other_systems_are_not_on_demand_linux() -> None:
    found = read("AmazonEC2", ("EC2", "m7g.large"))
    assert usd(found, "EC2", "m7g.large") == [("Y4JWUCG93UEP6MPT", 0.0816)]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (("EC2", "c7g.large"), "SKU 6TGNDFZ2H9YRB4WQ: no price above 0 in USD"),
        (("EC2", "c7i.large"), "SKU Q7VBM3JXKPA5ED2S: no terms on demand"),
        (("NAT gateway", "data processed"), "no price above 0 in USD"),
    ],
)
def test_an_odd_row_is_no_price_and_says_why(key: tuple[str, str], reason: str) -> None:
    """Not a number, not offered on demand, not in dollars."""
    found = read("AmazonEC2", key)
    assert not found.prices
    assert reason in found.unpriced[LINES[key]]


def test_a_region_may_be_a_prefix_or_spelled_out() -> None:
    key = ("KMS", "customer managed key")
    found = read("awskms", key, region="eu-central-1")
    assert usd(found, *key) == [("U9NFWW5Y5DH8QD5B", 1.0)]


@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 18])
def test_reads_alike_however_the_text_is_cut(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("costs.price_list.json_members._CHUNK", chunk)
    whole = {"a": [1, {"b": 'x"}'}], "number": 1234, "none": {}, "c": {"d": -1.5e3}}
    text = JsonMembers(io.StringIO(json.dumps(whole, indent=1) + " \n"))
    assert {key: text.value() for key in text.members()} == whole


def test_passes_what_nobody_asked_for_without_holding_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file of hundreds of megabytes is Reserved terms for the most part."""
    monkeypatch.setattr("costs.price_list.json_members._CHUNK", 64)
    source = io.StringIO(json.dumps({"skipped": dict.fromkeys("abc", "z" * 1000)}))
    text = JsonMembers(source)
    for _ in text.members():
        text.skip()
        assert len(text._text) < 2500


BROKEN: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda file: file.pop("terms"), "publicationDate, products or terms is missing"),
    (lambda file: file.pop("publicationDate"), "publicationDate, products or terms"),
    (lambda file: file.update(products=file.pop("products")), "terms stand before"),
    (lambda file: file.update(products=[]), "'\\[' where '{' should be"),
    (lambda file: file["products"].update(A=1), "is no price list"),
    (lambda file: file["terms"].update(OnDemand=None), "is no price list"),
    (
        lambda file: file["terms"]["OnDemand"].update({"8CESGAFWKAJ98PME": {"t": 1}}),
        "is no price list",
    ),
    (
        lambda file: file["terms"]["OnDemand"].update({"8CESGAFWKAJ98PME": {"t": {}}}),
        "'priceDimensions' is missing",
    ),
]


@pytest.mark.parametrize(("change", "message"), BROKEN)
def test_names_a_file_that_is_no_price_list(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    path = SAMPLES / "AmazonECS" / "current" / "us-east-1" / "index.json"
    file = json.loads(path.read_text())
    change(file)
    broken = tmp_path / "index.json"
    broken.write_text(json.dumps(file))
    with pytest.raises(PriceListError, match=message) as refused:
        read_price_list(broken, [LINES["Fargate", "vCPU x86"]], "us-east-1")
    assert str(broken) in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"a": 1', b"\xff\xfe{", b'{"a":' + b"[" * 100_000]
)
def test_names_a_file_that_is_no_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "index.json"
    path.write_bytes(content)
    wanted: list[Offer] = []
    with pytest.raises(PriceListError, match="is no price list"):
        read_price_list(path, wanted, "us-east-1")


def test_says_so_when_there_is_no_network() -> None:
    nowhere = "http://127.0.0.1:9/offers"
    with (
        pytest.raises(PriceListError, match=r"index\.json: cannot be read: .*--offers"),
        file_of(nowhere, "AmazonECS", "us-east-1"),
    ):
        pass
