"""Changed copies keep the label, are the same every time, and leak nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_build.augmentation import Augmentation, augmented
from model_build.cleaning import identity
from model_build.examples import Example

WORDS = [f"word{letter}" for letter in "abcdefghijklmnopqrst"]
SENTENCE = Example((" ".join(WORDS),), 1, weight=0.8, group="g")
DELETE = Augmentation(method="delete", share=0.2, copies=4)
SWAP = Augmentation(method="swap", share=0.2, copies=4)


def copies(
    settings: Augmentation, *examples: Example, aside: tuple[Example, ...] = ()
) -> list[Example]:
    return [*augmented(examples, settings, aside)]


@pytest.mark.parametrize("settings", [DELETE, SWAP], ids=lambda s: s.method)
def test_a_copy_keeps_everything_but_its_words(settings: Augmentation) -> None:
    made = copies(settings, SENTENCE)
    assert len(made) == 4
    for each in made:
        assert (each.label, each.weight, each.group) == (1, 0.8, "g")
        assert each.texts != SENTENCE.texts


def test_deletion_leaves_words_in_their_order() -> None:
    # red if words change places, or none is left out
    for each in copies(DELETE, SENTENCE):
        left = each.texts[0].split()
        assert len(left) < len(WORDS)
        assert left == [word for word in WORDS if word in left]


def test_a_swap_leaves_every_word() -> None:
    for each in copies(SWAP, SENTENCE):
        assert sorted(each.texts[0].split()) == WORDS


def test_the_share_is_that_of_the_words() -> None:
    # red if `share` is not read: 400 words, 0.1 of each to go
    long = Example(
        (" ".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(400)),)
    )
    (made,) = copies(Augmentation(method="delete", share=0.1), long)
    assert 20 <= 400 - len(made.texts[0].split()) <= 65


def test_a_copy_depends_on_its_example_and_the_seed_alone() -> None:
    # red if one generator runs through the table
    other = Example(("another sentence of quite a few words that differ",))
    alone, beside = copies(SWAP, SENTENCE), copies(SWAP, other, SENTENCE)
    assert [e for e in beside if e.label == 1] == alone
    again = Augmentation(method="swap", share=0.2, copies=4, seed=1)
    assert copies(again, SENTENCE) != alone


def test_a_copy_that_is_an_example_to_judge_by_is_not_made() -> None:
    # red if `aside` is not looked at: "good film" is what one deletion leaves
    short = Example(("a good film",), 1)
    every = Augmentation(method="delete", share=0.4, copies=16)
    said = {e.texts[0] for e in copies(every, short)}
    assert "good film" in said
    kept = copies(every, short, aside=(Example(("Good film!",), 0),))
    assert {e.texts[0] for e in kept} == said - {"good film"}


def test_both_texts_of_a_pair_are_changed() -> None:
    pair = Example((SENTENCE.texts[0], " ".join(reversed(WORDS))))
    for each in copies(SWAP, pair):
        assert all(new != old for new, old in zip(each.texts, pair.texts, strict=True))


@given(
    st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=20),
    st.sampled_from(["delete", "swap"]),
    st.floats(0.01, 0.99),
)
def test_no_copy_is_empty_or_an_example_there_was(
    texts: list[str], method: str, share: float
) -> None:
    examples = [Example((text,)) for text in texts]
    settings = Augmentation(method=method, share=share, copies=2)  # type: ignore[arg-type]
    made = copies(settings, *examples)
    assert all(each.texts[0].strip() for each in made)
    known, new = ([identity(e, "near") for e in each] for each in (examples, made))
    assert len(set(new)) == len(new)
    assert not set(new) & set(known)
