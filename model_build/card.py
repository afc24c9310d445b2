"""README.md of an artifact: a model card as the Hugging Face hub reads it.

Mitchell et al., 2019, "Model cards for model reporting"
(https://arxiv.org/abs/1810.03993); the metadata is the hub's `model-index`
(https://github.com/huggingface/hub-docs/blob/main/modelcard.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_build.page import FILTERS
from model_build.report import Report

TASKS = {
    "classification": ("text-classification", "Text classification"),
    "question-answering": ("question-answering", "Question answering"),
}
# Ours -> the hub's metric and its arguments (https://huggingface.co/metrics).
METRICS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "accuracy": ("accuracy", None),
    "macro_f1": ("f1", {"average": "macro"}),
    "exact_match": ("exact_match", None),
    "f1": ("f1", None),
}


def model_card(report: Report) -> str:
    """Return markdown under the YAML that makes the hub list the model's figures."""
    from huggingface_hub import ModelCardData

    released = report.variant(report.release)
    metadata = ModelCardData(
        license=report.licences.checkpoint,
        base_model=_on_hub(report.checkpoint_source),
        datasets=_on_hub(report.data_source),
        metrics=sorted({METRICS[name][0] for name in released.quality.figures}),
        pipeline_tag=TASKS[report.task][0],
        tags=sorted({"lathe", report.engine, *(v.made_by for v in report.chain)}),
        model_name=f"{report.name} {report.version}",
        eval_results=_results(report),
    )
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # markdown; nothing in it comes from a request
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    body = environment.get_template("card.md.j2").render(
        report=report, ship=released, base=report.variant(report.baseline)
    )
    return f"---\n{metadata.to_yaml()}\n---\n\n{body}\n"


def _results(report: Report) -> list[Any]:
    from huggingface_hub import EvalResult

    kind, name = TASKS[report.task]
    found = _on_hub(report.data_source) or report.name
    figures = report.variant(report.release).quality.figures
    return [
        EvalResult(
            task_type=kind,
            task_name=name,
            dataset_type=found,
            dataset_name=report.data_source,
            dataset_split="test",
            metric_type=METRICS[measure][0],
            metric_name=measure,
            metric_args=METRICS[measure][1],
            metric_value=round(figure.own.value, 4),
        )
        for measure, figure in figures.items()
    ]


def _on_hub(source: str) -> str | None:
    """`hub:owner/name@revision/file` -> `owner/name`."""
    kind, _, rest = source.partition(":")
    return rest.partition("@")[0] if kind == "hub" else None
