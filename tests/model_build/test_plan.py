"""A plan counts right, refuses what cannot be applied, and needs neither weights nor TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from model_build import plan, sizes
from model_build.checkpoint import CheckpointError, TaskHead, read_shape
from model_build.load import Load
from model_build.machine import MEASURED, Machine, read_machine
from model_build.model import EncoderShape, LayerShape
from model_build.passes.base import PlanError
from model_build.progress import Progress
from model_build.spec import Spec, read_spec
from tests.model_build.conftest import SpecFactory

ROOT = Path(__file__).parents[2]
MACHINE = Machine(
    hardware="a machine",
    step_seconds=0.1,
    step_gflops=50.0,
    start_seconds=10.0,
    answer_gflops={"float32": 80.0, "int8": 240.0},
    export_seconds=0.5,
    base_mib=600.0,
    activation_factor=2.0,
    error={},
)
# What a build of MiniLM-L6 found: heads and neurons of its layers, how it is stored,
# parameters, bytes of its LiteRT file with graphs of eight lengths.
LENGTHS = (16, 20, 24, 28, 32, 36, 40, 48)
PRUNED = [(12, 1488), (7, 672), (5, 144)]
FOUND = [
    pytest.param([(12, 1536)] * 6, "float32", 22_565_763, 90_264_904, id="teacher"),
    pytest.param([(12, 1536)] * 3, "float32", 17_242_371, 68_786_868, id="student"),
    pytest.param(PRUNED, "float32", 14_879_619, 59_338_932, id="pruned"),
    pytest.param(PRUNED, "dynamic-int8", 14_879_619, 15_995_856, id="int8"),
]


def minilm(layers: list[tuple[int, int]], **changes: object) -> EncoderShape:
    shape = EncoderShape(
        vocabulary=30522,
        positions=512,
        width=384,
        head_width=32,
        layers=tuple(LayerShape(*layer) for layer in layers),
        classes=3,
    )
    return replace(shape, **changes)


@pytest.mark.parametrize(("layers", "precision", "parameters", "found"), FOUND)
def test_parameters_are_exact_and_a_file_is_as_large_as_it_will_be(
    layers: list[tuple[int, int]], precision: str, parameters: int, found: int
) -> None:
    """Red if a matrix is left out, or the graphs of the lengths weigh nothing."""
    shape = minilm(layers)
    assert sizes.parameters(shape) == parameters
    stored = sizes.storage_of(precision)
    assert sizes.file_bytes(shape, stored, LENGTHS) == pytest.approx(found, rel=0.002)


@pytest.mark.parametrize(
    ("scheme", "embeddings", "kernels", "table"),
    [
        ("float32", None, "float32", "float32"),
        ("float32", "int4", "float32", "int4"),
        ("bfloat16", None, "float16", "float16"),
        ("dynamic-int8", None, "int8", "int8"),
        ("weight-int8", "float", "int8", "float32"),
        ("mixed", "int4", "int8", "int4"),
    ],
)
def test_a_scheme_says_how_weights_are_stored(
    scheme: str, embeddings: str | None, kernels: str, table: str
) -> None:
    found = sizes.storage_of(scheme, embeddings)
    assert found == sizes.Storage(kernels, table)


def test_operations_are_those_that_the_literature_counts() -> None:
    """BERT-base, 128 tokens: 22.35 GFLOPs (Jiao et al., 2020, TinyBERT, table 1: 22.5B).

    Red if a multiply-add counts once, or attention is left out.
    """
    base = replace(minilm([(12, 3072)] * 12), width=768, head_width=64)
    assert sizes.row_flops(base, 128) / 1e9 == pytest.approx(22.35, rel=0.01)


@pytest.mark.tf
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"separator": 3},
        {"embedding_width": 8},
        {"head": "spans"},
        {"layers": (LayerShape(1, 48), LayerShape(2, 16))},
    ],
    ids=["plain", "two texts", "narrow embedding", "spans", "uneven layers"],
)
def test_a_shape_has_as_many_parameters_as_its_keras_model(
    tiny_shape: EncoderShape, changes: dict[str, object]
) -> None:
    from model_build.encoder import fresh_weights

    shape = replace(tiny_shape, **changes)
    weights = fresh_weights(shape, seed=1)
    assert sizes.parameters(shape) == sum(w.size for w in weights.values())
    held = {m.name: (m.rows, m.columns) for m in sizes.matrices(shape)}
    assert held == {n: w.shape for n, w in weights.items() if w.ndim == 2}
    frozen = sum(w.size for n, w in weights.items() if n.startswith("embed/"))
    assert sizes.trainable(shape) == sizes.parameters(shape) - frozen


@pytest.mark.parametrize("texts", [1, 2])
def test_a_checkpoints_shape_is_read_without_its_weights(
    tiny_checkpoint: Path, tiny_shape: EncoderShape, texts: int
) -> None:
    """Red if a row of the config is misread, or the weights' file is opened."""
    (tiny_checkpoint / "model.safetensors").unlink()
    config = msgspec.json.decode((tiny_checkpoint / "config.json").read_bytes())
    config["type_vocab_size"] = 2
    (tiny_checkpoint / "config.json").write_bytes(msgspec.json.encode(config))
    shape = read_shape(tiny_checkpoint, TaskHead("classes", 2, texts))
    separator = 3 if texts == 2 else None
    assert shape == replace(tiny_shape, separator=separator)


def planned(spec: Spec, **changes: object) -> plan.Plan:
    load = Load(np.array([20, 40]), 2, 1_000, 100, 0, "two rows")
    shape = minilm([(12, 1536)] * 6, classes=2)
    return plan.planned_with(spec, shape, replace(load, **changes), MACHINE)


def test_a_plan_follows_the_passes_of_its_spec(write_spec: SpecFactory) -> None:
    """Red if a variant is planned from the wrong parent."""
    found = planned(read_spec(write_spec(serving="[serving]\nlengths = [32, 64]")))
    names = [v.name for v in found.variants]
    assert names == ["teacher", "student", "pruned", "sparse", "int8"]
    assert [len(v.layers) for v in found.variants] == [6, 1, 1, 1, 1]
    pruned, sparse, int8 = found.variants[2:]
    assert pruned.layers == [{"heads": 6, "ffn": 768}]
    assert int8.precision == "dynamic-int8"
    assert int8.file_bytes < 0.3 * pruned.file_bytes == 0.3 * sparse.file_bytes
    assert int8.training_mib is None
    assert int8.flops_per_request == pruned.flops_per_request


def test_a_request_is_padded_to_the_length_it_is_served_at(
    write_spec: SpecFactory,
) -> None:
    """Red if a row costs what its own tokens cost."""
    spec = read_spec(write_spec(serving="[serving]\nlengths = [32, 64]"))
    teacher = planned(spec).variants[0]
    shape = minilm([(12, 1536)] * 6, classes=2)
    flops = [sizes.row_flops(shape, length) for length in (32, 64)]
    assert teacher.flops_per_request == pytest.approx(sum(flops) / 2)
    assert teacher.flops_per_token == pytest.approx(sum(flops) / 60)


def test_minutes_are_steps_and_operations_on_the_machine(
    write_spec: SpecFactory,
) -> None:
    """Red if the teacher's answers, the way back or the epochs cost nothing."""
    spec = read_spec(
        write_spec(
            serving="[serving]\nlengths = [32, 64]",
            distill='[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 3\n'
            "epochs = 2\nbatch_size = 500",
        )
    )
    own, teacher = (minilm([(12, 1536)] * n, classes=2) for n in (3, 6))
    # Two lengths in one batch: both are padded to the longer one, of 40 tokens.
    flops = 3 * sizes.row_flops(own, 40) + sizes.row_flops(teacher, 40)
    seconds = 10 + 4 * 0.1 + 2_000 * flops / 50e9
    assert planned(spec).variant("student").minutes == pytest.approx(seconds / 60)


def test_without_data_there_are_no_minutes(write_spec: SpecFactory) -> None:
    found = planned(
        read_spec(write_spec()), train=None, test=None, lengths=np.array([8, 16])
    )
    assert found.minutes is None
    assert found.variants[0].minutes is None
    assert found.variants[0].training_mib is not None


def test_more_rows_in_a_batch_hold_more_memory(write_spec: SpecFactory) -> None:
    serving = "[serving]\nlengths = [32, 64]"
    first = planned(read_spec(write_spec(serving=serving)))
    finetune = '[[passes]]\nvariant = "teacher"\nname = "finetune"\nbatch_size = 64\n'
    doubled = planned(read_spec(write_spec(serving=serving, finetune=finetune)))
    shape = minilm([(12, 1536)] * 6, classes=2)
    more = 32 * sizes.activations(shape, 64) * 4 * 2.0 / (1 << 20)
    before, after = (p.variants[0].training_mib for p in (first, doubled))
    assert before is not None
    assert after == pytest.approx(before + more)
    assert doubled.peak_mib >= after


@pytest.mark.parametrize(
    ("gate", "kept"),
    [
        ('measure = "parameters"\nat_most = 1e6', False),
        ('measure = "parameters"\nat_most = 2e7', True),
        ('measure = "bytes"\nat_most = 1e6', False),
        ('measure = "bytes_ratio"\nat_most = 0.25', True),
        ('measure = "bytes_ratio"\nat_most = 0.01', False),
    ],
)
def test_a_plan_says_which_bounds_it_will_miss(
    write_spec: SpecFactory, gate: str, kept: bool
) -> None:
    """Red if a bound is compared with another variant than the released one."""
    spec = read_spec(
        write_spec(serving="[serving]\nlengths = [32, 64]", gates=f"[[gates]]\n{gate}")
    )
    found = planned(spec)
    assert found.bounds[0].kept is kept
    assert found.fits is kept


def test_the_build_machines_memory_is_a_bound(write_spec: SpecFactory) -> None:
    build = '[build]\ncompute = "small"\ntimeout_minutes = 5'
    spec = read_spec(
        write_spec(
            serving=f"[serving]\nlengths = [64, 512]\n{build}",
            finetune='[[passes]]\nvariant = "teacher"\nname = "finetune"\nbatch_size = 64\nepochs = 9',
        )
    )
    missed = {b.measure for b in planned(spec).bounds if not b.kept}
    assert missed == {"MiB of build.compute small", "build.timeout_minutes"}


def test_a_pass_that_cannot_apply_is_named_before_any_training(
    write_spec: SpecFactory,
) -> None:
    """Red if the plan stops at the first pass, or says only what the pass knows."""
    spec = read_spec(
        write_spec(
            distill='[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 7'
        )
    )
    shape = minilm([(12, 1536)] * 6, classes=2)
    with pytest.raises(
        PlanError, match=r"^passes\[1\]\.layers: 7 is more than the 6 there are$"
    ):
        plan.planned_shapes(spec, shape)


def test_a_row_that_has_no_place_is_refused(write_spec: SpecFactory) -> None:
    spec = read_spec(
        write_spec(serving="[serving]\nlengths = [8, 513]".replace("513", "512"))
    )
    with pytest.raises(CheckpointError, match="512 is above the checkpoint's 128"):
        plan.planned_shapes(spec, minilm([(12, 1536)], positions=128))


def test_the_plan_reads_the_lengths_of_the_data(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    """Red if the serving lengths stand for data that is there."""
    spec = read_spec(write_spec())
    quiet = Progress(stream=(tmp_path / "progress").open("w"))
    found = plan.plan(spec, None, MACHINE, quiet)
    assert found.tokens_per_request == pytest.approx(12.0)  # ten words, [CLS], [SEP]
    assert found.lengths_from.endswith("training examples")
    assert found.minutes is not None


@pytest.mark.tf
def test_the_command_prints_a_plan_and_loads_no_tensorflow(
    write_spec: SpecFactory, tmp_path: Path
) -> None:
    """Red if anything on the way imports TensorFlow."""
    script = (
        "import sys; from model_build.__main__ import main; code = main(sys.argv[1:]);"
        "assert 'tensorflow' not in sys.modules, 'TensorFlow'; sys.exit(code)"
    )
    command = [sys.executable, "-c", script, "plan", str(write_spec()), "--json"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=plan.Plan)
    assert [v.name for v in found.variants][-1] == "int8"
    assert "passes can be applied" in done.stderr


@pytest.mark.tf
def test_a_plan_waits_for_no_hub(write_spec: SpecFactory) -> None:
    """Red if data that cannot be asked for now is refused, or counted."""
    source = f'source = "hub:owner/name@{"a" * 40}/train.jsonl"'
    command = [sys.executable, "-m", "model_build", "plan", "--json"]
    done = subprocess.run(
        [*command, str(write_spec(data_source=source))],
        cwd=ROOT,
        env={**os.environ, "HF_ENDPOINT": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=plan.Plan)
    assert found.minutes is None
    assert "does not answer" in found.lengths_from


@pytest.mark.tf
def test_a_plan_that_misses_its_budget_is_exit_code_1(
    write_spec: SpecFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    from model_build.__main__ import main

    gate = '[[gates]]\nmeasure = "parameters"\nat_most = 1'
    assert main(["plan", str(write_spec(gates=gate))]) == 1
    assert "MISS parameters" in capsys.readouterr().out


@pytest.mark.tf
def test_a_plan_that_cannot_be_is_one_line_and_exit_code_2(
    write_spec: SpecFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    from model_build.__main__ import main

    bad = '[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 3'
    assert main(["plan", str(write_spec(distill=bad))]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert "passes[1].layers: 3 is more than the 2 there are" in error


def test_the_committed_machine_can_be_read() -> None:
    machine = read_machine(MEASURED)
    assert machine.step_gflops > 1
    assert machine.answer_gflops.keys() == {"float32", "int8"}
