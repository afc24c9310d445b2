"""Which operations of an encoder integers harm, how much, and what mends them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras as keras

from model_build.arithmetic import round_columns, round_rows, round_tensor
from model_build.encoder import SMOOTH, to_keras
from model_build.model import EncoderShape, Finding, Model, Weights
from model_build.tokens import Tokens, batches

ROWS = 48  # of activations that a batch gives, to measure errors on
STRENGTHS = (0.35, 0.5, 0.65, 0.8)  # of smoothing; the paper's alpha
WORTH_IT = 0.8  # of the error, at most, must be left where smoothing costs an operation
ENOUGH = 12.0  # below the smallest score: e to its power is nothing


@dataclass(frozen=True)
class Seen:
    """What Dense layers that read the same inputs were given."""

    layers: tuple[str, ...]
    largest: np.ndarray  # magnitude by channel, [in]
    rows: np.ndarray  # some tokens' inputs, [n, in]


@dataclass(frozen=True)
class Mended:
    """The model as the mixed scheme exports it, and why."""

    weights: Weights
    findings: tuple[Finding, ...]  # worst first


def mend(model: Model, tokens: Tokens, *, max_error: float, seed: int) -> Mended:
    """Smooth what smoothing mends; find what to leave in float.

    `tokens` calibrate. Smoothing moves the scale of a layer's outlying channels from its
    activations into its weights, where each has a place of its own (Xiao et al., 2022,
    SmoothQuant, https://arxiv.org/abs/2211.10438); the model's float answers stay as
    they were. A layer whose error in LiteRT's dynamic-range arithmetic is then still
    above `max_error` multiplies in float. Attention always does: its findings say what
    fixed int8 scales would do to it.
    """
    weights, findings = dict(model.weights), []
    for seen in observe(model, tokens, seed=seed):
        kernels = [model.weights[f"{name}/kernel"] for name in seen.layers]
        before = [error_of(seen.rows, kernel) for kernel in kernels]
        factors = _best_factors(seen, kernels)
        after = [error_of(seen.rows, kernel, factors) for kernel in kernels]
        free = _value_of(seen.layers[0])
        allowed = 1.0 if free else WORTH_IT
        smoothed = max(after) < allowed * max(before) and max(after) <= max_error
        if smoothed and not _has_smooth(model, seen.layers[0]):
            _smooth(weights, seen.layers, factors, into=free)
        else:
            smoothed = False
        for name, plain, mended in zip(seen.layers, before, after, strict=True):
            found = mended if smoothed else plain
            decision = "smoothed" if smoothed else "int8"
            if found > max_error:
                decision = "float"
            cause = _cause(seen)
            findings.append(Finding(name, cause, plain, mended, decision))
    findings += attention(model, tokens)
    return Mended(weights, tuple(sorted(findings, key=lambda f: -f.error)))


def observe(model: Model, tokens: Tokens, *, seed: int, size: int = 16) -> list[Seen]:
    """Run the model in float and keep what its Dense layers are given."""
    groups = _groups(model.shape)
    full = to_keras(model)
    inputs = [full.get_layer(group[0]).input for group in groups]
    rows = tf.TensorSpec([None, None], tokens.ids.dtype)
    probe = tf.function(keras.Model(full.input, inputs), [rows], autograph=False)
    random = np.random.default_rng(seed)
    largest: list[np.ndarray] = [np.zeros(())] * len(groups)
    seen: list[list[np.ndarray]] = [[] for _ in groups]
    for batch in batches(tokens, size):
        real = batch.tokens.ids.ravel() != 0
        for place, value in enumerate(probe(tf.constant(batch.tokens.ids))):
            value = value.numpy()
            flat = value.reshape(-1, value.shape[-1])
            flat = flat[real] if value.ndim == 3 else flat
            largest[place] = np.maximum(largest[place], np.abs(flat).max(0))
            seen[place].append(random.permutation(flat)[:ROWS])
    return [
        Seen(group, peak, np.concatenate(kept))
        for group, peak, kept in zip(groups, largest, seen, strict=True)
    ]


def _groups(shape: EncoderShape) -> list[tuple[str, ...]]:
    groups: list[tuple[str, ...]] = (
        [] if shape.embedding_width is None else [("embed_project",)]
    )
    for index in range(len(shape.layers)):
        name = f"layer{index}"
        groups.append((f"{name}_query", f"{name}_key", f"{name}_value"))
        groups += [(f"{name}_{part}",) for part in ("output", "ffn_in", "ffn_out")]
    return [*groups, ("classifier",)]


def error_of(
    rows: np.ndarray, kernel: np.ndarray, factors: np.ndarray | None = None
) -> float:
    """What dynamic-range int8 changes of rows @ kernel, relative root mean square."""
    wanted = rows @ kernel
    if factors is not None:
        rows, kernel = rows * factors, kernel / factors[:, np.newaxis]
    found = round_rows(tf.constant(rows)) @ round_columns(tf.constant(kernel))
    return _relative(found.numpy(), wanted)


def _relative(found: np.ndarray, wanted: np.ndarray) -> float:
    scale = float(np.sqrt(np.mean(np.square(wanted))))
    change = float(np.sqrt(np.mean(np.square(found - wanted))))
    return change / scale if scale else 0.0


def _best_factors(seen: Seen, kernels: Sequence[np.ndarray]) -> np.ndarray:
    """The multipliers of the inputs, of STRENGTHS, with the smallest worst error."""
    heavy = np.max([np.abs(kernel).max(1) for kernel in kernels], axis=0)
    tried = [_factors(seen.largest, heavy, strength) for strength in STRENGTHS]
    return min(
        tried, key=lambda f: max(error_of(seen.rows, kernel, f) for kernel in kernels)
    )


def _factors(largest: np.ndarray, heavy: np.ndarray, strength: float) -> np.ndarray:
    """Equation 4 of the paper, inverted; channels that say nothing stay as they are."""
    silent = (largest == 0) | (heavy == 0)
    largest, heavy = np.where(silent, 1, largest), np.where(silent, 1, heavy)
    factors = heavy ** (1 - strength) / largest**strength
    return np.where(silent, 1, factors).astype(np.float32)


def _smooth(
    weights: dict[str, np.ndarray],
    layers: Sequence[str],
    factors: np.ndarray,
    *,
    into: str | None,
) -> None:
    for name in layers:
        kernel = weights[f"{name}/kernel"]
        weights[f"{name}/kernel"] = kernel / factors[:, np.newaxis]
        if into is None:
            weights[f"{name}{SMOOTH}/factors"] = factors
    if (
        into is not None
    ):  # attention is linear in its values: they can bring the factors
        for part in ("kernel", "bias"):
            weights[f"{into}/{part}"] = weights[f"{into}/{part}"] * factors


def _value_of(name: str) -> str | None:
    """The layer whose outputs this one reads as they are, but for a weighted mean."""
    layer, _, part = name.partition("_")
    return f"{layer}_value" if part == "output" else None


def _has_smooth(model: Model, name: str) -> bool:
    return f"{name}{SMOOTH}/factors" in model.weights


def _cause(seen: Seen) -> str:
    ratio = float(seen.largest.max() / max(np.median(seen.largest), 1e-9))
    channel = int(seen.largest.argmax())
    return f"channel {channel} reaches {ratio:.0f} times the median channel"


def attention(model: Model, tokens: Tokens, count: int = 8) -> list[Finding]:
    """What one fixed int8 scale for masked scores makes of attention, layer by layer.

    `error` is with padding's -10,000 as it stands, `mended` with a mask that ends just
    below the smallest score. Nothing where no row has padding.
    """
    full = to_keras(model)
    layers = range(len(model.shape.layers))
    parts = [full.get_layer(f"layer{i}_attend").input for i in layers]
    probe = keras.Model(full.input, [[p[0], p[1]] for p in parts])
    shortest = np.argsort(tokens.lengths, kind="stable")
    rows = np.concatenate([shortest[: count // 2], shortest[-count // 2 :]])
    ids = tokens.take(np.unique(rows)).ids
    padding = (ids == 0)[:, np.newaxis, np.newaxis, :]
    if not padding.any():
        return []
    found = []
    for index, (query, key) in zip(layers, probe(tf.constant(ids)), strict=True):
        attend = full.get_layer(f"layer{index}_attend")
        scores = _scores(attend, query, key).numpy()
        errors = []
        for far in (-1e4, float(scores.min()) - ENOUGH):
            masked = tf.where(padding, tf.constant(far), scores)
            whole = round_tensor(masked, float(far), float(scores.max()))
            wanted = tf.nn.softmax(masked).numpy()
            errors.append(_relative(tf.nn.softmax(whole).numpy(), wanted))
        cause = "padding's -10,000 sets the scale of all scores"
        name = f"layer{index}_attend"
        found.append(Finding(name, cause, errors[0], errors[1], "float"))
    return found


def _scores(attend: keras.layers.Layer, query: tf.Tensor, key: tf.Tensor) -> tf.Tensor:
    split = [
        tf.transpose(tf.reshape(x, [*x.shape[:2], attend.heads, -1]), [0, 2, 1, 3])
        for x in (query, key)
    ]
    return tf.matmul(*split, transpose_b=True) * attend.head_width**-0.5
