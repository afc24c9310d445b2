"""The body of a request: what is accepted, and what is said of the rest."""

from __future__ import annotations

import json
from typing import Any

from werkzeug.exceptions import BadRequest

_SHAPE = '{"instances": [...]}'


def read_instances(body: bytes, *, max_batch: int) -> list[Any]:
    """Return the instances of TF Serving's row format, each as it was sent.

    Raises BadRequest naming the place, what was found and what is allowed.
    """
    request = read_json(body, wanted=_SHAPE)
    if not isinstance(request, dict) or "instances" not in request:
        raise BadRequest(f"body: no instances; wanted {_SHAPE}")
    instances = request["instances"]
    if not isinstance(instances, list):
        raise BadRequest(f"instances: {kind(instances)} is not a list")
    if not 1 <= len(instances) <= max_batch:
        raise BadRequest(f"instances: {len(instances)} given, 1 to {max_batch} allowed")
    return instances


def read_json(body: bytes, *, wanted: str) -> Any:
    """Return what the body says; BadRequest names where it stops being JSON."""
    try:
        return json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadRequest(f"body: not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise BadRequest(f"body: nested too deeply; wanted {wanted}") from error
    except ValueError as error:
        raise BadRequest(f"body: not JSON: {error}; wanted {wanted}") from error


def read_text(value: Any, where: str) -> str:
    """Return a value if it is text that a model can say something about."""
    if not isinstance(value, str):
        raise BadRequest(f"{where}: {kind(value)} is not a string")
    # Nothing but padding would reach the model, and its answer would mean nothing.
    if not value.strip():
        raise BadRequest(f"{where}: empty text")
    # JSON can escape half a surrogate pair, which is no character.
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise BadRequest(f"{where}: a lone surrogate is not Unicode text")
    return value


def kind(value: Any) -> str:
    """JSON's word for a value; the value itself may be long or private."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")
