"""What is said of a wrong spec: the values it may have, the fields there are, in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from model_build.spec import Spec, SpecError, read_spec
from model_build.wording import PATTERNS, explain
from tests.model_build.conftest import SpecFactory

SPECS = Path(__file__).parents[2] / "model_build" / "specs"
GATE = '[[gates]]\nmeasure = "accuracy"\n'
TEACHER = '[[passes]]\nvariant = "teacher"\nname = "finetune"\n'
QUANTIZE = '[[passes]]\nvariant = "int8"\nof = "pruned"\n'


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        # The values there are, those that look like what was given first.
        (
            {"task": 'task = "classify"'},
            "task: 'classify': is none of classification, question-answering",
        ),
        (
            {"quantize": QUANTIZE + 'name = "quantise"'},
            "passes[4].name: 'quantise': is none of quantize, quantize_aware, ",
        ),
        (
            {"gates": '[[gates]]\nmeasure = "byte"\nat_most = 1'},
            "gates[0].measure: 'byte': is none of bytes, accuracy, accuracy_retained,",
        ),
        (
            {"serving": "[serving]\nlengths = [8]\nvcpu = 3"},
            "serving.vcpu: 3: is none of 1, 2, 4",
        ),
        (
            {"finetune": TEACHER + 'lora = { matrices = ["q"] }'},
            "passes[0].lora.matrices[0]: 'q': is none of ffn_in, ffn_out, key, output,",
        ),
        (
            {"finetune": TEACHER + 'class_weights = "even"'},
            "passes[0].class_weights: 'even': expected balanced or table, each number "
            "> 0 and <= 1,000",
        ),
        # The fields there are, and of a pass its variant.
        (
            {"seed": "sead = 1"},
            "the spec: unknown field `sead`; known are seed, search, name, task,",
        ),
        (
            {"gates": GATE + "atleast = 0.5"},
            "gates[0]: unknown field `atleast`; known are at_least, ",
        ),
        (
            {"quantize": QUANTIZE + 'name = "quantize"\nscheem = "mixed"'},
            "passes[4]: unknown field `scheem` of quantize 'int8'; known are scheme, "
            "embeddings, calibration, max_error, name, variant, of",
        ),
        (
            {"quantize": '[[passes]]\nname = "quantize"\nvariantt = "int8"'},
            "passes[4]: unknown field `variantt` of quantize; known are variant, ",
        ),
        (
            {"finetune": TEACHER + "lora = { ranks = 4 }"},
            "passes[0].lora: unknown field `ranks`; known are rank, ",
        ),
        # Types, and what text must look like.
        ({"seed": "seed = 0.5"}, "seed: 0.5: expected whole number >= 0 and <= 4,29"),
        ({"labels": 'labels = "good"'}, "labels: 'good': expected list, each text"),
        ({"gates": GATE + 'at_least = "x"'}, "gates[0].at_least: 'x': expected number"),
        (
            {"name": 'name = "My toy"'},
            "name: 'My toy': expected lower-case letters and digits, a letter first, ",
        ),
        (
            {"data_source": 'source = "messages.csv"'},
            "data.source: 'messages.csv': expected package:NAME, file:PATH, dir:PATH or ",
        ),
        (
            {"checkpoint": '[checkpoint]\nsha256 = { "config.json" = "12" }'},
            "checkpoint.sha256: one of its values: expected 64 hexadecimal digits",
        ),
        ({"task": ""}, "the spec: Object missing required field `task`"),
    ],
)
def test_a_wrong_spec_is_told_what_it_could_say(
    write_spec: SpecFactory, changed: dict[str, str], said: str
) -> None:
    path = write_spec(**changed)
    with pytest.raises(SpecError) as refusal:
        read_spec(path)
    assert str(refusal.value).startswith(f"{path}: {said}")
    assert len(str(refusal.value).splitlines()) == 1


ODD: tuple[Any, ...] = (3, -1, 0.5, math.nan, True, "", "x - at `$.y`", [], ["x"], {})


def places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Every table or list in a spec, with each of its keys."""
    keys = list(content) if isinstance(content, dict) else range(len(content))
    for key in keys:
        yield content, key
        if isinstance(content[key], dict | list):
            yield from places(content[key])


@pytest.mark.parametrize("name", ["sst2", "squad"])
def test_whatever_stands_anywhere_is_read_or_refused_in_one_line(name: str) -> None:
    """Red if a place or a value is not thought of: then it is a traceback."""
    content = msgspec.to_builtins(read_spec(SPECS / f"{name}.toml"))
    refused = 0
    for table, key in list(places(content)):
        there = table[key]
        for odd in ODD:
            table[key] = odd
            try:
                msgspec.convert(content, Spec)
            except msgspec.ValidationError as error:
                refused += 1
                said = explain(str(error), content, Spec)
                assert re.fullmatch(r"[\w.\[\] ]+: .+", said), said
        table[key] = there
    assert refused > 500


def every_kind(kind: inspect.Type) -> Iterator[inspect.Type]:
    yield kind
    match kind:
        case inspect.UnionType(types=inner) | inspect.TupleType(item_types=inner):
            kinds = list(inner)
        case inspect.StructType(fields=fields):
            kinds = [field.type for field in fields]
        case inspect.VarTupleType(item_type=item) | inspect.DictType(value_type=item):
            kinds = [item]
        case _:
            kinds = []
    for each in kinds:
        yield from every_kind(each)


KINDS = list(every_kind(inspect.type_info(Spec)))


def test_every_pattern_of_a_spec_has_words() -> None:
    """Red if a pattern is added: a regular expression is nothing to read."""
    patterns = {kind.pattern for kind in KINDS if isinstance(kind, inspect.StrType)}
    assert patterns - {None} == PATTERNS.keys()


def test_every_number_of_a_spec_has_an_end() -> None:
    """Red if a bound is left out: TOML has inf, and nan, which is within no bound."""
    numbers = [kind for kind in KINDS if isinstance(kind, inspect.FloatType)]
    assert len(numbers) > 20
    bounded = [kind.le is not None or kind.lt is not None for kind in numbers]
    # A gate's at_least and at_most: bounds.py knows their ends.
    assert bounded.count(False) == 2
