"""A real encoder at toy size: two layers of width 16, a real WordPiece tokenizer."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

# tensorflow-model-optimization wants Keras 2; must be set before TensorFlow loads.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from model_build.examples import Example
from model_build.model import EncoderShape, LayerShape, Model
from model_build.passes.base import Workbench
from model_build.progress import Progress
from model_build.tasks.classification import Classification
from model_build.tokens import Tokens

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
GOOD = ("thanks", "great", "solved")
BAD = ("lost", "broken", "never")
OTHER = ("my", "bag", "order", "the", "agent", "was", "is", "flight", "please")
VOCABULARY = (*SPECIAL, *GOOD, *BAD, *OTHER, "##s", "!", "?")


@pytest.fixture(scope="session")
def tiny_shape() -> EncoderShape:
    layer = LayerShape(heads=2, ffn=32)
    return EncoderShape(
        vocabulary=len(VOCABULARY),
        positions=32,
        width=16,
        head_width=8,
        layers=(layer, layer),
        classes=2,
    )


@pytest.fixture(scope="session")
def tiny_model(tiny_shape: EncoderShape) -> Model:
    from model_build.encoder import fresh_weights

    weights = fresh_weights(tiny_shape, seed=7)
    return Model(tiny_shape, weights, tiny_tokenizer().to_str())


@pytest.fixture(scope="session")
def tiny_examples() -> list[Example]:
    """Sixty-four sentences of 6 or 10 words; the first word decides their label."""
    generator = random.Random(7)
    words = (*GOOD, *BAD, *OTHER)
    examples = []
    for number in range(64):
        chosen = generator.choices(words, k=6 if number < 32 else 10)
        label = int(words.index(chosen[0]) > len(words) // 2)
        examples.append(Example((" ".join(chosen),), label))
    return examples


@pytest.fixture(scope="session")
def tiny_tokens(tiny_model: Model, tiny_examples: list[Example]) -> Tokens:
    return Classification(("bad", "good")).encode(
        tiny_examples, tiny_model.tokenizer, 12
    )


@pytest.fixture
def bench(tiny_model: Model, tiny_examples: list[Example], tmp_path: Path) -> Workbench:
    return bench_of(tiny_model, tiny_examples, tmp_path / "kept")


def bench_of(model: Model, examples: Sequence[Example], kept: Path) -> Workbench:
    kept.mkdir(exist_ok=True)
    return Workbench(
        task=Classification(("bad", "good")),
        train=examples,
        validation=examples[:16],
        unlabelled=(),
        length=12,
        variants=lambda _: model,
        baseline="teacher",
        kept=kept,
        seed=7,
        progress=Progress(stream=io.StringIO()),
    )


def tiny_tokenizer() -> Tokenizer:
    vocabulary = {piece: index for index, piece in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


@pytest.fixture
def tiny_checkpoint(tmp_path: Path, tiny_shape: EncoderShape) -> Path:
    """What a hub repository holds, of BERT's architecture, with random weights."""
    from safetensors.numpy import save_file

    directory = tmp_path / "checkpoint"
    directory.mkdir()
    layer = tiny_shape.layers[0]
    config = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "vocab_size": tiny_shape.vocabulary,
        "max_position_embeddings": tiny_shape.positions,
        "hidden_size": tiny_shape.width,
        "num_attention_heads": layer.heads,
        "num_hidden_layers": len(tiny_shape.layers),
        "intermediate_size": layer.ffn,
        "layer_norm_eps": tiny_shape.epsilon,
    }
    (directory / "config.json").write_text(json.dumps(config))
    save_file(dict(_bert_tensors(tiny_shape)), directory / "model.safetensors")
    tiny_tokenizer().save(str(directory / "tokenizer.json"))
    return directory


def _bert_tensors(shape: EncoderShape) -> list[tuple[str, np.ndarray]]:
    random_ = np.random.default_rng(3)

    def normal(*size: int) -> np.ndarray:
        return random_.normal(0, 0.1, size).astype(np.float32)

    width, ffn = shape.width, shape.layers[0].ffn
    tensors = [
        ("embeddings.word_embeddings.weight", normal(shape.vocabulary, width)),
        ("embeddings.position_embeddings.weight", normal(shape.positions, width)),
        ("embeddings.token_type_embeddings.weight", normal(2, width)),
    ]
    dense = {
        "attention.self.query": (width, width),
        "attention.self.key": (width, width),
        "attention.self.value": (width, width),
        "attention.output.dense": (width, width),
        "intermediate.dense": (ffn, width),
        "output.dense": (width, ffn),
    }
    norms = ["embeddings.LayerNorm"]
    for index in range(len(shape.layers)):
        layer = f"encoder.layer.{index}"
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
        for name, size in dense.items():
            tensors.append((f"{layer}.{name}.weight", normal(*size)))
            tensors.append((f"{layer}.{name}.bias", normal(size[0])))
    for name in norms:
        tensors.append((f"{name}.weight", 1 + normal(width)))
        tensors.append((f"{name}.bias", normal(width)))
    return tensors


@pytest.fixture
def messages(tmp_path: Path) -> Path:
    """Two hundred and forty labelled messages as a CSV file."""
    generator = random.Random(5)
    path = tmp_path / "messages.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["label", "confidence", "text"])
        for number in range(240):
            label, words = ("good", GOOD) if number % 2 else ("bad", BAD)
            text = " ".join([*generator.choices(OTHER, k=9), generator.choice(words)])
            writer.writerow([label, "1" if number % 5 else "0.6", text])
    return path


SpecFactory = Callable[..., Path]


@pytest.fixture
def write_spec(tmp_path: Path, tiny_checkpoint: Path, messages: Path) -> SpecFactory:
    """A spec file of the toy model; a test replaces the lines it is about."""

    def write(**replaced: str) -> Path:
        lines: dict[str, Any] = {
            "name": 'name = "toy"',
            "task": 'task = "classification"',
            "labels": 'labels = ["bad", "good"]',
            "release": 'release = "int8"',
            "seed": "seed = 3",
            "data": "[data]",
            "data_source": f'source = "file:{messages}"',
            "confidence": 'confidence = "confidence"\nmin_confidence = 0.5',
            "shares": "validation_share = 0.2\ntest_share = 0.2",
            "checkpoint": "[checkpoint]",
            "checkpoint_source": f'source = "dir:{tiny_checkpoint}"',
            "serving": "[serving]\nlengths = [8, 16]",
            "measurement": "[measurement]\nrounds = 3\nseconds = 0.1\nresamples = 100",
            "finetune": '[[passes]]\nvariant = "teacher"\nname = "finetune"\nlearning_rate = 1e-3',
            "distill": '[[passes]]\nvariant = "student"\nname = "distill"\nlayers = 1',
            "prune_structure": '[[passes]]\nvariant = "pruned"\nname = "prune_structure"\n'
            "keep_heads = 0.5\nkeep_neurons = 0.5\ncalibration = 16",
            "prune_weights": '[[passes]]\nvariant = "sparse"\nname = "prune_weights"\nsparsity = 0.5',
            "quantize": '[[passes]]\nvariant = "int8"\nof = "pruned"\nname = "quantize"',
            "gates": '[[gates]]\nmeasure = "accuracy"\nat_least = 0.0',
        }
        unknown = replaced.keys() - lines.keys()
        assert not unknown, unknown
        path = tmp_path / "toy.toml"
        path.write_text("\n".join({**lines, **replaced}.values()) + "\n")
        return path

    return write
