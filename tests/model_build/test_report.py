"""The decision report: what it claims, and the page that shows it."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from costs.energy import grams_per_kwh
from model_build.charts import Scale, panels, waterfall
from model_build.comparison import dominators
from model_build.page import render
from model_build.report import Report, read_report
from tests.model_build.toy_report import toy_report

pytestmark = pytest.mark.tf  # scipy is installed on the build side


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return toy_report(tmp_path_factory.mktemp("report"), searched=True)


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return render(report)


class Markup(HTMLParser):
    """Collects tags and addresses, and sees that what is opened is closed."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(
        self, tag: str, attributes: list[tuple[str, str | None]]
    ) -> None:
        self.tags.append(tag)
        self.addresses += [v or "" for k, v in attributes if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_report_is_read_back_as_it_was_written(
    report: Report, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(report.to_json())
    assert read_report(path).to_json() == report.to_json()


def test_a_pass_is_judged_against_what_it_was_given(report: Report) -> None:
    """Red if an effect is taken from the baseline: sparse is then 'faster'."""
    sparse = report.variant("sparse")
    assert sparse.of == "pruned"
    assert sparse.faster, "than the baseline, thanks to the passes before"
    assert sparse.effect is not None
    assert not sparse.effect.faster
    assert sparse.effect.bytes_ratio == 1.0
    assert sparse.effect.compressed_ratio < 0.8
    assert report.variant("teacher").effect is None
    int8 = report.variant("int8").effect
    assert int8 is not None
    assert int8.faster
    assert int8.bytes_ratio == pytest.approx(15_996 / 59_338)


def test_less_work_draws_less_energy_and_it_is_called_an_estimate(
    report: Report, page: str
) -> None:
    teacher, int8 = (report.variant(name).energy for name in ("teacher", "int8"))
    assert teacher is not None
    assert int8 is not None
    assert 0 < int8.kwh < teacher.kwh
    assert int8.grams_co2e == pytest.approx(int8.kwh * grams_per_kwh("us-east-1"))
    assert f"{int8.kwh:.2g} kWh</b>per million predictions, estimated" in page


def test_zeros_are_called_bytes_and_never_speed(page: str) -> None:
    row = next(r for r in page.split("<tr") if ">sparse<small>prune_weights" in r)
    effect = page.split("What each pass cost and won")[1].split("</table>")[1]
    told = next(r for r in effect.split("<tr") if ">sparse<" in r)
    assert "smaller only once compressed" in told
    assert "faster" not in told
    assert "50 % zero" in row or "50 % zero" in page


def test_dominated_variants_name_who_beats_them_at_all_four(report: Report) -> None:
    """Red if money or p99 is not compared, or the better one is called dominated."""
    assert {v.name: v.dominated_by for v in report.variants if v.dominated_by} == {
        "sparse": ["pruned"]  # of one size, a little slower and less often right
    }
    dearer = replace(report.variant("pruned"), dollars_per_million=9.0)
    every = [report.variant("sparse"), dearer]
    assert dominators(every[0], every, "macro_f1") == []


def test_gates_say_what_was_found_and_its_interval(report: Report) -> None:
    found = {gate.measure: gate for gate in report.gates}
    assert [*found] == [
        "macro_f1_retained",
        "accuracy, less the baseline's",
        "accuracy, mean over seeds, less the baseline's",
        "p50_speedup",
    ]
    margin = found["accuracy, less the baseline's"]
    assert margin.interval is not None
    assert margin.interval.low < margin.found < margin.interval.high  # type: ignore[operator]


def test_answers_alike_are_judged_and_shown(report: Report, page: str) -> None:
    """Red if a gate on agreement finds nothing, or another figure."""
    for variant in report.variants:
        found, alike = variant.find("agreement"), variant.quality.agreement
        assert found is not None
        assert (found.value, found.interval, found.n) == (
            alike.value,
            alike,
            variant.examples,
        )
    assert report.variants[0].quality.agreement.value == 1.0
    assert report.variants[-1].quality.agreement.value < 1.0
    assert page.count("answers alike") == len(report.variants) - 1


def test_the_chain_runs_from_the_baseline_to_the_release(report: Report) -> None:
    assert [v.name for v in report.chain] == ["teacher", "student", "pruned", "int8"]


def test_a_waterfall_ends_where_the_release_is(report: Report) -> None:
    """Red if a bar begins elsewhere than where the one before ended."""
    falls = waterfall(report)
    for column in range(4):
        bars = [fall.bars[column] for fall in falls]
        for before, after in pairwise(bars):
            assert before is not None
            assert after is not None
            ends = {before.start, before.start + before.width}
            starts = {after.start, after.start + after.width}
            assert any(abs(a - b) < 0.8 for a in ends for b in starts)
    assert falls[0].bars[2] is not None
    assert falls[0].bars[2].label == "0.1 MB"
    assert [b.kind for b in falls[-1].bars if b][1:] == ["good", "good", "good"]


def test_pictures_stay_within_their_frames(report: Report) -> None:
    found = panels(report)
    assert len(found) == 3
    for panel in found:
        assert len(panel.points) == 5
        for point in panel.points:
            assert panel.left < point.x < panel.width - panel.right
            assert panel.top < point.top <= point.y <= point.bottom < panel.height
            assert 0 < point.label_y < panel.height - panel.bottom
        labels = [(p.x, p.label_y) for p in panel.points]
        for index, (x, y) in enumerate(labels):
            for x2, y2 in labels[index + 1 :]:
                assert abs(x - x2) >= 70 or abs(y - y2) >= 13, "names overlap"


def test_scales_have_a_few_round_ticks() -> None:
    assert [t.label for t in Scale(0.87, 0.93, 0, 1).ticks(lambda v: f"{v:.2f}")] == [
        "0.88",
        "0.90",
        "0.92",
    ]
    log = Scale(3, 30, 0, 100, log=True)
    assert [t.label for t in log.ticks(lambda v: f"{v:g}")] == ["5", "10", "20"]
    assert log(3) == 0
    assert log(30) == 100


def test_the_page_needs_no_script_and_no_network(page: str) -> None:
    markup = Markup()
    markup.feed(page)
    assert markup.open == []
    assert not {"script", "link", "img", "iframe", "object"} & set(markup.tags)
    assert markup.addresses == []
    assert "url(" not in page
    assert "@import" not in page
    assert len(page.encode()) < 500_000


def test_texts_of_examples_are_text_and_never_markup(page: str) -> None:
    """Red if the template does not escape."""
    lost = page.split("What was lost")[1]
    assert "&lt;b&gt;funny&lt;/b&gt;" in lost
    assert "<b>funny" not in lost


@pytest.mark.parametrize(
    "heading",
    [
        "Gates",
        "The same passes with other seeds",
        "Quality, latency, size and money",
        "What each pass cost and won",
        "Every point the search tried",
        "What integers do to it",
        "What was lost",
        "The plan, and what became of it",
        "Is it as sure as it is right?",
        "How it was measured",
    ],
)
def test_the_page_has_every_part(page: str, heading: str) -> None:
    assert f"<h2>{heading}</h2>" in page


def test_a_search_s_points_are_all_drawn_and_listed(page: str) -> None:
    part = page.split("Every point the search tried")[1].split("<h2>")[0]
    assert len(re.findall("<circle", part)) == 24
    assert part.count("<tr>") == 25
    assert "found-17" in part


def test_the_worst_findings_are_shown_and_the_rest_counted(page: str) -> None:
    part = page.split("What integers do to it")[1].split("</table>")[0]
    assert part.count("<code>") == 12
    assert "layer5_ffn_out" in part
    assert "41.0 %</td><td>3.0 %" in part
    assert "10 more with smaller errors" in part


def test_what_was_planned_stands_beside_what_became(page: str) -> None:
    part = page.split("The plan, and what became of it")[1].split("</table>")[0]
    assert part.count("<tr>") == 3
    assert "870.0 MiB</td><td>900.0" in part
    assert "<td>–</td><td>0.1</td>" in part


def test_a_model_that_was_not_measured_still_has_a_page(tmp_path: Path) -> None:
    """Questions have no calibration, and a search need not have been."""
    report = toy_report(tmp_path)
    variants = [
        replace(
            v,
            serving=None,
            dollars_per_million=None,
            energy=None,
            calibration=None,
            effect=None,
        )
        for v in report.variants
    ]
    bare = replace(
        report,
        variants=variants,
        conditions=None,
        lost=(),
        gates=(),
        repeated=None,
        planned=(),
    )
    page = render(bare)
    assert "not measured" in page
    assert "Is it as sure" not in page
    assert "Every point" not in page
    assert "The plan" not in page
