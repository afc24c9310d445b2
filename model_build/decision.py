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
from model_build.engines import EngineReport
from model_build.examples import Dataset
from model_build.measure import Measurements
from model_build.model import load_model
from model_build.page import render
from model_build.report import (
    Exported,
    Report,
    compare_variants,
    judge,
    manifest_serving,
)
from model_build.spec import Spec
from model_build.tasks import Judged
from model_build.tf_serving import CONFIGS

PRICE_REGION = "us-east-1"
SOFTWARE = (
    "tensorflow",
    "ai-edge-litert",
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
            precision=model.precision,
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
) -> Report:
    """Compare every variant with the baseline and judge the one that is to ship.

    Raises PriceError.
    """
    truth = np.array([example.label for example in dataset.test])
    book = read_book(PRICE_REGION)
    exported = [variant.exported() for variant in built]
    variants = compare_variants(spec, exported, truth, measured, book)
    gates = judge(spec.gates, next(v for v in variants if v.name == spec.release))
    return Report(
        name=spec.name,
        measure=spec.measure,
        baseline=spec.baseline,
        release=spec.release,
        engine=manifest.engine,
        version=manifest.version,
        passed=all(gate.passed for gate in gates),
        gates=gates,
        variants=variants,
        engines=engines,
        conditions=measured.conditions,
        seed=spec.seed,
        resamples=spec.measurement.resamples,
        spec_digest=spec.digest,
        data_digest=dataset.digest,
        data_source=spec.data.source,
        data_counts=dataset.counts(spec.labels),
        price_region=PRICE_REGION,
        price_as_of=min(p.as_of for p in book.prices if p.service == "Fargate"),
        software={name: importlib.metadata.version(name) for name in SOFTWARE},
    )


def release(
    report: Report, manifest: Manifest, made: Path, measured: Measurements, out: Path
) -> None:
    """Write the report; and, only if every gate passed, the artifact that is in `made`.

    The manifest is taken away first and written last: whoever finds one finds the
    files it names, and a verdict that still stands.
    """
    (out / "manifest.json").unlink(missing_ok=True)
    (out / "report.json").write_bytes(report.to_json())
    (out / "report.html").write_text(render(report), encoding="utf-8")
    for folder in (*get_args(Engine), SAVED_MODEL, CONFIGS):
        shutil.rmtree(out / folder, ignore_errors=True)
    if not report.passed:
        return
    artifact.publish(made, out, manifest.files)
    served = measured.variants[report.release]
    whole = replace(
        manifest,
        quality=report.variant(report.release).manifest_quality(report.measure),
        serving=manifest_serving(served, measured.conditions),
    )
    (out / "manifest.json").write_text(whole.to_json(), encoding="utf-8")
