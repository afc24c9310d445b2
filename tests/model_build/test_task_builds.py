"""Whole builds of the tasks that are asked with two texts: from a table to answers."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from containers.flask.predictor import load_predictor
from manifest import read_manifest
from model_build.__main__ import main
from tests.model_build.conftest import BAD, GOOD, OTHER, SpecFactory

pytestmark = pytest.mark.tf

ONLY = dict.fromkeys(("distill", "prune_structure", "prune_weights", "confidence"), "")
INT8 = '[[passes]]\nvariant = "int8"\nname = "quantize"'


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return path


def questions(count: int) -> list[dict[str, Any]]:
    """What was lost? The word before "was lost", wherever that is said."""
    chance = random.Random(5)
    rows = []
    for number in range(count):
        context = chance.choices(OTHER, k=chance.randint(4, 40))
        place = chance.randrange(len(context))
        before = " ".join([*context[:place], ""])
        text = chance.choice(("bag", "order", "flight"))
        rows.append(
            {
                "title": f"article {number % 20}",
                "question": "what was lost ?",
                "context": f"{before}{text} was lost {' '.join(context[place:])}",
                "answers": {"text": [text], "answer_start": [len(before)]},
            }
        )
    return rows


def pairs(count: int) -> list[dict[str, Any]]:
    """Whether two messages are of one mind."""
    chance = random.Random(6)
    rows = []
    for _ in range(count):
        first, second = chance.choice((GOOD, BAD)), chance.choice((GOOD, BAD))
        texts = [
            " ".join([*chance.choices(OTHER, k=6), chance.choice(words)])
            for words in (first, second)
        ]
        rows.append({"a": texts[0], "b": texts[1], "same": int(first is second)})
    return rows


def build(spec: Path, out: Path, *options: str) -> dict[str, Any]:
    assert main([str(spec), "--out", str(out), *options]) == 0
    return dict(json.loads((out / "report.json").read_text()))


def served(out: Path) -> tuple[list[Any], list[Any], list[Any]]:
    """Held-out instances, what the build says of them, what the server's code does."""
    sample = json.loads((out / "sample.json").read_text())
    manifest = read_manifest(out / "manifest.json")
    assert manifest.runtimes == ("flask",), "the graph of text in is for single texts"
    answers = load_predictor(manifest, out).predict(sample["instances"])
    return sample["instances"], sample["answers"]["flask"], list(answers)


def test_a_spec_of_questions_becomes_answers_out_of_their_contexts(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    # red if measure.py sends texts only, or the judge and the server cut otherwise
    table = write(tmp_path / "questions.jsonl.gz", questions(160))
    fields = 'text = ["question", "context"]\ngroup = "title"\nduplicates = "exact"'
    spec = write_spec(
        task='task = "question-answering"',
        labels="",
        data_source=f'source = "file:{table}"\n{fields}',
        serving="[serving]\nlengths = [16, 24]",
        quantize=INT8,
        gates='[[gates]]\nmeasure = "f1"\nat_least = 0.0',
        **ONLY,
    )
    report = build(spec, tmp_path / "out")
    assert report["measure"] == "f1"
    for variant in report["variants"]:
        assert variant["quality"]["figures"].keys() == {"exact_match", "f1"}
        assert variant["serving"]["requests_per_second"] > 0
    instances, told, answers = served(tmp_path / "out")
    assert read_manifest(tmp_path / "out/manifest.json").task == "question-answering"
    assert len(instances) >= 8
    for instance, said, answer in zip(instances, told, answers, strict=True):
        assert answer["answer"] == said["answer"]
        where = slice(answer["start"], answer["end"])
        assert instance["context"][where] == answer["answer"] != ""


def test_a_spec_of_pairs_becomes_labels(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    table = write(tmp_path / "pairs.jsonl.gz", pairs(200))
    fields = 'text = ["a", "b"]\nlabel = "same"\nlabel_is = "index"'
    spec = write_spec(
        labels='labels = ["other", "same"]',
        data_source=f'source = "file:{table}"\n{fields}',
        quantize=INT8,
        **ONLY,
    )
    build(spec, tmp_path / "out")
    instances, told, answers = served(tmp_path / "out")
    assert read_manifest(tmp_path / "out/manifest.json").task == "pair-classification"
    assert all(instance.keys() == {"text", "pair"} for instance in instances)
    assert [answer["label"] for answer in answers] == [said["label"] for said in told]


def test_a_hub_spec_is_built_without_a_network(
    write_spec: SpecFactory, tiny_checkpoint: Path, messages: Path, tmp_path: Path
) -> None:
    """As `--data-dir` and `--teacher` promise, the spec's own sources are not asked."""
    # red if `local` is not looked for, or the spec's digests are held against another
    beside = tmp_path / "beside"
    beside.mkdir()
    messages.rename(beside / "toy.train.csv")
    nowhere = f"hub:nobody/nothing@{'0' * 40}"
    digests = f'sha256 = {{ "config.json" = "{"0" * 64}" }}'
    spec = write_spec(
        data_source=f'source = "{nowhere}/train.csv"\nlocal = "toy.train.csv"\n'
        f'sha256 = "{"0" * 64}"',
        checkpoint_source=f'source = "{nowhere}"\n{digests}',
        release='release = "teacher"',
        quantize="",
        **{name: "" for name in ONLY if name != "confidence"},
    )
    options = ("--data-dir", str(beside), "--teacher", f"dir:{tiny_checkpoint}")
    assert build(spec, tmp_path / "out", *options)["passed"]
