"""Texts in, labels out, as the peers do it: one call, on the calling thread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np


class Classifier(Protocol):
    def __call__(self, texts: Sequence[str]) -> list[tuple[str, float]]: ...


def torch_classifier(
    weights: Path,
    tokenizer: Path,
    *,
    labels: Sequence[str],
    longest: int,
    threads: int,
) -> Classifier:
    """transformers and PyTorch in fp32, as a course teaches: tokenizer, model, softmax."""
    import torch
    from transformers import PreTrainedTokenizerFast

    from bench.serving.peers.torch_models import load_teacher

    torch.set_num_threads(threads)
    model = load_teacher(weights)
    read = PreTrainedTokenizerFast(tokenizer_file=str(tokenizer), pad_token="[PAD]")

    def classify(texts: Sequence[str]) -> list[tuple[str, float]]:
        inputs = read(
            list(texts),
            padding=True,
            truncation=True,
            max_length=longest,
            split_special_tokens=True,
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = model(inputs["input_ids"], inputs["attention_mask"])
        return _best(labels, logits.softmax(-1).numpy())

    return classify


def onnx_classifier(
    model: Path, tokenizer: Path, *, labels: Sequence[str], longest: int, threads: int
) -> Classifier:
    """ONNX Runtime, texts of a call padded to their longest and run as one batch."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    read = Tokenizer.from_file(str(tokenizer))
    read.enable_padding()
    read.enable_truncation(longest)
    read.encode_special_tokens = True

    def classify(texts: Sequence[str]) -> list[tuple[str, float]]:
        encoded = read.encode_batch_fast(list(texts))
        ids = np.array([e.ids for e in encoded], np.int64)
        return _best(labels, session.run(None, {"ids": ids})[0])

    return classify


def _best(labels: Sequence[str], probabilities: Any) -> list[tuple[str, float]]:
    rows = probabilities.tolist()
    return [(labels[row.index(max(row))], max(row)) for row in rows]
