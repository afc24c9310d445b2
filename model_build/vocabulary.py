"""The ids of a tokenizer.json, read and written anew.

https://huggingface.co/docs/tokenizers/api/tokenizer; the file is the tokenizers
library's own, WordPiece (BERT, DistilBERT, ELECTRA) or byte-level BPE (RoBERTa).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from model_build.cleaning import Side


class TokenizerError(ValueError):
    """A tokenizer that is not what we can read or rewrite."""


def load_tokenizer(text: str, longest: int | None = None) -> Tokenizer:
    """Return the tokenizer that a tokenizer.json describes; raises TokenizerError.

    Rows are cut to the `longest`, at the side that the file says; or not at all.
    """
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the library raises bare Exception
        raise TokenizerError(f"not a tokenizer: {error}") from error
    tokenizer.no_padding()
    if longest is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(longest, direction=_direction(tokenizer))
    tokenizer.encode_special_tokens = True  # "[SEP]" in a message is just text
    return tokenizer


def cut_at(text: str, side: Side) -> str:
    """Return the tokenizer.json that says where a text which is too long is cut.

    How long that is, whoever reads the file knows better: max_length is a formality.
    """
    raw = json.loads(text)
    raw["truncation"] = {
        "direction": {"start": "Left", "end": "Right"}[side],
        "max_length": 512,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    return json.dumps(raw, ensure_ascii=False)


def side_of(text: str) -> Side:
    """Return where the tokenizer.json says that a text is cut."""
    side = (json.loads(text).get("truncation") or {}).get("direction", "Right")
    return "start" if side == "Left" else "end"


def _direction(tokenizer: Tokenizer) -> str:
    """The library's word for the side that is cut."""
    return str((tokenizer.truncation or {}).get("direction", "right"))


def pair_separator(text: str) -> int:
    """Return the id that ends the first of two texts; raises TokenizerError."""
    pair = load_tokenizer(text).encode("a", "a")
    sides = pair.sequence_ids
    after = (
        max((place for place, side in enumerate(sides) if side == 0), default=-1) + 1
    )
    if after in (0, len(sides)) or sides[after] is not None:
        raise TokenizerError("puts nothing between two texts")
    separator: int = pair.ids[after]
    return separator


def renumber(text: str, order: np.ndarray) -> str:
    """Return the tokenizer.json whose id `i` is what was id `order[i]`.

    Ids that `order` leaves out are gone, and words that needed them are cut into
    smaller pieces. `order` is int [new vocabulary], without repetition. Raises
    TokenizerError where a special token would be gone, or the kind is not known.
    """
    raw = json.loads(text)
    new = {int(old): place for place, old in enumerate(order)}
    model = raw["model"]
    if model["type"] not in ("WordPiece", "BPE"):
        raise TokenizerError(f"{model['type']} is not WordPiece or BPE")
    vocabulary = {p: new[i] for p, i in model["vocab"].items() if i in new}
    model["vocab"] = dict(sorted(vocabulary.items(), key=lambda entry: entry[1]))
    if "merges" in model:
        model["merges"] = [m for m in model["merges"] if _stands(m, vocabulary)]
    for added in raw.get("added_tokens", []):
        added["id"] = _renamed(added["id"], added["content"], new)
    for holder, key, name in _ids_of(raw.get("post_processor")):
        holder[key] = _renamed(holder[key], name, new)
    return json.dumps(raw, ensure_ascii=False)


def special_ids(text: str) -> frozenset[int]:
    """Return the ids that no piece of text has: padding, separators, unknown."""
    raw = json.loads(text)
    ids = {added["id"] for added in raw.get("added_tokens", []) if added["special"]}
    ids |= {holder[key] for holder, key, _ in _ids_of(raw.get("post_processor"))}
    unknown = raw["model"].get("unk_token")
    if unknown in raw["model"]["vocab"]:
        ids.add(raw["model"]["vocab"][unknown])
    return frozenset(ids | {0})


def safe_ids(text: str) -> frozenset[int]:
    """Return the ids without which a tokenizer could no longer cut what it can cut.

    The special ids, what was added beside the model's pieces, single characters (of
    byte-level BPE: bytes), and in WordPiece their continuations of a word.
    """
    raw = json.loads(text)
    prefix = raw["model"].get("continuing_subword_prefix") or ""
    single = {
        place
        for piece, place in raw["model"]["vocab"].items()
        if len(piece.removeprefix(prefix)) == 1
    }
    added = {each["id"] for each in raw.get("added_tokens", [])}
    return special_ids(text) | single | added


def parts_of(text: str) -> dict[int, frozenset[int]]:
    """Return, of each piece that merges make, the ids of all it is made of on the way.

    Empty for WordPiece, whose pieces are made of nothing.
    """
    model = json.loads(text)["model"]
    ids, parts = model["vocab"], dict[int, frozenset[int]]()
    for merge in model.get("merges", []):  # in order: a part is made before the whole
        left, right = _sides(merge)
        made = ids.get(left + right)
        if made is None or left not in ids or right not in ids:
            continue
        own = {ids[left], ids[right]}
        below = [parts.get(place, frozenset()) for place in own]
        parts[made] = parts.get(made, frozenset()).union(own, *below)
    return parts


def _stands(merge: str | list[str], vocabulary: dict[str, int]) -> bool:
    """Whether a merge's parts and what they make are all still there."""
    left, right = _sides(merge)
    return all(piece in vocabulary for piece in (left, right, left + right))


def _sides(merge: str | list[str]) -> tuple[str, str]:
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def _renamed(old: int, name: str, new: dict[int, int]) -> int:
    if old not in new:
        raise TokenizerError(f"{name!r}, id {old}, is a special token and must stay")
    return new[old]


def _ids_of(processor: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield where a post-processor keeps ids: holder, key, name of the token."""
    match (processor or {}).get("type"):
        case "BertProcessing" | "RobertaProcessing":
            for side in ("sep", "cls"):
                yield processor[side], 1, processor[side][0]
        case "TemplateProcessing":
            for name, token in processor["special_tokens"].items():
                for place in range(len(token["ids"])):
                    yield token["ids"], place, name
        case "Sequence":
            for each in processor["processors"]:
                yield from _ids_of(each)
        case None | "ByteLevel":
            return
        case kind:
            raise TokenizerError(f"post_processor {kind} is not known")
