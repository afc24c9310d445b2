"""Set the smallest weights to zero: no runtime is faster for it, archives are smaller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from model_build.passes.base import PlanError, Taught, Workbench

if TYPE_CHECKING:
    from model_build.model import EncoderShape, Model

Count = Annotated[int, Meta(ge=1, le=64)]
Shares = Mapping[int, float]  # step -> the share of the final sparsity from there on


class PruneWeights(Taught, frozen=True, kw_only=True, tag="prune_weights"):
    """Magnitude pruning of the encoder's matrices, and training of what is left.

    `sparsity` is the share that becomes zero, of each matrix (`local`) or of all of them
    together (`global`); `pattern` = [N, M] keeps the N largest of every M weights in a
    row that one output sums (Mishra et al., 2021, https://arxiv.org/abs/2104.08378).
    Either grows by tensorflow-model-optimization's polynomial schedule over 70 % of the
    training (Zhu and Gupta, 2017, https://arxiv.org/abs/1710.01878), or is there `once`,
    before it (Han et al., 2015, https://arxiv.org/abs/1506.02626). What is zero stays.

    Sparsity is bytes, and those only after compression: a dense matrix is stored, loaded
    and multiplied whole, zeros and all.
    """

    sparsity: Annotated[float, Meta(gt=0, lt=1)] | None = None
    pattern: tuple[Count, Count] | None = None
    threshold: Literal["local", "global"] = "local"
    embedding_sparsity: Annotated[float, Meta(ge=0, lt=1)] = 0.0  # of the token table
    schedule: Literal["once", "polynomial"] = "polynomial"
    frequency: Annotated[int, Meta(ge=1, le=100_000)] = 20  # steps between two prunings

    def __post_init__(self) -> None:
        if (self.sparsity is None) == (self.pattern is None):
            raise ValueError("prune_weights: give either sparsity or pattern")
        if self.pattern is None:
            return
        if self.pattern[0] >= self.pattern[1]:
            raise ValueError(
                f"pattern: {list(self.pattern)} keeps all; the first is below the second"
            )
        if self.threshold == "global":
            raise ValueError("threshold: 'global': a pattern holds in every matrix")

    def planned(self, shape: EncoderShape) -> EncoderShape:
        """The same; a pattern must fit into the inputs of every matrix."""
        if self.pattern is not None:
            for matrix, inputs in _inputs(shape).items():
                if inputs % self.pattern[1]:
                    raise PlanError(
                        f"prune_weights.pattern: {list(self.pattern)}: the {inputs} "
                        f"inputs of {matrix} are no multiple of {self.pattern[1]}"
                    )
        return shape

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, training

        self.planned(model.shape)
        pruned = encoder.to_keras(model)
        tokens = bench.tokens(model, bench.train)
        schedule = self.sparsities(training.step_count(self, len(tokens)))
        zeros = _Zeros(self._groups(pruned), schedule)
        hooks = training.Hooks(
            on_start=zeros.start,
            before_step=zeros.before_step,
            after_epoch=zeros.after_epoch,
        )
        training.recover(pruned, tokens, self, bench, hooks=hooks)
        zeros.hold()
        return model.with_weights(encoder.weights_of(pruned))

    def sparsities(self, steps: int) -> Shares:
        """Return the share of the final sparsity that holds from each step on.

        The last of them is whole, whatever `steps` and `frequency` are.
        """
        if self.schedule == "once":
            return {0: 1.0}
        import tensorflow_model_optimization as tfmot

        frequency = min(self.frequency, max(1, steps // 4))
        periods = max(1, int(0.7 * steps / frequency))
        final = 0.5  # of any: only the shape of the curve is asked for
        decay = tfmot.sparsity.keras.PolynomialDecay(0.0, final, 0, periods * frequency)
        places = [frequency * period for period in range(1, periods + 1)]
        found = {place: float(decay(place)[1]) / final for place in places}
        # A training of one step has no second one to prune before.
        return {min(place, steps - 1): share for place, share in found.items()}

    def _groups(self, pruned: Any) -> list[_Group]:
        """Which variables are pruned together, and by what rule."""
        named = {v.name.removesuffix(":0"): v for v in pruned.variables}
        matrices = [named[name] for name in named if _is_matrix(name)]
        if self.pattern is not None:
            keep, of = self.pattern
            groups = [_Group([m], 1 - keep / of, _pattern(of)) for m in matrices]
        elif self.threshold == "global":
            groups = [_Group(matrices, self.sparsity, largest)]
        else:
            groups = [_Group([m], self.sparsity, largest) for m in matrices]
        if self.embedding_sparsity:
            table = named["embed/tokens"]
            groups.append(_Group([table], self.embedding_sparsity, largest))
        return groups


# (matrices, the share of zeros) -> where they may stay other than zero
Rule = Callable[[Sequence[np.ndarray], float], list[np.ndarray]]


def largest(matrices: Sequence[np.ndarray], sparsity: float) -> list[np.ndarray]:
    """Return masks of all but the smallest weights of these matrices together.

    Exactly round(sparsity x weights) are left out, those already zero first.
    """
    sizes = np.abs(np.concatenate([matrix.ravel() for matrix in matrices]))
    count = round(sparsity * len(sizes))
    kept = np.ones(len(sizes), bool)
    if count:
        kept[np.argpartition(sizes, count - 1)[:count]] = False
    ends = np.cumsum([matrix.size for matrix in matrices])[:-1]
    parts = np.split(kept, ends)
    return [p.reshape(m.shape) for p, m in zip(parts, matrices, strict=True)]


def largest_of_each(matrix: np.ndarray, keep: int, of: int) -> np.ndarray:
    """Return a mask of exactly `keep` weights of every `of` in a row.

    `matrix` is [inputs, outputs]: a row is of consecutive inputs of one output.
    """
    rows = np.abs(matrix).reshape(-1, of, matrix.shape[1])
    order = np.argsort(-rows, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1, kind="stable")
    return np.asarray(ranks < keep).reshape(matrix.shape)


def _pattern(of: int) -> Rule:
    def rule(matrices: Sequence[np.ndarray], sparsity: float) -> list[np.ndarray]:
        keep = of - int(sparsity * of + 1e-6)
        return [largest_of_each(matrix, keep, of) for matrix in matrices]

    return rule


@dataclass(frozen=True)
class _Group:
    matrices: Sequence[Any]  # tf.Variable
    sparsity: float  # at the end
    rule: Rule


@dataclass
class _Zeros:
    """Zeros in matrices that are being trained: they only become more.

    All that a killed training must find again is in the weights: what is zero.
    """

    groups: Sequence[_Group]
    schedule: Shares
    _masks: list[tuple[Any, Any]] = field(default_factory=list)  # bool tensors
    _optimizer: Any = None

    def start(self, optimizer: Any) -> None:
        import tensorflow as tf

        matrices = [matrix for group in self.groups for matrix in group.matrices]
        self._optimizer = optimizer
        self._masks = [(matrix, tf.not_equal(matrix, 0)) for matrix in matrices]

    def before_step(self) -> None:
        share = self.schedule.get(int(self._optimizer.iterations))
        if share is not None:
            self._tighten(share)
        self.hold()

    def after_epoch(self, _: int) -> bool:
        self.hold()  # before the weights are kept
        return False

    def hold(self) -> None:
        """Undo what the optimizer did to zeros."""
        import tensorflow as tf

        for matrix, mask in self._masks:
            matrix.assign(tf.where(mask, matrix, 0.0))

    def _tighten(self, share: float) -> None:
        found: list[np.ndarray] = []
        for group in self.groups:
            weights = [matrix.numpy() for matrix in group.matrices]
            found += group.rule(weights, share * group.sparsity)
        self._masks = [
            (matrix, old & new)
            for (matrix, old), new in zip(self._masks, found, strict=True)
        ]


def _is_matrix(name: str) -> bool:
    return name.endswith("/kernel") and not name.startswith("classifier")


def _inputs(shape: EncoderShape) -> dict[str, int]:
    """How many inputs each pruned matrix has."""
    found = {f"layer{i}_query": shape.width for i in range(len(shape.layers))}
    if shape.embedding_width is not None:
        found["embed_project"] = shape.embedding_width
    for index, layer in enumerate(shape.layers):
        found[f"layer{index}_output"] = layer.heads * shape.head_width
        found[f"layer{index}_ffn_out"] = layer.ffn
    return found
