"""More examples to train on, made of those there are by changes that keep their label.

Wei and Zou, 2019, "EDA: easy data augmentation techniques"
(https://arxiv.org/abs/1901.11196), of which these two need no dictionary.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from model_build.cleaning import identity
from model_build.examples import Example


class Augmentation(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True
):
    """Which change is made to how many words, and of which seed the choice is."""

    method: Literal["delete", "swap"]
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.1  # of a text's words
    copies: Annotated[int, Meta(ge=1, le=16)] = 1  # of each training example
    seed: Annotated[int, Meta(ge=0)] = 0


def augmented(
    examples: Sequence[Example], settings: Augmentation, aside: Sequence[Example]
) -> Iterator[Example]:
    """Yield changed copies of `examples`, the same for the same seed.

    None is a near duplicate of an example there is, `aside` (what the model is judged
    by) included: deleting words can turn one sentence into another. So a short text
    may have no copy.
    """
    known = {identity(example, "near") for example in (*examples, *aside)}
    for copy in range(settings.copies):
        for example in examples:
            made = _changed(example, copy, settings)
            if (name := identity(made, "near")) not in known:
                known.add(name)
                yield made


def _changed(example: Example, copy: int, settings: Augmentation) -> Example:
    change = {"delete": _without_some, "swap": _swapped}[settings.method]
    # Of the example alone, whatever else is in the table.
    about = json.dumps([settings.seed, copy, example.texts])
    chance = random.Random(about)
    texts = (change(text.split(), settings.share, chance) for text in example.texts)
    return replace(example, texts=tuple(" ".join(words) for words in texts))


def _without_some(words: list[str], share: float, chance: random.Random) -> list[str]:
    """Each word is left out with this probability; one word always stays."""
    kept = [word for word in words if chance.random() >= share]
    return kept or [chance.choice(words)]


def _swapped(words: list[str], share: float, chance: random.Random) -> list[str]:
    """Two words change places, as often as this share of the words."""
    words = [*words]
    for _ in range(max(1, round(share * len(words)))):
        one, other = chance.randrange(len(words)), chance.randrange(len(words))
        words[one], words[other] = words[other], words[one]
    return words
