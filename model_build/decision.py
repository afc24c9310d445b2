"""The end of a build: the report, the verdict, and the artifact if it may ship."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from costs.book import read_book
from manifest import SAVED_MODEL, Engine, Manifest
from model_build import artifact
from model_build.card import model_card
from model_build.comparison import Exported, Truth, compare_variants
from model_build.engines import EngineReport
from model_build.examples import Dataset
from model_build.gates import judge
from model_build.lost import hardest
from model_build.measure import Measurements
from model_build.model import load_model
from model_build.page import render
from model_build.report import Report, manifest_serving
from model_build.seeds import repeat
from model_build.spec import Spec
from model_build.tasks import Judged
from model_build.tf_serving import CONFIGS

CARD = "README.md"  # as the hub calls a model's card
PRICE_REGION = "us-east-1"
SOFTWARE = (
    "tensorflow",
    "ai-edge-litert",
    "ai-edge-quantizer",
    "openvino",
    "nncf",
    "tensorflow-model-optimization",
    "numpy",
)


@dataclass(frozen=True)
class Built:
    """One variant after its steps: where its weights and its artifact lie."""

    name: str
    weights: Path  # a directory that load_model reads
    file: Path  # that holds the exported weights
    judged: Judged  # on the test split

    def exported(self) -> Exported:
        model = load_model(self.weights)
        return Exported(
            name=self.name,
            layers=[asdict(layer) for layer in model.shape.layers],
            parameters=model.parameters,
            zeros=model.zeros,
            precision=str(model.precision),
            findings=model.precision.findings,
            file=self.file,
            judged=self.judged,
        )


def decide(
    spec: Spec,
    built: Sequence[Built],
    dataset: Dataset,
    measured: Measurements,
    manifest: Manifest,
    engines: Mapping[Engine, EngineReport],
    seeds: Sequence[Judged],
) -> Report:
    """Compare every variant with the baseline and judge the one that is to ship.

    `seeds` are what the released chain, trained with each of `spec.seeds`, answers; none
    where no gate asks for them. Raises PriceError.
    """
    truth = _truth(spec, dataset)
    book = read_book(PRICE_REGION)
    exported = [variant.exported() for variant in built]
    variants = compare_variants(spec, exported, truth, measured, book)
    judged = {each.name: each.judged for each in exported}
    baseline = judged[spec.baseline]
    again = [truth.compare(each, baseline) for each in seeds]
    repeated = repeat(spec.seeds, again, len(dataset.test)) if again else None
    released = next(v for v in variants if v.name == spec.release)
    gates = judge(spec.gates, released, repeated)
    return Report(
        name=spec.name,
        task=spec.task,
        measure=spec.measure,
        baseline=spec.baseline,
        release=spec.release,
        engine=manifest.engine,
        version=manifest.version,
        passed=all(gate.passed for gate in gates),
        gates=gates,
        variants=variants,
        repeated=repeated,
        lost=hardest(dataset.test, spec.labels, judged[spec.release], baseline),
        clusters=len(dataset.test if truth.clusters is None else {*truth.clusters}),
        engines=engines,
        conditions=measured.conditions,
        seed=spec.seed,
        resamples=spec.measurement.resamples,
        spec_digest=spec.digest,
        data_digest=dataset.digest,
        data_source=spec.data.source,
        data_counts=dataset.counts(spec.labels),
        checkpoint_source=spec.checkpoint.source,
        licences=spec.licences,
        price_region=PRICE_REGION,
        price_as_of=min(p.as_of for p in book.prices if p.service == "Fargate"),
        software={name: importlib.metadata.version(name) for name in SOFTWARE},
    )


def _truth(spec: Spec, dataset: Dataset) -> Truth:
    """Questions on one context are drawn together."""
    contexts = [each.texts[-1] for each in dataset.test]
    return Truth(
        labels=np.array([each.label for each in dataset.test]),
        clusters=None if spec.labels else np.unique(contexts, return_inverse=True)[1],
        resamples=spec.measurement.resamples,
        seed=spec.seed,
    )


def release(
    report: Report, manifest: Manifest, made: Path, measured: Measurements, out: Path
) -> None:
    """Write the report; and, only if every gate passed, the artifact that is in `made`.

    The manifest is taken away first and written last: whoever finds one finds the
    files it names, and a verdict that still stands.
    """
    for name in ("manifest.json", CARD):
        (out / name).unlink(missing_ok=True)
    (out / "report.json").write_bytes(report.to_json())
    (out / "report.html").write_text(render(report), encoding="utf-8")
    for folder in (*get_args(Engine), SAVED_MODEL, CONFIGS):
        shutil.rmtree(out / folder, ignore_errors=True)
    if not report.passed:
        return
    artifact.publish(made, out, manifest.files)
    served, shipped = measured.variants[report.release], report.variant(report.release)
    whole = replace(
        manifest,
        quality=shipped.manifest_quality(report.measure),
        serving=manifest_serving(served, measured.conditions, shipped.bytes),
    )
    (out / CARD).write_text(model_card(report), encoding="utf-8")
    (out / "manifest.json").write_text(whole.to_json(), encoding="utf-8")
