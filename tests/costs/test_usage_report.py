from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from costs.ledger.report import Entry, Report, ReportError, read_report

LEGACY = (
    "identity/LineItemId", "lineItem/LineItemType", "lineItem/UsageStartDate",
    "lineItem/UsageEndDate", "lineItem/ProductCode", "lineItem/UsageType",
    "lineItem/Operation", "lineItem/ResourceId", "lineItem/UsageAmount",
    "lineItem/CurrencyCode", "lineItem/UnblendedCost", "resourceTags/user:cost-center",
    "resourceTags/user:stage",
)  # fmt: skip
LINE = {
    "lineItem/LineItemType": "Usage",
    "lineItem/UsageStartDate": "2026-10-01T00:00:00Z",
    "lineItem/UsageEndDate": "2026-10-01T01:00:00Z",
    "lineItem/ProductCode": "AmazonECS",
    "lineItem/UsageType": "EUC1-Fargate-GB-Hours",
    "lineItem/Operation": "FargateTask",
    "lineItem/UsageAmount": "2",
    "lineItem/CurrencyCode": "USD",
    "lineItem/UnblendedCost": "0.01022",
    "resourceTags/user:stage": "dev",
}


def text_of(header: Sequence[str], *rows: Mapping[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def read(tmp_path: Path, text: str, tag: str = "stage") -> Report:
    path = tmp_path / "report.csv"
    path.write_text(text, encoding="utf-8")
    return read_report(path, tag)


def test_sums_the_hours_of_a_legacy_report(tmp_path: Path) -> None:
    later = {"lineItem/UsageStartDate": "2026-10-31T23:00:00Z"}
    later["lineItem/UsageEndDate"] = "2026-11-01T00:00:00Z"
    report = read(tmp_path, text_of(LEGACY, LINE, LINE | later))
    ((entry, spent),) = report.spent.items()
    assert entry == Entry(
        "2026-10", "Usage", "AmazonECS", "Fargate-GB-Hours", "FargateTask", "", "dev"
    )
    assert (spent.amount, spent.usd) == (4, pytest.approx(0.02044))
    assert report.tagged
    assert report.covered("2026-10") == 1


def test_reads_cur_2_with_its_map_of_tags(tmp_path: Path) -> None:
    row = {
        "line_item_usage_start_date": "2026-10-01 00:00:00.000",
        "line_item_product_code": "AWSELB",
        "line_item_usage_type": "LCUUsage",
        "line_item_usage_amount": "1.5E-2",
        "line_item_unblended_cost": "0.00012",
        "resource_tags": '{"user_stage": "prod", "user_model": "sentiment"}',
    }
    for tag, group in (("stage", "prod"), ("model", "sentiment"), ("owner", "")):
        report = read(tmp_path, text_of(tuple(row), row), tag)
        ((entry, spent),) = report.spent.items()
        assert (entry.group, entry.usage, spent.amount) == (group, "LCUUsage", 0.015)


def test_reads_athenas_names_of_legacy_tags(tmp_path: Path) -> None:
    row = {
        "line_item_usage_start_date": "2026-10-01",
        "line_item_product_code": "AmazonECR",
        "line_item_usage_type": "TimedStorage-ByteHrs",
        "line_item_usage_amount": "1",
        "line_item_unblended_cost": "0.1",
        "resource_tags_user_cost_center": "research",
    }
    report = read(tmp_path, text_of(tuple(row), row), "cost-center")
    ((entry, _),) = report.spent.items()
    assert entry.group == "research"


CUR_2 = (
    "line_item_usage_start_date", "line_item_product_code", "line_item_usage_type",
    "line_item_usage_amount", "line_item_unblended_cost", "resource_tags",
)  # fmt: skip
EXPLORER = """\
"Service","EC2-ELB($)","Elastic Container Service($)","Total costs($)"
"Service total","40.5","20","60.5"
"2026-09-01","20.25","","20.25"
"2026-10-01","20.25","20","40.25"
"""


def test_reads_cost_explorers_months(tmp_path: Path) -> None:
    report = read(tmp_path, EXPLORER)
    usd = {(entry.month, entry.product): s.usd for entry, s in report.spent.items()}
    assert usd == {
        ("2026-09", "EC2-ELB"): 20.25,
        ("2026-10", "EC2-ELB"): 20.25,
        ("2026-10", "Elastic Container Service"): 20,
    }
    assert not report.amounts
    assert report.covered("2026-10") == 1


def test_reads_cost_explorers_days_by_a_tag(tmp_path: Path) -> None:
    text = (
        '"stage","dev($)","No tag key: stage($)","Total costs($)"\n"stage total","3","1",'
        '"4"\n"2026-10-01","1","1","2"\n"2026-10-02","2","","2"\n'
    )
    report = read(tmp_path, text)
    usd = {entry.group: s.usd for entry, s in report.spent.items()}
    assert usd == {"dev": 3, "": 1}
    assert report.covered("2026-10") == pytest.approx(2 / 31)


def test_a_month_that_is_not_over_is_covered_in_part(tmp_path: Path) -> None:
    """What is charged by the month is there on its first day, and tells nothing."""
    monthly = LINE | {"lineItem/UsageEndDate": "2026-11-01T00:00:00Z"}
    tenth = LINE | {
        "lineItem/UsageStartDate": "2026-10-10T11:00:00Z",
        "lineItem/UsageEndDate": "2026-10-10T12:00:00Z",
    }
    report = read(tmp_path, text_of(LEGACY, monthly, tenth))
    assert report.covered("2026-10") == pytest.approx(9.5 / 31)


def at(start: str, end: str, **more: str) -> dict[str, str]:
    days = {"lineItem/UsageStartDate": start, "lineItem/UsageEndDate": end}
    return LINE | days | more


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ([at("2026-10-01", "2026-11-01"), at("2026-10-09", "2026-10-10")], 9),
        ([at("2026-10-09", "2026-10-10"), at("2026-10-04", "2026-10-05")], 9),
        ([at("2026-10-30", "2026-11-02")], 31),
        (
            [
                at("2026-10-09", "2026-10-10"),
                at("2026-10-30", "2026-10-31", **{"lineItem/LineItemType": "Tax"}),
            ],
            9,
        ),
    ],
    ids=["a day tells it", "the latest day", "no more than all", "not a tax"],
)
def test_a_report_covers_what_its_days_do(
    lines: list[dict[str, str]], days: int, tmp_path: Path
) -> None:
    report = read(tmp_path, text_of(LEGACY, *lines))
    assert report.covered("2026-10") == pytest.approx(days / 31)


def test_reads_a_gzipped_report_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "report.csv.gz"
    path.write_bytes(gzip.compress(("\ufeff" + text_of(LEGACY[1:], LINE)).encode()))
    assert len(read_report(path, "stage").spent) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "header: neither"),
        ("a,b\n1,2\n", "header: neither a Cost and Usage Report"),
        ("lineItem/UsageType\nx\n", "missing columns lineItem/UsageStartDate"),
        (text_of(LEGACY), "has no lines"),
        (text_of(LEGACY, LINE) + "x,y\n", "line 3: 2 values for 13 columns"),
        (
            text_of(LEGACY, LINE | {"lineItem/UnblendedCost": "free"}),
            "line 2: lineItem/UnblendedCost: 'free' is not a number",
        ),
        (
            text_of(LEGACY, LINE | {"lineItem/UsageAmount": "nan"}),
            "line 2: lineItem/UsageAmount: 'nan' is not a number",
        ),
        (
            text_of(LEGACY, LINE | {"lineItem/UsageStartDate": "May"}),
            "line 2: lineItem/UsageStartDate: 'May' is no date",
        ),
        *(
            (
                text_of(LEGACY, LINE | {"lineItem/UsageStartDate": f"{year}-12-31"}),
                f"UsageStartDate: '{year}-12-31' is no date from 2000 to 2099",
            )
            for year in ("0001", "9999")
        ),
        (
            text_of(LEGACY, LINE | {"lineItem/UsageEndDate": "2026-01-01"}),
            "line 2: lineItem/UsageEndDate: '2026-01-01' is before the start",
        ),
        (
            text_of(LEGACY, LINE | {"lineItem/UnblendedCost": "1e308"}),
            "UnblendedCost: '1e308' is not a number within 1e",
        ),
        (EXPLORER + '"9999-12-01","1","1","2"\n', "line 5: '9999-12-01' is no date"),
        (EXPLORER + EXPLORER.splitlines()[-1], "is there twice"),
        (
            text_of(LEGACY, LINE | {"lineItem/CurrencyCode": "CNY"}),
            "line 2: lineItem/CurrencyCode: 'CNY' is not 'USD'",
        ),
        (
            text_of(CUR_2, dict.fromkeys(CUR_2, "2026-10-01") | {CUR_2[-1]: "[1]"}),
            "line 2: resource_tags: '\\[1\\]' is no JSON table",
        ),
        (EXPLORER + '"2026-11-01","1"\n', "line 5: 2 values for 4 columns"),
        (EXPLORER.replace("20.25", "x"), "EC2-ELB: 'x' is not a number"),
        ('"lineItem/UsageType\n', "cannot be read as CSV"),
    ],
)
def test_names_what_is_no_report(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReportError, match=message) as refused:
        read(tmp_path, text)
    assert "report.csv" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfea",
        b"\x1f\x8bno gzip",
        b"\x1f\x8b",
        b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 50,  # gzip's head, and no gzip
    ],
)
def test_names_a_file_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(content)
    with pytest.raises(ReportError, match="cannot be read as CSV"):
        read_report(path, "stage")
    with pytest.raises(ReportError, match="no such file"):
        read_report(tmp_path / "none.csv", "stage")
