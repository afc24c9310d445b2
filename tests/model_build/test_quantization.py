"""Each scheme is exported, loads in its engine, answers like the float model, and is small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from model_build.model import Embeddings, Finding, Model, Precision, Scheme, load_model
from model_build.passes import Quantize, QuantizeAware
from model_build.passes.base import PlanError, Workbench
from model_build.passes.quantize import RUNS
from model_build.spec import SpecError, read_spec
from model_build.tokens import Tokens
from tests.model_build.conftest import SpecFactory

LENGTHS = (8, 12)
# Mean change of a probability, of a lively model whose layers are 16 wide: rounding is
# coarse there. red if a scale is of the wrong axis, or a half byte is of the wrong half
TOLERANCES = {
    Precision("float32"): 1e-6,
    Precision("float32", "int8"): 0.02,
    Precision("float32", "int4"): 0.15,
    Precision("float16"): 2e-3,
    Precision("bfloat16"): 0.01,
    Precision("weight-int8", "int8"): 0.03,
    Precision("dynamic-int8", "int8"): 0.05,
    Precision("dynamic-int8", "int4"): 0.15,
    Precision("static-int8", "int8"): 0.07,
    Precision("mixed", "int8"): 0.05,
}
SPEC_OF_INT8 = '[[passes]]\nvariant = "int8"\nof = "pruned"\nname = "quantize"\n'


@pytest.fixture(scope="session")
def lively(tiny_model: Model, tiny_tokens: Tokens) -> Model:
    """Larger weights than fresh ones, and answers that differ from text to text."""
    return enlivened(tiny_model, tiny_tokens)


def enlivened(model: Model, tokens: Tokens) -> Model:
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    weights = {k: 3 * w if w.ndim == 2 else w for k, w in model.weights.items()}
    logits = np.array(
        logits_of(to_keras(model.with_weights(weights)), tokens), np.float32
    )
    factor = 2 / (logits[:, 1] - logits[:, 0]).std()
    weights["classifier/kernel"] = factor * weights["classifier/kernel"]
    weights["classifier/bias"] = -factor * logits.mean(0)
    return model.with_weights(weights)


@pytest.fixture(scope="session")
def outlying(lively: Model) -> Model:
    """One channel of the second layer norm is 60 times as loud, its weights as small."""
    weights = {name: value.copy() for name, value in lively.weights.items()}
    weights["layer0_attention_norm/gamma"][3] *= 60
    weights["layer0_ffn_in/kernel"][3] /= 60
    weights["layer0_ffn_norm/gamma"][3] /= 60  # or the residual would drown the rest
    return lively.with_weights(weights)


@pytest.fixture(scope="session")
def loud(lively: Model) -> Model:
    """Lively, but one value of attention is 200 times as large, and values are biased."""
    weights = {name: value.copy() for name, value in lively.weights.items()}
    weights["layer0_value/bias"] += np.linspace(-1, 1, 16, dtype=np.float32)
    weights["layer0_value/kernel"][:, 3] *= 200
    weights["layer0_value/bias"][3] *= 200
    weights["layer0_output/kernel"][3] /= 200
    return lively.with_weights(weights)


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


def in_float(model: Model, tokens: Tokens) -> np.ndarray:
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    return softmax(np.array(logits_of(to_keras(model), tokens)))


def in_litert(model: Model, tokens: Tokens, path: Path) -> np.ndarray:
    """Through the server's own engine."""
    from containers.flask.litert import LiteRTEngine
    from model_build.litert import export_litert

    export_litert(model, LENGTHS, path, tokens)
    engine = LiteRTEngine(path, shapes=dict.fromkeys(LENGTHS, (2,)), cores=1)
    found = []
    for ids, used in zip(tokens.ids, tokens.lengths, strict=True):
        row = np.zeros((1, next(n for n in LENGTHS if n >= used)), np.int32)
        row[0, :used] = ids[:used]
        found.append(engine.run(row)[0])
    return np.array(found)


@pytest.mark.tf
@pytest.mark.parametrize("precision", TOLERANCES, ids=str)
def test_the_server_runs_every_scheme_and_answers_like_the_float_model(
    lively: Model, tiny_tokens: Tokens, tmp_path: Path, precision: Precision
) -> None:
    wanted = in_float(lively, tiny_tokens)
    assert wanted.std(0).min() > 0.05  # or any answer would do
    model = replace(lively, precision=precision)
    found = in_litert(model, tiny_tokens, tmp_path / "model.tflite")
    change = np.abs(found - wanted).mean()
    assert change < TOLERANCES[precision]
    if precision != Precision():
        assert change > 1e-5  # red if nothing was quantized


def sizes(model: Model, tmp_path: Path, *asked: Precision) -> list[int]:
    from model_build.litert import export_litert

    for number, precision in enumerate(asked):
        path = tmp_path / str(number)
        export_litert(replace(model, precision=precision), (8,), path)
    return [(tmp_path / str(n)).stat().st_size for n in range(len(asked))]


@pytest.mark.tf
def test_bytes_are_what_the_scheme_says(tiny_model: Model, tmp_path: Path) -> None:
    """Of a model that is nearly all embeddings: 8,192 rows of 16, a scale each."""
    from model_build.encoder import fresh_weights

    shape = replace(tiny_model.shape, vocabulary=8192)
    model = Model(shape, fresh_weights(shape, seed=1), tiny_model.tokenizer)
    full, half, whole, quarter = sizes(
        model,
        tmp_path,
        Precision(),
        Precision("float16"),
        Precision("float32", "int8"),
        Precision("float32", "int4"),
    )
    table = 8192 * 16
    assert full - half == pytest.approx(2 * table, rel=0.1)
    assert full - whole == pytest.approx(4 * table - (table + 4 * 8192), rel=0.05)
    assert full - quarter == pytest.approx(4 * table - (table / 2 + 4 * 8192), rel=0.05)


@pytest.mark.tf
def test_layers_left_in_float_have_their_weights_in_8_bits(
    tiny_model: Model, tmp_path: Path
) -> None:
    # red if what is left in float keeps float weights: then mixed is no smaller
    from model_build.encoder import fresh_weights

    wide = replace(tiny_model.shape.layers[0], ffn=4096)
    shape = replace(tiny_model.shape, layers=(wide, wide))
    model = Model(shape, fresh_weights(shape, seed=1), tiny_model.tokenizer)
    left = tuple(
        Finding(f"layer{i}_ffn_{end}", "", 1.0, None, "float")
        for i in range(2)
        for end in ("in", "out")
    )
    full, whole, mixed = sizes(
        model,
        tmp_path,
        Precision(),
        Precision("dynamic-int8"),
        Precision("mixed", findings=left),
    )
    assert mixed < 0.4 * full
    assert mixed == pytest.approx(whole, rel=0.1)


@pytest.mark.tf
def test_a_layer_left_in_float_is_multiplied_in_float(
    lively: Model, tiny_tokens: Tokens, tmp_path: Path
) -> None:
    # red if the recipe's scope names no layer, or more than the layer
    parts = ("query", "key", "value", "output", "ffn_in", "ffn_out")
    names = [f"layer{index}_{part}" for index in range(2) for part in parts]
    left = tuple(Finding(n, "", 1.0, None, "float") for n in [*names, "classifier"])
    every, none, all_left = (
        in_litert(replace(lively, precision=asked), tiny_tokens, tmp_path / "m")
        for asked in (
            Precision("weight-int8"),
            Precision("dynamic-int8"),
            Precision("mixed", findings=left),
        )
    )
    np.testing.assert_allclose(all_left, every, atol=1e-6)
    assert np.abs(all_left - none).mean() > 1e-3


@pytest.mark.tf
@pytest.mark.parametrize("scheme", ["dynamic-int8", "weight-int8"])
def test_the_imitated_arithmetic_is_the_engine_s(
    outlying: Model, tiny_tokens: Tokens, tmp_path: Path, scheme: Scheme
) -> None:
    """Quantization-aware training learns to live with what will really happen.

    red if activations are symmetric, or of one scale a tensor, or weights of one scale
    """
    from model_build.arithmetic import PARTS
    from model_build.encoder import to_keras
    from model_build.training import logits_of

    imitated = to_keras(outlying, parts=PARTS[scheme])
    wanted = softmax(np.array(logits_of(imitated, tiny_tokens)))
    model = replace(outlying, precision=Precision(scheme, "int8"))
    found = in_litert(model, tiny_tokens, tmp_path / "model.tflite")
    rounding = np.abs(found - in_float(outlying, tiny_tokens)).mean()
    assert np.abs(found - wanted).mean() < 0.05 * rounding


@pytest.mark.tf
def test_a_mixture_smooths_an_outlying_channel_and_says_so(
    outlying: Model, tiny_tokens: Tokens, bench: Workbench
) -> None:
    # red if factors multiply kernels and activations alike, or are of the wrong axis
    mixed = Quantize(scheme="mixed", max_error=0.1).apply(outlying, bench)
    wanted = in_float(outlying, tiny_tokens)
    np.testing.assert_allclose(in_float(mixed, tiny_tokens), wanted, atol=1e-4)
    assert "layer0_ffn_in_smooth/factors" in mixed.weights
    found = {f.operation: f for f in mixed.precision.findings}["layer0_ffn_in"]
    assert found.decision == "smoothed"
    assert "channel 3 " in found.cause
    assert found.mended is not None
    assert found.mended < 0.5 * found.error


@pytest.mark.tf
def test_what_a_mixture_smoothed_answers_nearer_to_float_in_the_engine(
    loud: Model, tiny_tokens: Tokens, bench: Workbench, tmp_path: Path
) -> None:
    # red if values are not scaled with the rows that read them
    mixed = Quantize(scheme="mixed", max_error=0.1, embeddings="float").apply(
        loud, bench
    )
    assert "layer0_output_smooth/factors" not in mixed.weights  # it costs nothing
    wanted = in_float(loud, tiny_tokens)
    np.testing.assert_allclose(in_float(mixed, tiny_tokens), wanted, atol=1e-4)
    errors = []
    for model in (replace(loud, precision=Precision("dynamic-int8")), mixed):
        answers = in_litert(model, tiny_tokens, tmp_path / "model.tflite")
        errors.append(np.abs(answers - wanted).mean())
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.tf
def test_a_mixture_leaves_in_float_what_is_above_its_bound(
    outlying: Model, bench: Workbench
) -> None:
    strict = Quantize(scheme="mixed", max_error=1e-6).apply(outlying, bench)
    assert {f.decision for f in strict.precision.findings} == {"float"}
    assert "layer0_ffn_in" in strict.precision.float_layers
    assert not any(name.endswith("/factors") for name in strict.weights)
    lax = Quantize(scheme="mixed", max_error=1.0).apply(outlying, bench)
    assert lax.precision.float_layers == ()


@pytest.mark.tf
def test_the_mask_is_named_as_what_ruins_attention_and_a_bounded_one_mends_it(
    lively: Model, bench: Workbench
) -> None:
    """Full int8 answers like the encoder in half of the cases; this is the reason."""
    mixed = Quantize(scheme="mixed").apply(lively, bench)
    masks = [f for f in mixed.precision.findings if f.operation.endswith("_attend")]
    assert len(masks) == 2
    for finding in masks:
        assert "-10,000" in finding.cause
        assert finding.mended is not None
        assert finding.mended < 0.2 * finding.error
        assert finding.decision == "float"


@pytest.mark.tf
def test_training_in_the_engine_s_arithmetic_brings_its_answers_nearer_to_float(
    outlying: Model, tiny_tokens: Tokens, bench: Workbench, tmp_path: Path
) -> None:
    # red if the loss sees float weights, or the teacher is rounded too
    wanted = in_float(outlying, tiny_tokens)
    trained = QuantizeAware(epochs=30, learning_rate=2e-3).apply(outlying, bench)
    assert trained.precision == Precision("dynamic-int8", "int8")
    errors = []
    for model in (replace(outlying, precision=trained.precision), trained):
        found = in_litert(model, tiny_tokens, tmp_path / "model.tflite")
        errors.append(np.abs(found - wanted).mean())
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.tf
def test_training_may_be_followed_by_post_training_for_the_rest(
    outlying: Model, bench: Workbench
) -> None:
    trained = QuantizeAware(epochs=0.1).apply(outlying, bench)
    rest = Quantize(scheme="mixed", embeddings="int4", max_error=0.1)
    hybrid = rest.apply(trained, bench)
    assert str(hybrid.precision) == "mixed, int4 embeddings"
    assert hybrid.precision.findings


@pytest.mark.tf
@pytest.mark.parametrize(
    ("precision", "share", "tolerance"),
    [
        (Precision("weight-int8", "int8"), 0.35, 0.02),
        (Precision("float16"), 0.55, 2e-3),
        (Precision("bfloat16"), 0.55, 0.01),
    ],
    ids=str,
)
def test_the_saved_model_keeps_narrow_weights_and_widens_them_in_the_graph(
    tiny_model: Model,
    tmp_path: Path,
    precision: Precision,
    share: float,
    tolerance: float,
) -> None:
    # red if weights are widened before saving: the variables' bytes would not shrink
    import tensorflow as tf

    from model_build.encoder import fresh_weights
    from model_build.saved_model import export_saved_model

    wide = replace(tiny_model.shape.layers[0], ffn=4096)
    shape = replace(tiny_model.shape, layers=(wide, wide))
    weights = fresh_weights(shape, seed=1)
    # Outputs of one kernel differ: a scale of all would be seen.
    weights = {
        k: 4 * w * (1 if "embed" in k else np.linspace(0.1, 1, w.shape[1]))
        if w.ndim == 2
        else w
        for k, w in weights.items()
    }
    weights = {k: w.astype(np.float32) for k, w in weights.items()}
    model = Model(shape, weights, tiny_model.tokenizer)
    bytes_, scores = [], []
    for asked in (Precision(), precision):
        directory = tmp_path / asked.scheme
        export_saved_model(
            replace(model, precision=asked),
            labels=("bad", "good"),
            length=12,
            directory=directory,
        )
        bytes_.append((directory / "variables/variables.data-00000-of-00001").stat())
        loaded = tf.saved_model.load(str(directory))
        texts = tf.constant(["my bag was lost !", "thanks the agent solved", "never"])
        answer = loaded.signatures["serving_default"](text=texts)
        scores.append(answer["score"].numpy())
    stored = tf.train.load_checkpoint(str(directory / "variables/variables"))
    kinds = stored.get_variable_to_dtype_map().values()
    kind = precision.scheme if "float" in precision.scheme else "int8"
    assert tf.as_dtype(kind) in kinds
    assert bytes_[1].st_size < share * bytes_[0].st_size
    np.testing.assert_allclose(scores[1], scores[0], atol=tolerance)


@pytest.mark.tf
@pytest.mark.parametrize(
    ("precision", "tolerance"),
    [
        (Precision("float32", "int4"), 0.15),
        (Precision("float16"), 2e-3),
        (Precision("weight-int8", "int8"), 0.03),
    ],
    ids=str,
)
def test_openvino_runs_the_schemes_that_it_is_said_to(
    lively: Model,
    tiny_tokens: Tokens,
    tmp_path: Path,
    precision: Precision,
    tolerance: float,
) -> None:
    from model_build.openvino import export_openvino, outputs

    path = tmp_path / "model.xml"
    export_openvino(replace(lively, precision=precision), tiny_tokens, path)
    found = outputs(path, LENGTHS, tiny_tokens)
    wanted = in_float(lively, tiny_tokens)
    assert np.abs(found - wanted).mean() < tolerance


@pytest.mark.tf
@pytest.mark.parametrize("scheme", ["bfloat16", "mixed"])
def test_openvino_refuses_what_it_does_not_run(
    tiny_model: Model, tiny_tokens: Tokens, tmp_path: Path, scheme: Scheme
) -> None:
    from model_build.openvino import export_openvino

    assert scheme not in RUNS["openvino"]
    model = replace(tiny_model, precision=Precision(scheme))
    with pytest.raises(ValueError, match=f"'{scheme}' is not one that OpenVINO runs"):
        export_openvino(model, tiny_tokens, tmp_path / "model.xml")


@pytest.mark.tf
def test_static_scales_are_fixed_by_all_that_was_seen(
    lively: Model, tiny_tokens: Tokens, tmp_path: Path
) -> None:
    """Of what is multiplied, but for the answer, which a scale too small would cap."""
    # red if ranges are averages over rows, or of some of them, or not of 8 bits
    import tf_keras as keras
    from ai_edge_litert.interpreter import Interpreter

    from model_build.encoder import to_keras
    from model_build.litert import export_litert

    path, full = tmp_path / "model.tflite", to_keras(lively)
    fixed = replace(lively, precision=Precision("static-int8", "float"))
    export_litert(fixed, (12,), path, tiny_tokens)
    interpreter = Interpreter(str(path))
    tensors = {each["index"]: each for each in interpreter.get_tensor_details()}
    given: dict[str, list[Any]] = {"FULLY_CONNECTED": [], "BATCH_MATMUL": []}
    for operation in interpreter._get_ops_details():
        if operation["op_name"] in given:
            given[operation["op_name"]].append(tensors[operation["inputs"][0]])
    assert {each["dtype"] for each in given["BATCH_MATMUL"]} == {np.int8}
    whole = [e for e in given["FULLY_CONNECTED"] if e["dtype"] == np.int8]
    assert len(whole) == len(given["FULLY_CONNECTED"]) - 1 == 12
    parts = ("query", "key", "value", "output", "ffn_in", "ffn_out")
    names = [f"layer{index}_{part}" for index in range(2) for part in parts]
    seen = keras.Model(full.input, [full.get_layer(name).input for name in names])
    wanted = [np.ptp([*np.ravel(x), 0.0]) / 255 for x in seen(tiny_tokens.ids)]
    found = [each["quantization"][0] for each in whole]
    np.testing.assert_allclose(sorted(found), sorted(wanted), rtol=0.02)


@pytest.mark.tf
def test_fixed_scales_are_not_guessed(tiny_model: Model, tmp_path: Path) -> None:
    from model_build.litert import export_litert

    model = replace(tiny_model, precision=Precision("static-int8"))
    with pytest.raises(ValueError, match="calibration: none given"):
        export_litert(model, LENGTHS, tmp_path / "model.tflite")


@pytest.mark.tf
@pytest.mark.parametrize("bits", [4, 8])
def test_a_row_of_integers_is_near_its_floats_whatever_its_size(bits: int) -> None:
    # red if one scale is of the whole table: the small row would be nothing
    from model_build.storage import int4_rows, int8_of

    random = np.random.default_rng(5)
    sizes = np.array([[1e-3], [1.0], [50.0], [0.0]], np.float32)
    table = random.normal(0, 1, (4, 32)).astype(np.float32) * sizes
    if bits == 8:
        whole, scale = int8_of(table, 1)
        found = whole * scale
    else:
        packed, scale = int4_rows(table)
        assert packed.shape == (4, 16)
        found = halves(packed) * scale
    change = np.sqrt(np.square(found - table).mean(1))
    assert (change <= {8: 0.01, 4: 0.15}[bits] * sizes[:, 0]).all()


def halves(packed: np.ndarray) -> np.ndarray:
    return np.concatenate([packed % 16, packed // 16], 1).astype(np.float32) - 8


@pytest.mark.tf
def test_four_bits_clip_an_outlier_where_that_changes_a_row_least() -> None:
    from model_build.storage import int4_rows

    row = np.array([[9.0] + [1.0] * 63], np.float32)
    packed, scale = int4_rows(row)
    assert scale < 0.9 * 9 / 7
    unclipped = 63 * (9 / 7 - 1) ** 2
    assert np.square(halves(packed) * scale - row).sum() < unclipped / 2


@pytest.mark.tf
@pytest.mark.parametrize("kept", ["int8", "int4"])
def test_rows_that_are_looked_up_are_those_that_were_stored(
    lively: Model, tiny_tokens: Tokens, kept: Embeddings
) -> None:
    # red if a row is widened by another's scale, or from the other half of a byte
    from model_build.encoder import to_keras
    from model_build.storage import int4_rows, int8_of, stored_encoder

    table = lively.weights["embed/tokens"]
    table = table * np.geomspace(0.1, 10, len(table), dtype=np.float32)[:, np.newaxis]
    whole, scale = int8_of(table, 1) if kept == "int8" else int4_rows(table)
    rows = (whole if kept == "int8" else halves(whole)) * scale
    asked, rounded = (
        lively.with_weights({**lively.weights, "embed/tokens": each})
        for each in (table, rows)
    )
    stored = stored_encoder(replace(asked, precision=Precision("float32", kept)))
    found = stored(tiny_tokens.ids)["hidden"][0]
    wanted = to_keras(rounded)(tiny_tokens.ids)["hidden"][0]
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.tf
def test_bfloat16_answers_alike_in_both_engines(
    lively: Model, tiny_tokens: Tokens
) -> None:
    """TensorFlow keeps bfloat16; LiteRT keeps float32 that look like them."""
    from model_build.encoder import to_keras
    from model_build.storage import rounded_to_bfloat16, stored_encoder

    asked = replace(lively, precision=Precision("bfloat16"))
    kept, rounded = (
        encoder(tiny_tokens.ids)["logits"]
        for encoder in (
            stored_encoder(asked, kernels="bfloat16"),
            to_keras(rounded_to_bfloat16(asked)),
        )
    )
    np.testing.assert_allclose(rounded, kept, atol=1e-5)


def test_what_a_pass_found_is_kept_with_the_model(
    tmp_path: Path, saved: Callable[[Precision], Model]
) -> None:
    finding = Finding("layer0_ffn_out", "channel 7", 0.2, 0.03, "smoothed")
    precision = Precision("mixed", "int4", (finding,))
    saved(precision).save(tmp_path)
    assert load_model(tmp_path).precision == precision
    assert str(precision) == "mixed, int4 embeddings"


@pytest.fixture
def saved() -> Callable[[Precision], Model]:
    from model_build.model import EncoderShape

    shape = EncoderShape(1, 1, 1, 1, (), 2)
    return lambda precision: Model(
        shape, {"a": np.zeros(1, np.float32)}, "{}", precision
    )


def test_a_table_of_an_odd_width_is_not_packed_in_half_bytes(
    saved: Callable[[Precision], Model],
) -> None:
    shape = replace(saved(Precision()).shape, width=15)
    with pytest.raises(PlanError, match="embeddings are 15 wide, which is odd"):
        Quantize(embeddings="int4").planned(shape)


@pytest.mark.parametrize(
    ("passes", "serving", "said"),
    [
        (
            SPEC_OF_INT8 + 'scheme = "mixed"',
            'engines = ["litert", "openvino"]',
            "release 'int8': scheme: 'mixed' is not run by openvino, which runs float32",
        ),
        (
            SPEC_OF_INT8,
            'runtime = "tf_serving"',
            "scheme: 'dynamic-int8' is not run by tf_serving, which runs float32",
        ),
        (
            SPEC_OF_INT8 + 'scheme = "bfloat16"',
            "",
            "scheme: 'bfloat16' is not run by litert",
        ),
        (
            SPEC_OF_INT8 + 'scheme = "int3"',
            "",
            "passes[4].scheme: 'int3': is none of ",
        ),
        (
            SPEC_OF_INT8 + "max_error = 0.0",
            "",
            "passes[4].max_error: 0.0: Expected `float` > 0.0",
        ),
        (
            SPEC_OF_INT8.replace('"quantize"', '"quantize_aware"')
            + 'scheme = "static-int8"',
            "",
            "passes[4].scheme: 'static-int8': is none of dynamic-int8, weight-int8",
        ),
        (
            SPEC_OF_INT8
            + 'scheme = "mixed"\n'
            + '[[passes]]\nvariant = "late"\nname = "prune_weights"\nsparsity = 0.5',
            "",
            "passes[5].name: 'prune_weights' of 'int8', which 'quantize' made",
        ),
    ],
)
def test_what_cannot_be_run_is_said_before_any_training(
    write_spec: SpecFactory, passes: str, serving: str, said: str
) -> None:
    path = write_spec(
        quantize=passes, serving=f"[serving]\nlengths = [8, 16]\n{serving}"
    )
    with pytest.raises(SpecError) as error:
        read_spec(path)
    assert said in str(error.value)


def test_a_scheme_that_each_engine_runs_is_accepted(write_spec: SpecFactory) -> None:
    serving = '[serving]\nlengths = [8, 16]\nruntime = "tf_serving"'
    spec = read_spec(
        write_spec(quantize=SPEC_OF_INT8 + 'scheme = "weight-int8"', serving=serving)
    )
    settings = spec.passes[-1].settings
    assert isinstance(settings, Quantize)
    assert settings.precision == Precision("weight-int8", "int8")
    assert msgspec.to_builtins(settings)["name"] == "quantize"
