"""Drop the pieces of words that the data never uses: fewer rows of embeddings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from model_build.passes.base import PlanError, Settings, Workbench

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from model_build.model import EncoderShape, Model

PLACEHOLDER = re.compile(r"\[unused\d+\]|madeupword\d+")  # BERT's, RoBERTa's


class PruneVocabulary(Settings, frozen=True, kw_only=True, tag="prune_vocabulary"):
    """Keep the rows of the token table that are of use, and the tokenizer's pieces.

    A piece stays if a text of the training, validation or unlabelled examples is cut
    into it, or if the safety list has it: special tokens, single characters and their
    continuations, the `keep_first` first others by id (a vocabulary is written down by
    frequency), what `keep_words` are cut into; of byte-level BPE also all that these are
    merged from. Those texts are cut as before; in others a piece that is gone falls
    apart into smaller ones (for a multilingual model, where most of the table is of other
    languages: Abdaoui et al., 2020, https://arxiv.org/abs/2010.05609). Nothing is
    trained: the rows that stay keep their values.

    With `max_pieces` the pieces that the data uses least go too, until so many are left.
    """

    keep_first: Annotated[int, Meta(ge=0)] = 0
    keep_words: Annotated[
        tuple[Annotated[str, Meta(min_length=1)], ...], Meta(min_length=1)
    ] = ()
    # Characters alone are more than a hundred pieces.
    max_pieces: Annotated[int, Meta(ge=100)] | None = None

    def __post_init__(self) -> None:
        if self.max_pieces is not None and self.keep_first > self.max_pieces:
            raise ValueError(
                f"keep_first: {self.keep_first} is above max_pieces, {self.max_pieces}"
            )

    def planned(self, shape: EncoderShape) -> EncoderShape:
        """A bound: `max_pieces`, or the vocabulary as it is.

        What the data uses is not known from a shape; it may be far less.
        """
        if self.keep_first >= shape.vocabulary:
            raise PlanError(
                f"prune_vocabulary.keep_first: {self.keep_first} is all of the "
                f"{shape.vocabulary} pieces: nothing would go"
            )
        if self.max_pieces is None:
            return shape
        if self.max_pieces >= shape.vocabulary:
            raise PlanError(
                f"prune_vocabulary.max_pieces: {self.max_pieces} is not below the "
                f"{shape.vocabulary} pieces there are"
            )
        return replace(shape, vocabulary=self.max_pieces)

    def apply(self, model: Model, bench: Workbench) -> Model:
        from model_build.vocabulary import renumber

        self.planned(model.shape)
        examples = chain(bench.train, bench.validation, bench.unlabelled)
        texts = [text for example in examples for text in example.texts]
        order = np.array(sorted(self.kept(model.tokenizer, texts)))
        bench.progress.say(f"  {self.name}: {len(order)} of {model.shape.vocabulary}")
        table = model.weights["embed/tokens"][order]
        separator = model.shape.separator
        shape = replace(
            model.shape,
            vocabulary=len(order),
            separator=separator and int(np.searchsorted(order, separator)),
        )
        return replace(
            model,
            shape=shape,
            weights={**model.weights, "embed/tokens": table},
            tokenizer=renumber(model.tokenizer, order),
        )

    def kept(self, tokenizer: str, texts: Iterable[str]) -> set[int]:
        """Return the ids that stay, for a tokenizer.json and the texts of the data.

        Raises PlanError if the safety list alone is more than `max_pieces`.
        """
        from model_build.vocabulary import load_tokenizer, parts_of, safe_ids

        loaded, parts = load_tokenizer(tokenizer), parts_of(tokenizer)
        kept = set(safe_ids(tokenizer))
        for piece in chain(self._first(loaded, kept), self._words(loaded)):
            kept |= _whole(piece, parts)
        if self.max_pieces is not None and len(kept) > self.max_pieces:
            raise PlanError(
                f"prune_vocabulary.max_pieces: {self.max_pieces} is below the "
                f"{len(kept)} of the safety list alone"
            )
        for piece in _by_use(loaded, texts):
            wanted = _whole(piece, parts) - kept
            if (
                self.max_pieces is not None
                and len(kept) + len(wanted) > self.max_pieces
            ):
                break
            kept |= wanted
        return kept

    def _first(self, loaded: Tokenizer, safe: set[int]) -> list[int]:
        pieces = sorted(loaded.get_vocab().items(), key=lambda entry: entry[1])
        others = [i for p, i in pieces if i not in safe and not PLACEHOLDER.match(p)]
        return others[: self.keep_first]

    def _words(self, loaded: Tokenizer) -> Iterator[int]:
        for word in self.keep_words:
            for text in (word, f" {word}"):  # byte-level BPE tells them apart
                yield from loaded.encode(text, add_special_tokens=False).ids


def _by_use(loaded: Tokenizer, texts: Iterable[str]) -> list[int]:
    """The pieces that the texts are cut into, the most frequent first."""
    encoded = loaded.encode_batch_fast([*texts], add_special_tokens=False)
    uses = Counter(chain.from_iterable(each.ids for each in encoded))
    return sorted(uses, key=lambda piece: (-uses[piece], piece))


def _whole(piece: int, parts: Mapping[int, frozenset[int]]) -> frozenset[int]:
    return frozenset({piece}) | parts.get(piece, frozenset())
