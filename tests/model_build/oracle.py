"""Hidden states of a random model of an architecture, by PyTorch and transformers.

.venv/peers/bin/python -m tests.model_build.oracle bert DIR

Reads DIR/inputs.npz (ids, mask, types), writes what a hub repository holds but for the
tokenizer, and DIR/hidden.npz: the embedding's and each layer's output.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import transformers

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}
CONFIGS = {
    "bert": (transformers.BertConfig, SIZES),
    # A name of its own for every size.
    "distilbert": (
        transformers.DistilBertConfig,
        {
            "dim": 16,
            "n_layers": 2,
            "n_heads": 2,
            "hidden_dim": 32,
            "max_position_embeddings": 40,
            "activation": "relu",
        },
    ),
    "electra": (
        transformers.ElectraConfig,
        {**SIZES, "embedding_size": 12, "hidden_act": "gelu_new"},
    ),
    "roberta": (
        transformers.RobertaConfig,
        {**SIZES, "max_position_embeddings": 42, "type_vocab_size": 1},
    ),
}


def main(kind: str, directory: Path) -> None:
    torch.manual_seed(7)
    make, sizes = CONFIGS[kind]
    inputs = np.load(directory / "inputs.npz")
    config = make(vocab_size=int(inputs["vocabulary"]), initializer_range=0.3, **sizes)
    model = transformers.AutoModel.from_config(config).eval()
    for name, weight in model.named_parameters():
        if "LayerNorm" in name or "layer_norm" in name or name.endswith("bias"):
            torch.nn.init.normal_(weight, 1.0 if name.endswith("weight") else 0.0, 0.2)
    model.save_pretrained(directory)
    tensors = {
        "input_ids": torch.tensor(inputs["ids"]),
        "attention_mask": torch.tensor(inputs["mask"]),
    }
    if kind in ("bert", "electra"):
        tensors["token_type_ids"] = torch.tensor(inputs["types"])
    with torch.no_grad():
        found = model(**tensors, output_hidden_states=True).hidden_states
    np.savez(directory / "hidden.npz", *[each.numpy() for each in found])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
