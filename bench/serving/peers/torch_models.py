"""The teacher as transformers has it, and the student as a PyTorch module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from model_build.architectures import ARCHITECTURES
from model_build.model import EncoderShape, LayerShape, Model, load_model


def _pool(hidden: Tensor, mask: Tensor) -> Tensor:
    """The mean over the real tokens, as the build's models pool."""
    real = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * real).sum(1) / real.sum(1)


class Teacher(nn.Module):
    """transformers' BertModel, mean pooling and a linear classifier: fp32."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            num_hidden_layers=len(shape.layers),
            num_attention_heads=shape.layers[0].heads,
            intermediate_size=shape.layers[0].ffn,
            max_position_embeddings=shape.positions,
            layer_norm_eps=shape.epsilon,
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(shape.width, shape.classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        found = self.bert(input_ids=input_ids, attention_mask=attention_mask)
        logits: Tensor = self.classifier(_pool(found.last_hidden_state, attention_mask))
        return logits


def load_teacher(weights: Path) -> Teacher:
    """Map what a pass made; every weight must find its place."""
    model = load_model(weights)
    teacher = Teacher(model.shape)
    own = dict(_theirs(model))
    segments = torch.zeros_like(teacher.bert.embeddings.token_type_embeddings.weight)
    own["bert.embeddings.token_type_embeddings.weight"] = segments  # in the positions
    teacher.load_state_dict(own)
    return teacher.eval()


def _theirs(model: Model) -> list[tuple[str, Tensor]]:
    embeddings = "bert.embeddings"
    found = [
        (f"{embeddings}.word_embeddings.weight", _tensor(model, "embed/tokens")),
        (f"{embeddings}.position_embeddings.weight", _tensor(model, "embed/positions")),
        *_pair(model, "embed_norm", f"{embeddings}.LayerNorm"),
        *_pair(model, "classifier", "classifier"),
    ]
    for index in range(len(model.shape.layers)):
        for ours, name in ARCHITECTURES["bert"].layer.items():
            theirs = f"bert.encoder.layer.{index}.{name}"
            found += _pair(model, f"layer{index}_{ours}", theirs)
    return found


def _pair(model: Model, ours: str, theirs: str) -> list[tuple[str, Tensor]]:
    weight, bias = ("gamma", "beta") if ours.endswith("norm") else ("kernel", "bias")
    return [
        (f"{theirs}.weight", _tensor(model, f"{ours}/{weight}")),
        (f"{theirs}.bias", _tensor(model, f"{ours}/{bias}")),
    ]


def _tensor(model: Model, name: str) -> Tensor:
    value = model.weights[name]
    return torch.from_numpy(
        np.ascontiguousarray(value.T if name.endswith("/kernel") else value)
    )


class _Layer(nn.Module):
    """One encoder layer, with as many heads and neurons as pruning has left it."""

    def __init__(self, shape: EncoderShape, layer: LayerShape) -> None:
        super().__init__()
        self.heads, inner = layer.heads, layer.heads * shape.head_width
        self.query = nn.Linear(shape.width, inner)
        self.key = nn.Linear(shape.width, inner)
        self.value = nn.Linear(shape.width, inner)
        self.output = nn.Linear(inner, shape.width)
        self.attention_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.ffn_in = nn.Linear(shape.width, layer.ffn)
        self.ffn_out = nn.Linear(layer.ffn, shape.width)
        self.ffn_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.head_width = shape.head_width

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = (
            part(x).unflatten(-1, (self.heads, self.head_width)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(-1, -2) * self.head_width**-0.5 + mask
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        x = self.attention_norm(x + self.output(mixed))
        outer = self.ffn_out(nn.functional.gelu(self.ffn_in(x)))
        normed: Tensor = self.ffn_norm(x + outer)
        return normed


class Student(nn.Module):
    """Token ids, padded with 0, in; probabilities out: what is exported to ONNX."""

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        self.tokens = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.embed_norm = nn.LayerNorm(shape.width, shape.epsilon)
        self.layers = nn.ModuleList(_Layer(shape, layer) for layer in shape.layers)
        self.classifier = nn.Linear(shape.width, shape.classes)

    def forward(self, ids: Tensor) -> Tensor:
        real = ids != 0
        mask = (~real).to(torch.float32)[:, None, None, :] * -1e4
        places = torch.arange(ids.shape[1], device=ids.device)
        x = self.embed_norm(self.tokens(ids) + self.positions(places))
        for layer in self.layers:
            x = layer(x, mask)
        probabilities: Tensor = self.classifier(_pool(x, real)).softmax(-1)
        return probabilities


def load_student(weights: Path) -> Student:
    """Map a pass's model.safetensors onto a module of the same, uneven, shape."""
    model = load_model(weights)
    student = Student(model.shape)
    own = [
        ("tokens.weight", _tensor(model, "embed/tokens")),
        ("positions.weight", _tensor(model, "embed/positions")),
        *_pair(model, "embed_norm", "embed_norm"),
        *_pair(model, "classifier", "classifier"),
    ]
    for index in range(len(model.shape.layers)):
        for name in ARCHITECTURES["bert"].layer:
            own += _pair(model, f"layer{index}_{name}", f"layers.{index}.{name}")
    student.load_state_dict(dict(own))
    return student.eval()
