"""Writes tests/containers/tiny*: real artifacts of 2 layers and width 16.

Run it in the build environment, from the repository root, when the layout of an
artifact changes:  .venv/build/bin/python -m tests.containers.tiny_artifact
Their weights are random, so their answers mean nothing; but they differ from text to
text. tiny_qa answers questions: its graph tells a context's tokens from a question's.
tiny_openvino is model_build's own encoder, exported and quantized as a build does it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

from manifest import Engine, Manifest, Step
from model_build.encoder import fresh_weights
from model_build.examples import Example
from model_build.model import EncoderShape, LayerShape, Model, Precision
from model_build.openvino import export_openvino
from model_build.tasks.classification import Classification

OUT = Path(__file__).parent / "tiny"
OUT_QA = Path(__file__).parent / "tiny_qa"
OUT_OPENVINO = Path(__file__).parent / "tiny_openvino"
LENGTHS = (8, 16, 32)
LENGTHS_QA = (16, 32)
LABELS = ("negative", "neutral", "positive")
WIDTH, HEADS, LAYERS = 16, 2, 2

TEXTS = [
    "My order never came and nobody answers the phone, this is awful.",
    "Thank you so much, the new router works and support was friendly!",
    "When does the store on the high street open on Sundays?",
    "The app crashes every time I try to pay, please refund me.",
    "Great flight, kind crew, I will surely book with you again.",
    "Is there a charge for a second bag to Denver?",
]


def main() -> None:
    tokenizer = _tokenizer()
    encoder = Encoder(tokenizer.get_vocab_size())
    _write(OUT, tokenizer, _convert(encoder, LENGTHS), _manifest)
    reader = Reader(encoder, separator=tokenizer.token_to_id("[SEP]"))
    _write(OUT_QA, tokenizer, _convert(reader, LENGTHS_QA), _manifest_qa)
    folder = _fresh(OUT_OPENVINO, "openvino", tokenizer)
    _export_openvino(tokenizer, folder / "model.xml")
    (OUT_OPENVINO / "manifest.json").write_text(
        _manifest(OUT_OPENVINO, "openvino").to_json()
    )


def _write(
    out: Path, tokenizer: Tokenizer, model: bytes, manifest: Callable[[Path], Manifest]
) -> None:
    (_fresh(out, "litert", tokenizer) / "model.tflite").write_bytes(model)
    (out / "manifest.json").write_text(manifest(out).to_json())


def _fresh(out: Path, engine: str, tokenizer: Tokenizer) -> Path:
    shutil.rmtree(out, ignore_errors=True)
    (out / engine).mkdir(parents=True)
    tokenizer.save(str(out / engine / "tokenizer.json"), pretty=False)
    return out / engine


def _export_openvino(tokenizer: Tokenizer, path: Path) -> None:
    layer = LayerShape(HEADS, 4 * WIDTH)
    shape = EncoderShape(
        vocabulary=tokenizer.get_vocab_size(),
        positions=max(LENGTHS),
        width=WIDTH,
        head_width=WIDTH // HEADS,
        layers=(layer,) * LAYERS,
        classes=len(LABELS),
    )
    weights = fresh_weights(shape, seed=7)
    weights = {name: 4 * w if w.ndim == 2 else w for name, w in weights.items()}
    text = tokenizer.to_str()
    examples = [Example((each,), 0) for each in TEXTS]
    calibration = Classification(LABELS).encode(examples, text, max(LENGTHS))
    model = Model(shape, weights, text, Precision("dynamic-int8"))
    export_openvino(model, calibration, path)


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = WordPieceTrainer(vocab_size=160, special_tokens=special)
    tokenizer.train_from_iterator(TEXTS, trainer)
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=ends,
    )
    return tokenizer


class Encoder(tf.Module):
    """A transformer encoder with a mask of its own, mean pooling and a softmax."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        random = np.random.default_rng(7)

        def weight(*shape: int) -> tf.Variable:
            return tf.Variable(random.normal(0, 0.5, shape).astype("float32"))

        self.tokens = weight(vocabulary, WIDTH)
        self.positions = weight(max(LENGTHS), WIDTH)
        self.layers = [
            {
                **{name: weight(WIDTH, WIDTH) for name in ("q", "k", "v", "out")},
                "up": weight(WIDTH, 4 * WIDTH),
                "down": weight(4 * WIDTH, WIDTH),
            }
            for _ in range(LAYERS)
        ]
        self.head = weight(WIDTH, len(LABELS))

    def hidden(self, ids: tf.Tensor, more: tf.Tensor | float = 0.0) -> tf.Tensor:
        length = ids.shape[1]
        mask = tf.cast(tf.not_equal(ids, 0), tf.float32)
        x = tf.gather(self.tokens, ids) + self.positions[:length] + more
        for layer in self.layers:
            x = _norm(x + _attention(x, mask, layer, length))
            x = _norm(x + tf.nn.gelu(x @ layer["up"]) @ layer["down"])
        return x

    def __call__(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        x = self.hidden(ids)
        mask = tf.expand_dims(tf.cast(tf.not_equal(ids, 0), tf.float32), -1)
        pooled = tf.reduce_sum(x * mask, 1) / tf.reduce_sum(mask, 1)
        return {"probabilities": tf.nn.softmax(pooled @ self.head)}


class Reader(tf.Module):
    """The encoder, told what stands after the first separator: start and end logits."""

    def __init__(self, encoder: Encoder, separator: int) -> None:
        super().__init__()
        random = np.random.default_rng(8)
        self.encoder = encoder
        self.separator = separator
        self.context = tf.Variable(random.normal(0, 0.5, WIDTH).astype("float32"))
        self.head = tf.Variable(random.normal(0, 0.5, (WIDTH, 2)).astype("float32"))

    def __call__(self, ids: tf.Tensor) -> dict[str, tf.Tensor]:
        separators = tf.cast(tf.equal(ids, self.separator), tf.float32)
        before = tf.cumsum(separators, axis=1, exclusive=True)
        types = tf.expand_dims(tf.minimum(before, 1.0), -1)
        hidden = self.encoder.hidden(ids, types * self.context)
        return {"logits": hidden @ self.head}


def _attention(
    x: tf.Tensor, mask: tf.Tensor, layer: dict[str, tf.Variable], length: int
) -> tf.Tensor:
    def heads(name: str) -> tf.Tensor:
        split = tf.reshape(x @ layer[name], [1, length, HEADS, WIDTH // HEADS])
        return tf.transpose(split, [0, 2, 1, 3])

    scores = tf.matmul(heads("q"), heads("k"), transpose_b=True)
    scores = scores / (WIDTH // HEADS) ** 0.5
    scores += (1 - tf.reshape(mask, [1, 1, 1, length])) * -1e4
    mixed = tf.transpose(tf.nn.softmax(scores) @ heads("v"), [0, 2, 1, 3])
    return tf.reshape(mixed, [1, length, WIDTH]) @ layer["out"]


def _norm(x: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(x, -1, keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + 1e-12)


def _convert(model: Encoder | Reader, lengths: Sequence[int]) -> bytes:
    signatures = {
        f"tokens_{length}": tf.function(
            model.__call__,
            input_signature=[tf.TensorSpec([1, length], tf.int32, name="ids")],
        )
        for length in lengths
    }
    with tempfile.TemporaryDirectory() as directory:
        tf.saved_model.save(model, directory, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            directory, signature_keys=list(signatures)
        )
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converted: Any = converter.convert()
    return bytes(converted)


def _manifest(out: Path, engine: Engine = "litert") -> Manifest:
    files = {
        f"{engine}/{path.name}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((out / engine).iterdir())
    }
    return Manifest(
        name="tiny-sentiment",
        variant="int8",
        version=hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12],
        spec_digest="0" * 64,
        data_digest="1" * 64,
        server_digest="3" * 64,
        architecture="x86_64",
        task="classification",
        runtime="flask",
        engine=engine,
        labels=LABELS,
        lengths=LENGTHS,
        max_batch=8,
        files=files,
        steps=(Step("int8", "quantize", {"scheme": "dynamic-int8"}),),
    )


def _manifest_qa(out: Path) -> Manifest:
    return replace(
        _manifest(out),
        name="tiny-questions",
        task="question-answering",
        labels=(),
        lengths=LENGTHS_QA,
    )


if __name__ == "__main__":
    main()
