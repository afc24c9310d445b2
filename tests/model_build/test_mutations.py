"""The table of mutations names code and tests that are there, and enough of them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pytest

from model_build.passes import PassSettings
from tests.model_build import mutations
from tests.model_build.mutation_table import MUTATIONS, Mutation

OPTIONS = {
    "finetune": ("LoRA merged", "warm-up and decay", "early stop", "class weights"),
    "distill": (
        "temperature",
        "alpha",
        "hidden states",
        "attention",
        "relations",
        "layer map",
        "width",
        "several teachers",
        "unlabelled texts",
    ),
    "prune_weights": (
        "magnitude",
        "schedule",
        "N:M",
        "global threshold",
        "embeddings",
    ),
    "prune_structure": (
        "heads",
        "neurons",
        "layers",
        "Taylor importance",
        "recovery",
        "iterative",
        "to a target latency",
    ),
    "prune_vocabulary": (
        "rows",
        "tokenizer rewritten",
        "safety list",
        "unknown fallback",
    ),
    "quantize": (
        "dynamic int8",
        "static int8",
        "float16",
        "bfloat16",
        "int8 weights",
        "int4 embeddings",
        "int8 embeddings",
        "mixed, op by op",
    ),
    "quantize_aware": ("the engine's arithmetic",),
}


def test_each_option_of_each_pass_has_at_least_three() -> None:
    found = Counter((each.technique, each.option) for each in MUTATIONS)
    asked = {(name, option) for name, all_ in OPTIONS.items() for option in all_}
    assert found.keys() == asked
    assert min(found.values()) >= 3, found


def test_every_pass_is_broken() -> None:
    passes = {each.__struct_config__.tag for each in PassSettings.__args__}
    assert OPTIONS.keys() == passes


@pytest.mark.parametrize("file", sorted({each.file for each in MUTATIONS}))
def test_what_is_broken_is_there_once_and_stays_python(file: str) -> None:
    text = (mutations.ROOT / file).read_text()
    for mutation in MUTATIONS:
        if mutation.file == file:
            broken = mutation.applied(text)
            assert broken != text
            compile(broken, file, "exec")


def test_each_is_another_and_its_phrase_tells_it_from_the_rest() -> None:
    assert len({(m.file, m.old, m.new, m.test) for m in MUTATIONS}) == len(MUTATIONS)
    assert len({str(mutation) for mutation in MUTATIONS}) == len(MUTATIONS)


def test_every_named_test_is_there() -> None:
    named = {each.test for each in MUTATIONS}
    files = sorted({test.partition("::")[0] for test in named})
    collected = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *files],
        cwd=mutations.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = set(collected.stdout.splitlines())
    found |= {test.partition("[")[0] for test in found}
    assert sorted(named - found) == []


def test_what_is_not_there_once_is_not_applied() -> None:
    twice = Mutation("finetune", "any", "it", "a.py", "x", "y", "tests::test")
    with pytest.raises(ValueError, match="a.py has 'x' 2 times, not once"):
        twice.applied("x = x")


def test_a_text_that_is_in_no_mutation_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert mutations.main(["--only", "no such thing"]) == 2
    assert "error: --only: 'no such thing' is in no mutation" in capsys.readouterr().err
