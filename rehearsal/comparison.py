"""Where what was found is not what the template asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.readers.reading import AtLeast

Difference = tuple[str, Any, Any]  # path within the resource, expected, found


def differences(expected: Any, found: Any, path: str = "") -> Iterator[Difference]:
    """Yield each place where `found` does not give what `expected` asks for.

    Members that the template leaves out are AWS's own business, and so is the order
    of a list. Numbers and booleans may be written as text, as CloudFormation allows.
    """
    if isinstance(expected, str) and isinstance(found, Mapping):
        expected = _document(expected)
    if isinstance(expected, Mapping):
        yield from _in_mapping(expected, found, path)
    elif isinstance(expected, list):
        yield from _in_list(expected, found, path)
    elif _scalar(expected) != _scalar(found):
        yield path, expected, found


def _in_mapping(
    expected: Mapping[str, Any], found: Any, path: str
) -> Iterator[Difference]:
    if isinstance(found, str):
        found = _document(found)
    if not isinstance(found, Mapping):
        yield path, dict(expected), found
        return
    spelled = {str(key).lower(): value for key, value in found.items()}
    for key, value in expected.items():
        inner = f"{path}.{key}" if path else key
        yield from differences(value, spelled.get(key.lower()), inner)


def _in_list(expected: list[Any], found: Any, path: str) -> Iterator[Difference]:
    if not isinstance(found, list):
        yield path, expected, found
        return
    left = list(found)
    for index, value in enumerate(expected):
        match = next((item for item in left if not any(differences(value, item))), None)
        if match is not None:
            left.remove(match)
        elif len(expected) == len(found) == 1:
            yield from differences(value, found[0], f"{path}[0]")
        else:
            yield f"{path}[{index}]", value, left
    if len(found) > len(expected) and not isinstance(found, AtLeast):
        yield path, expected, found


def _document(text: str) -> Any:
    """A policy or a dashboard travels as JSON text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.12g}"
    return str(value)
