"""Each architecture computes what transformers computes; the rest is told what is known."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from model_build.architectures import ARCHITECTURES
from model_build.checkpoint import CheckpointError, TaskHead, read_checkpoint
from model_build.tokens import padded
from model_build.vocabulary import load_tokenizer
from tests.model_build.conftest import tiny_tokenizer

pytestmark = pytest.mark.tf

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / ".venv/peers/bin/python"
PAIRS = [("my bag was lost!", "thanks"), ("the order is broken", "solved please ?")]


def byte_level_tokenizer() -> Tokenizer:
    """RoBERTa's kind: padding is 1, and two separators stand between two texts."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *letters, "th", "er", "or", "Ġth"]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    merges = [("t", "h"), ("e", "r"), ("o", "r"), ("Ġ", "th")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


def reference(kind: str, directory: Path) -> list[np.ndarray]:
    """Make a random checkpoint of a kind; return its hidden states of PAIRS."""
    tokenizer = byte_level_tokenizer() if kind == "roberta" else tiny_tokenizer()
    tokenizer.save(str(directory / "tokenizer.json"))
    encoded = tokenizer.encode_batch(PAIRS)
    mask = padded([each.attention_mask for each in encoded])
    ids = padded([each.ids for each in encoded])
    np.savez(
        directory / "inputs.npz",
        ids=np.where(mask == 1, ids, ARCHITECTURES[kind].pad).astype(np.int64),
        mask=mask.astype(np.int64),
        types=padded([each.type_ids for each in encoded]).astype(np.int64),
        vocabulary=tokenizer.get_vocab_size(),
    )
    if not ORACLE.is_file():
        pytest.skip("no .venv/peers: make peers installs PyTorch and transformers")
    command = [str(ORACLE), "-m", "tests.model_build.oracle", kind, str(directory)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    with np.load(directory / "hidden.npz") as arrays:
        return [arrays[name] for name in arrays.files]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_hidden_states_are_those_of_transformers(kind: str, tmp_path: Path) -> None:
    import tensorflow as tf

    from model_build.encoder import to_keras

    theirs = reference(kind, tmp_path)
    model = read_checkpoint(tmp_path, TaskHead("classes", 2, texts=2), seed=1)
    rows = load_tokenizer(model.tokenizer).encode_batch(PAIRS)
    ids = padded([row.ids for row in rows])
    ours = to_keras(model)(tf.constant(ids))["hidden"]
    assert len(ours) == len(theirs) == 3
    real = ids != 0
    assert real.sum() == sum(len(row.ids) for row in rows)
    for own, their in zip(ours, theirs, strict=True):
        assert np.abs(own.numpy() - their)[real].max() < 1e-4
    assert np.abs(theirs[-1][real]).max() > 0.5  # it is no comparison of zeros


def test_one_text_needs_no_segments(tiny_checkpoint: Path) -> None:
    one = read_checkpoint(tiny_checkpoint, TaskHead("classes", 2, texts=1), seed=1)
    two = read_checkpoint(tiny_checkpoint, TaskHead("classes", 2, texts=2), seed=1)
    assert "embed/segments" not in one.weights
    assert two.weights["embed/segments"].shape == (2, 16)
    assert two.shape.separator == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "xlnet"}, "'xlnet' is not known; known are bert, distilbert"),
        ({"model_type": None}, "model_type None is not known"),
        ({"hidden_act": "swish"}, "hidden_act: 'swish' is not known; known are gelu"),
        ({"hidden_size": "16"}, "hidden_size: '16' is not a whole number above 0"),
        ({"hidden_size": 15}, "hidden_size 15 is no multiple of num_attention_heads 2"),
        ({"position_embedding_type": "relative_key"}, "'relative_key' is not 'abs"),
    ],
)
def test_a_config_that_cannot_be_mapped_is_named(
    tiny_checkpoint: Path, changes: dict[str, object], message: str
) -> None:
    path = tiny_checkpoint / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(tiny_checkpoint, TaskHead("classes", 2, texts=1), seed=1)
