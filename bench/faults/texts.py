"""What is asked while things go wrong, and what is known to be the answer."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from pathlib import Path

from bench.load import LoadError
from bench.serving.offered import Question

MESSAGES = Path(__file__).parents[1] / "messages.txt"


def read_texts(artifact: Path, known: Path | None = None) -> list[str]:
    """Return distinct real texts: of `known`, or the few of artifact and bench.

    Raises LoadError where `known` is not such a file.

    `known` is what `python -m bench.serving.known` printed: the whole test split.
    """
    if known is not None:
        try:
            return list(dict.fromkeys(json.loads(known.read_bytes())["texts"]))
        except (ValueError, KeyError, TypeError) as error:
            raise LoadError(
                f"{known}: not what bench.serving.known prints: {error!r}"
            ) from error
    texts = MESSAGES.read_text(encoding="utf-8").splitlines()
    sample = artifact / "sample.json"
    if sample.is_file():
        texts += json.loads(sample.read_bytes())["instances"]
    return list(dict.fromkeys(text for text in texts if text.strip()))


def ask_each(
    port: int, path: str, texts: Sequence[str], cache_control: str = "no-store"
) -> list[Question]:
    """Return each text with the label that an idle server gives it, one by one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    questions = []
    for text in texts:
        headers = {"Cache-Control": cache_control}
        connection.request("POST", path, json.dumps({"instances": [text]}), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise OSError(f"{text[:40]!r}: {response.status}: {body[:200]!r}")
        label = json.loads(body)["predictions"][0]["label"]
        questions.append(Question(text, label))
    connection.close()
    return questions
