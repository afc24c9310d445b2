"""What it takes to tokenize a text, whole and by the words that are kept.

python -m bench.words build/support-sentiment \\
    --texts ../shared/data/sst2.train.jsonl.gz sentence

Microseconds of one core for each text, the best of five rounds in turn. "At first" keeps
no word before; rows are compared, and a difference ends the run.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import string
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer

from containers.flask.artifact import TOKENIZER, StartError
from containers.flask.task import read_tokenizer
from containers.flask.words import Words, are_apart
from manifest import ManifestError, read_manifest

ROOT = Path(__file__).parents[1]
ROUNDS = 5
TEXTS = 4000


def seconds(call: Callable[[], object]) -> float:
    began = time.thread_time()
    call()
    return time.thread_time() - began


def measure(tokenizer: Tokenizer, longest: int, texts: Sequence[str]) -> list[float]:
    """Return microseconds a text: whole, by words at first, and once all are known."""

    def whole() -> list[list[int]]:
        return [tokenizer.encode_batch_fast([text])[0].ids for text in texts]

    def by_words() -> list[list[int]]:
        return [words.row(text) for text in texts]

    rounds = []
    for _ in range(ROUNDS):
        words = Words(tokenizer, longest=longest, side="right")
        rounds.append([seconds(each) for each in (whole, by_words, by_words)])
    assert whole() == by_words()
    return [min(each) / len(texts) * 1e6 for each in zip(*rounds, strict=True)]


def sources(files: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    chance = random.Random(1)
    messages = (ROOT / "bench/messages.txt").read_text(encoding="utf-8").splitlines()
    yield "messages", chance.choices(messages, k=TEXTS)
    for path, key in files:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            rows = [json.loads(line) for line in islice(lines, TEXTS)]
        yield Path(path).name, [row[key] for row in rows]
    signs = string.ascii_lowercase[:16] + " " * 5
    yield (
        "random letters",
        ["".join(chance.choices(signs, k=120)) for _ in range(TEXTS)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.words",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("artifact", type=Path, metavar="DIR", help="an artifact")
    parser.add_argument(
        "--texts",
        nargs=2,
        action="append",
        default=[],
        metavar=("FILE.jsonl.gz", "KEY"),
        help="more texts, and what they are called there",
    )
    asked = parser.parse_args()
    try:
        manifest = read_manifest(asked.artifact / "manifest.json")
        tokenizer = read_tokenizer(asked.artifact / manifest.engine / TOKENIZER)
    except (ManifestError, StartError) as error:
        sys.exit(f"error: {error}")
    if not are_apart(tokenizer):
        sys.exit(f"error: {asked.artifact}: its tokenizer may look across spaces")
    longest = manifest.lengths[-1]
    tokenizer.enable_truncation(longest)
    print(f"{'':<28}{'whole':>8}{'at first':>10}{'known':>8}")
    for name, texts in sources(asked.texts):
        whole, first, known = measure(tokenizer, longest, texts)
        print(f"{name:<28}{whole:>8.1f}{first:>10.1f}{known:>8.1f}")


if __name__ == "__main__":
    main()
