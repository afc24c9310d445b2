"""What is done to texts before anybody learns from them: cleaning, duplicates, families."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from model_build.examples import Example

Duplicates = Literal["near", "exact", "keep"]
Parts = Literal["keep", "apart"]  # texts that are a stretch of words of another
Side = Literal["start", "end"]  # of a text that is too long, where it is cut

_BREAK = re.compile(r"\s*(<br\s*/?>\s*)+", re.IGNORECASE)
_NOISE = re.compile(r"https?://\S*|\brt\b|@\w+|[^\w\s]|\d")
_FAMILY_WORDS = 8  # a retweet is cut at the end, not at the beginning


def without_breaks(text: str) -> str:
    """Put one space for HTML line breaks and the white space around them."""
    return _BREAK.sub(" ", text)


def distinct(examples: Iterable[Example], duplicates: Duplicates) -> list[Example]:
    """Keep the surest of each example; one that is labelled in two ways says nothing.

    Examples are `near` where they differ only in links, mentions, digits, case or
    punctuation, `exact` where they do not differ.
    """
    if duplicates == "keep":
        return list(examples)
    kept: dict[str, Example] = {}
    labels: dict[str, set[int]] = {}
    for example in examples:
        key = identity(example, duplicates)
        labels.setdefault(key, set()).add(example.label)
        if key not in kept or kept[key].weight < example.weight:
            kept[key] = example
    return [example for key, example in kept.items() if len(labels[key]) == 1]


def identity(example: Example, duplicates: Duplicates) -> str:
    """Return what two examples share if they are duplicates of each other."""
    if duplicates == "near":
        return "\n".join(" ".join(words(text)) or text for text in example.texts)
    return "\n".join(example.texts)


def family(example: Example) -> str:
    """Return what examples share that must not be on two sides of a split.

    Their group, or the first words of the first text: retweets, replies from a
    template.
    """
    text = example.texts[0]
    return example.group or " ".join(words(text)[:_FAMILY_WORDS]) or text


def parts_of(
    wholes: Sequence[Example], among: Sequence[Example], shortest: int
) -> set[str]:
    """Return the first texts of `among` that are words in a row of a longer whole.

    They have `shortest` words or more, compared as those of near duplicates are. Takes
    time in proportion to the words of `wholes`, times how many in a row begin a text.
    """
    texts: dict[tuple[str, ...], list[str]] = {}
    for example in among:
        said = tuple(words(example.texts[0]))
        if len(said) >= shortest:
            texts.setdefault(said, []).append(example.texts[0])
    # A trie: from a place in a text, by its next word, to the place behind that.
    steps: dict[tuple[int, str], int] = {}
    ends: dict[int, list[str]] = {}
    for said, given in texts.items():
        place = 0
        for word in said:
            place = steps.setdefault((place, word), len(steps) + 1)
        ends[place] = given
    found: set[str] = set()
    for whole in wholes:
        said = tuple(words(whole.texts[0]))
        for start in range(len(said)):
            place = 0
            for end, word in enumerate(said[start:], start=start + 1):
                if (behind := steps.get((place, word))) is None:
                    break
                place = behind
                if place in ends and end - start < len(said):
                    found.update(ends[place])
    return found


def words(text: str) -> list[str]:
    return _NOISE.sub(" ", text.lower()).split()
