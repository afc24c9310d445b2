"""What each Hugging Face architecture calls the parts of our encoder.

One table an architecture. They share the layer of BERT (Devlin et al., 2018,
https://arxiv.org/abs/1810.04805), of which MiniLM is an instance (Wang et al., 2020,
https://arxiv.org/abs/2002.10957), and differ in names, in the embedding, and in what
they were trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_BERT_LAYER = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "output": "attention.output.dense",
    "attention_norm": "attention.output.LayerNorm",
    "ffn_in": "intermediate.dense",
    "ffn_out": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
_BERT_CONFIG = {
    "width": "hidden_size",
    "heads": "num_attention_heads",
    "layers": "num_hidden_layers",
    "ffn": "intermediate_size",
    "activation": "hidden_act",
}


@dataclass(frozen=True)
class Architecture:
    """Names in a checkpoint's tensors and config, and what of BERT it does otherwise."""

    prefix: str  # of all tensors, where the checkpoint has a head of its own
    layer: Mapping[str, str]  # our part -> theirs, within a layer
    config: Mapping[str, str]  # our size -> their key
    layers: str = "encoder.layer"
    pad: int = 0  # the id of padding; ours is 0
    first_position: int = 0  # the row of the first token's position
    narrow: bool = False  # embeddings may be narrower than the layers, and projected
    segments: str | None = "type_vocab_size"  # their key for the rows of that table


ARCHITECTURES: Mapping[str, Architecture] = {
    "bert": Architecture("bert.", _BERT_LAYER, _BERT_CONFIG),
    # Sanh et al., 2019, https://arxiv.org/abs/1910.01108: no segments.
    "distilbert": Architecture(
        "distilbert.",
        {
            "query": "attention.q_lin",
            "key": "attention.k_lin",
            "value": "attention.v_lin",
            "output": "attention.out_lin",
            "attention_norm": "sa_layer_norm",
            "ffn_in": "ffn.lin1",
            "ffn_out": "ffn.lin2",
            "ffn_norm": "output_layer_norm",
        },
        {
            "width": "dim",
            "heads": "n_heads",
            "layers": "n_layers",
            "ffn": "hidden_dim",
            "activation": "activation",
        },
        layers="transformer.layer",
        segments=None,
    ),
    # Clark et al., 2020, https://arxiv.org/abs/2003.10555: the discriminator.
    "electra": Architecture("electra.", _BERT_LAYER, _BERT_CONFIG, narrow=True),
    # Liu et al., 2019, https://arxiv.org/abs/1907.11692: padding is 1, and positions
    # are counted from the row after it.
    "roberta": Architecture(
        "roberta.", _BERT_LAYER, _BERT_CONFIG, pad=1, first_position=2
    ),
}
