"""Train a smaller student to answer, and to think, like its teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from msgspec import Meta

from model_build.passes.base import PlanError, Taught, Workbench
from model_build.student import kept_layers, narrowed, strongest_channels, student_of

if TYPE_CHECKING:
    from model_build.examples import Example
    from model_build.model import EncoderShape, Model
    from model_build.tokens import Tokens

Weight = Annotated[float, Meta(ge=0, le=1000)]


class Distill(Taught, frozen=True, kw_only=True, tag="distill"):
    """A student cut out of the model it starts from, taught by that or by `teachers`.

    It learns the teacher's softened answers and the labels (Hinton et al., 2015,
    https://arxiv.org/abs/1503.02531); the mean probabilities of several. Besides, as
    far as their weights say, what goes on inside the first teacher: hidden states of
    the layers it came from (Sun et al., 2019, https://arxiv.org/abs/1908.09355),
    through a learnt projection where it is narrower (Jiao et al., 2019, TinyBERT,
    https://arxiv.org/abs/1909.10351); their attention (Wang et al., 2020, MiniLM,
    https://arxiv.org/abs/2002.10957); and in the last layer the relations of queries,
    keys and values, for which heads and widths may differ (Wang et al., 2020, MiniLMv2,
    https://arxiv.org/abs/2012.15828).

    A narrower student keeps the teacher's channels that matter most: a fresh one would
    have to learn its 30,000 token vectors from the task alone.
    """

    layers: Annotated[int, Meta(ge=1)] | None = None  # by default all
    # By default spread evenly.
    layer_map: Annotated[
        tuple[Annotated[int, Meta(ge=0)], ...], Meta(min_length=1)
    ] = ()
    width: Annotated[int, Meta(ge=16)] | None = None  # channels; by default all
    # Variants; by default what it starts from.
    teachers: Annotated[tuple[str, ...], Meta(min_length=1)] = ()
    examples: Literal["labelled", "unlabelled", "both"] = "labelled"
    hidden_weight: Weight = 1.0
    attention_weight: Weight = 0.0
    relation_weight: Weight = 0.0
    relation_heads: Annotated[int, Meta(ge=1, le=1024)] = 16
    patience: Annotated[int, Meta(ge=1, le=100)] | None = None  # epochs

    def __post_init__(self) -> None:
        mapped = self.layer_map
        if list(mapped) != sorted(set(mapped)):
            raise ValueError(f"layer_map: {list(mapped)} do not rise")
        if mapped and self.layers not in (None, len(mapped)):
            raise ValueError(
                f"layer_map: {list(mapped)} are not the {self.layers} of layers"
            )
        if len(set(self.teachers)) < len(self.teachers):
            raise ValueError(f"teachers: {list(self.teachers)}: one is there twice")

    def planned(self, shape: EncoderShape) -> EncoderShape:
        kept = self._kept(shape)
        if self.width is not None and self.width > shape.width:
            raise PlanError(
                f"distill.width: {self.width} is more than the {shape.width} there are"
            )
        if self.relation_weight:
            self._check_relations(shape, kept[-1])
        layers = tuple(shape.layers[index] for index in kept)
        return replace(shape, layers=layers, width=self.width or shape.width)

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build import encoder, training

        self.planned(model.shape)
        start, channels = self._student(model, bench)
        teachers = [bench.variants(name) for name in self.teachers] or [model]
        examples, tokens = self._lessons(start, bench)
        student = encoder.to_keras(start)
        inside = self.hidden_weight or self.attention_weight or self.relation_weight
        if inside:
            compared = self._compared(model, start, teachers[0])
            learning, loss = self._inside(student, start, teachers[0], compared)
            if self.hidden_weight and start.shape.width != teachers[0].shape.width:
                learning = _projected(
                    learning, teachers[0].shape.width, channels, bench.seed
                )
        else:
            learning = student
            loss = training.response(temperature=self.temperature, alpha=self.alpha)
        if len(teachers) > 1 or not inside:
            tokens = training.taught(tokens, teachers, examples, self, bench)
        training.train_to_best(
            learning, start, tokens, loss, self, bench, patience=self.patience
        )
        return start.with_weights(encoder.weights_of(student))

    def _kept(self, shape: EncoderShape) -> tuple[int, ...]:
        """The layers of `shape` that the student starts from; raises PlanError."""
        found = len(shape.layers)
        if self.layer_map:
            if self.layer_map[-1] >= found:
                raise PlanError(
                    f"distill.layer_map: {self.layer_map[-1]}: the layers there are "
                    f"have the numbers 0 to {found - 1}"
                )
            return self.layer_map
        count = found if self.layers is None else self.layers
        if count > found:
            raise PlanError(
                f"distill.layers: {count} is more than the {found} there are"
            )
        return kept_layers(found, count)

    def _check_relations(self, shape: EncoderShape, layer: int) -> None:
        inner = shape.layers[layer].heads * shape.head_width
        if inner % self.relation_heads:
            raise PlanError(
                f"distill.relation_heads: {self.relation_heads} do not divide the "
                f"{inner} channels of layer {layer}'s queries"
            )

    def _student(
        self, model: Model, bench: Workbench
    ) -> tuple[Model, np.ndarray | None]:
        """What training starts from, and the channels it has, where it is narrower."""
        start = student_of(model, self._kept(model.shape))
        if self.width is None or self.width == model.shape.width:
            return start, None
        tokens = bench.tokens(model, bench.train)
        channels = strongest_channels(model, tokens, self.width)
        return narrowed(start, channels), channels

    def _lessons(
        self, student: Model, bench: Workbench
    ) -> tuple[Sequence[Example], Tokens]:
        """The examples it learns from, and their rows; -1 where nobody knows."""
        known = () if self.examples == "unlabelled" else tuple(bench.train)
        new = () if self.examples == "labelled" else tuple(bench.unlabelled)
        if self.examples != "labelled" and not new:
            raise ValueError(
                f"distill.examples: {self.examples!r}: the data has no unlabelled texts"
            )
        tokens = bench.tokens(student, known + new)
        unknown = tokens.examples >= len(known)
        targets = {k: np.where(unknown, -1, each) for k, each in tokens.targets.items()}
        return known + new, replace(tokens, targets=targets)

    def _compared(
        self, model: Model, student: Model, teacher: Model
    ) -> tuple[int, ...]:
        """The teacher's layer that each of the student's is compared with.

        Those it came from, or, of a teacher of another depth, evenly spread. Raises
        ValueError where the two cannot be compared.
        """
        if teacher.tokenizer != student.tokenizer:
            raise ValueError(
                "distill: student and teacher have different tokenizers: only answers "
                "can be compared; hidden_weight, attention_weight and relation_weight "
                "must be 0"
            )
        own, depth = student.shape.layers, len(teacher.shape.layers)
        compared = self._kept(model.shape)
        if depth != len(model.shape.layers):
            if depth < len(own):
                raise ValueError(
                    f"distill.teachers: {depth} layers are fewer than the student's "
                    f"{len(own)}"
                )
            compared = kept_layers(depth, len(own))
        if self.relation_weight:
            self._check_relations(teacher.shape, compared[-1])
        theirs = [teacher.shape.layers[index].heads for index in compared]
        if self.attention_weight and [layer.heads for layer in own] != theirs:
            raise ValueError(
                f"distill.attention_weight: the student's heads by layer are "
                f"{[layer.heads for layer in own]}, the teacher's {theirs}: only "
                "relation_weight compares them"
            )
        return compared

    def _inside(
        self, student: Any, start: Model, teacher: Model, compared: Sequence[int]
    ) -> tuple[Any, Any]:
        """The student as it is trained, and a loss that sees what goes on inside."""
        from model_build import encoder

        shown = encoder.observed(encoder.to_keras(teacher), compared)
        learning = encoder.observed(student, range(len(start.shape.layers)))
        heads = [
            (own.heads, teacher.shape.layers[index].heads)
            for own, index in zip(start.shape.layers, compared, strict=True)
        ]
        return learning, self._loss(shown, heads)

    def _loss(self, teacher: Any, heads: Sequence[tuple[int, int]]) -> Any:
        import tensorflow as tf

        from model_build.losses import divergence, hidden_distance, relation, softened

        def attention(each: Mapping[str, Any], layer: int, ids: Any, count: int) -> Any:
            return relation(each["query"][layer], each["key"][layer], ids, count)

        def relations(each: Mapping[str, Any], part: str, ids: Any) -> Any:
            return relation(each[part][-1], each[part][-1], ids, self.relation_heads)

        def loss(own: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
            ids = batch["ids"]
            shown = dict(teacher(ids, training=False))
            shown["logits"] = batch.get("shown", shown["logits"])
            found = softened(
                own, shown, batch, temperature=self.temperature, alpha=self.alpha
            )
            if self.hidden_weight:
                pairs = zip(own["hidden"], shown["hidden"], strict=True)
                each = [hidden_distance(o, s, ids) for o, s in pairs]
                found += self.hidden_weight * tf.add_n(each) / len(each)
            if self.attention_weight:
                each = [
                    divergence(
                        attention(own, layer, ids, o),
                        attention(shown, layer, ids, s),
                        ids,
                    )
                    for layer, (o, s) in enumerate(heads)
                ]
                found += self.attention_weight * tf.add_n(each) / len(each)
            if self.relation_weight:
                each = [
                    divergence(
                        relations(own, part, ids), relations(shown, part, ids), ids
                    )
                    for part in ("query", "key", "value")
                ]
                found += self.relation_weight * tf.add_n(each) / len(each)
            return found

        return loss


def _projected(
    observed: Any, width: int, channels: np.ndarray | None, seed: int
) -> Any:
    """The observed student, whose hidden states are projected to the teacher's width.

    The projection starts as what undoes the cut, where that is known.
    """
    import tf_keras as keras

    own = int(observed.output["hidden"][0].shape[-1])
    fit = keras.layers.Dense(width, use_bias=False, name="fit")
    hidden = [fit(state) for state in observed.output["hidden"]]
    if channels is not None and channels.max() < width:
        fit.set_weights([np.eye(width, dtype=np.float32)[channels]])
    else:
        random = np.random.default_rng(seed).normal(0, own**-0.5, (own, width))
        fit.set_weights([random.astype(np.float32)])
    return keras.Model(observed.input, {**observed.output, "hidden": hidden})
