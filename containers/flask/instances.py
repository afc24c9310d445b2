"""The body of a predict request: what is accepted, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.exceptions import BadRequest

_SHAPE = '{"instances": ["text", ...]} or {"instances": [{"text": "..."}, ...]}'


def read_texts(body: bytes, *, max_batch: int) -> list[str]:
    """Return the texts of TF Serving's row format.

    Raises BadRequest naming the place, what was found and what is allowed.
    """
    try:
        request = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadRequest(f"body: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise BadRequest(f"body: nested too deeply; wanted {_SHAPE}") from error
    except ValueError as error:
        raise BadRequest(f"body: not JSON: {error}; wanted {_SHAPE}") from error
    if not isinstance(request, dict) or "instances" not in request:
        raise BadRequest(f"body: no instances; wanted {_SHAPE}")
    instances = request["instances"]
    if not isinstance(instances, list):
        raise BadRequest(f"instances: {_kind(instances)} is not a list")
    if not 1 <= len(instances) <= max_batch:
        raise BadRequest(f"instances: {len(instances)} given, 1 to {max_batch} allowed")
    return [_text(index, instance) for index, instance in enumerate(instances)]


def _text(index: int, instance: Any) -> str:
    text = instance
    where = f"instances[{index}]"
    if isinstance(instance, dict):
        if instance.keys() != {"text"}:
            raise BadRequest(f"{where}: keys {sorted(instance)} are not ['text']")
        text, where = instance["text"], f"{where}.text"
    if not isinstance(text, str):
        raise BadRequest(f"{where}: {_kind(text)} is not a string")
    # Nothing but padding would reach the model, and its answer would mean nothing.
    if not text.strip():
        raise BadRequest(f"{where}: empty text")
    # JSON can escape half a surrogate pair, which is no character.
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise BadRequest(f"{where}: a lone surrogate is not Unicode text")
    return text


def _kind(value: Any) -> str:
    """JSON's word for a value; the value itself may be long or private."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
