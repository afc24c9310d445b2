"""What is wrong with a spec, in a reader's words: the field, its value, what it may be.

msgspec says where it stopped and what it expected; the types of the spec say the rest.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from msgspec import inspect

# What text must look like, for every pattern in a spec.
PATTERNS = {
    "^[a-z][a-z0-9]*(-[a-z0-9]+)*$": (
        "lower-case letters and digits, a letter first, single hyphens between"
    ),
    "^[a-z0-9]+([.-][a-z0-9]+)*$": (
        "lower-case letters and digits, single dots and hyphens between"
    ),
    "^[0-9a-f]{64}$": "64 hexadecimal digits, lower case",
    "^(package|file|dir|hub):.+$": (
        "package:NAME, file:PATH, dir:PATH or hub:OWNER/NAME@COMMIT"
    ),
}

Type = inspect.Type
Key = str | int
_ABSENT = object()
_PLACED = re.compile(r"^(.*?)(?: - at `\$([^`]*)`)?\Z", re.S)
_SOME_KEY = ""  # of a table whose keys are free: msgspec does not say which


def explain(message: str, content: Any, root: type) -> str:
    """Return msgspec's refusal of `content` as a `root`, as one line for a reader.

    In `content` a pass has a table of `settings`; in its file it is one flat table.
    """
    bound, where = _PLACED.findall(message)[0]
    path = _path(where)
    value, kinds = _value(content, path), _kinds(root, content, path)
    if bound.startswith("Object contains unknown field"):
        bound = _unknown(bound.partition("`")[2].rstrip("`"), content, path, kinds)
    elif bound.startswith("Invalid") and len(kinds) == len(_literals(kinds)):
        allowed = [value for values in _literals(kinds) for value in values]
        bound = f"is none of {', '.join(_nearest(value, allowed))}"
    elif (
        bound.startswith("Invalid") or "` matching regex" in bound or "`, got" in bound
    ):
        bound = f"expected {_any_of(kinds)}"
    field = _field(key for key in path if key != "settings")
    return f"{field or 'the spec'}: {_shown(value, path)}{bound}"


def described(kind: Type) -> str:
    """What a field may be, as docs/spec.md says it; None is what its default is."""
    return _any_of(_alternatives(kind))


def _any_of(kinds: Iterable[Type]) -> str:
    return " or ".join(map(_described, kinds))


def _shown(value: Any, path: Sequence[Key]) -> str:
    if path[-1:] == [_SOME_KEY]:
        return "one of its values: "
    # A table that is wrong as a whole says itself what is wrong in it.
    return "" if isinstance(value, dict) or value is _ABSENT else f"{value!r}: "


def _path(where: str) -> list[Key]:
    """The keys of `.passes[1].settings.layers` and `.checkpoint.sha256[...]`."""
    found = re.findall(r"\[(\d+)\]|\[\.\.\.\]|\.([^.\[]+)", where)
    return [int(index) if index else name for index, name in found]


def _field(path: Iterable[Key]) -> str:
    return "".join(
        f"[{key}]" if isinstance(key, int) else f".{key}" for key in path if key != ""
    ).removeprefix(".")


def _value(content: Any, path: Sequence[Key]) -> Any:
    for key in path:
        try:
            content = content[key]
        except (KeyError, IndexError, TypeError):
            return _ABSENT
    return content


def _kinds(root: type, content: Any, path: Sequence[Key]) -> list[Type]:
    """What may stand at `path`; of tagged tables the one whose tag `content` has."""
    found = [_type_of(root)]
    for key in path:
        found = [each for kind in found for each in _within(kind, key)]
        content = _value(content, [key])
        tagged: list[Type] = [
            each
            for each in found
            if isinstance(each, inspect.StructType)
            and isinstance(content, dict)
            and each.tag == content.get(str(each.tag_field))
        ]
        found = tagged or found
    return found


@cache
def _type_of(root: type) -> Type:
    return inspect.type_info(root)


def _within(kind: Type, key: Key) -> Iterator[Type]:
    match kind:
        case inspect.StructType(tag_field=str(tag), tag=value) if tag == key:
            yield inspect.LiteralType((value,))
        case inspect.StructType(fields=fields):
            for field in fields:
                if field.encode_name == key:
                    yield from _alternatives(field.type)
        case inspect.TupleType(item_types=items) if isinstance(key, int):
            yield from _alternatives(items[key])
        case inspect.VarTupleType(item_type=item) if isinstance(key, int):
            yield from _alternatives(item)
        case inspect.DictType(value_type=item):
            yield from _alternatives(item)


def _alternatives(kind: Type) -> Iterator[Type]:
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _alternatives(each)
    elif not isinstance(kind, inspect.NoneType):  # TOML has none
        yield kind


def _unknown(
    name: str, content: Any, path: Sequence[Key], kinds: Sequence[Type]
) -> str:
    known = [
        field.encode_name
        for kind in kinds
        if isinstance(kind, inspect.StructType)
        for field in kind.fields
        if field.encode_name != "digest"  # is computed
    ]
    of = ""
    if path[-1:] == ["settings"]:
        made, own = _value(content, path[:-1]), _value(content, path)
        of = f" of {own['name']}{f' {n!r}' if (n := made.get('variant')) else ''}"
        known += ["name", "variant", "of"]
    return f"unknown field `{name}`{of}; known are {', '.join(_nearest(name, known))}"


def _nearest(given: Any, names: Sequence[str]) -> list[str]:
    """All names, those that look like what was given first."""
    near = difflib.get_close_matches(str(given), names)
    return [*near, *(name for name in names if name not in near)]


def _literals(kinds: Iterable[Type]) -> list[list[str]]:
    return [
        [str(value) for value in kind.values]
        for kind in kinds
        if isinstance(kind, inspect.LiteralType)
    ]


def _described(kind: Type) -> str:
    match kind:
        case inspect.IntType():
            return "whole number" + _range(kind)
        case inspect.FloatType():
            return "number" + _range(kind)
        case inspect.BoolType():
            return "true, false"
        case inspect.StrType(pattern=str(pattern)):
            return PATTERNS.get(pattern, f"text like {pattern}")
        case inspect.StrType():
            return "text"
        case inspect.LiteralType(values=values):
            *others, last = map(str, values)
            return " or ".join([*([", ".join(others)] if others else []), last])
        case inspect.TupleType(item_types=items):
            return f"{len(items)} in a list, each {described(items[0])}"
        case inspect.VarTupleType(item_type=item, min_length=least):
            return f"list{' of 1 or more' if least else ''}, each {described(item)}"
        case inspect.DictType(value_type=item):
            return f"table, each {described(item)}"
        case inspect.StructType():
            return "table"
        case _:
            raise TypeError(f"a spec has no {kind}")


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    bounds = {">": kind.gt, ">=": kind.ge, "<": kind.lt, "<=": kind.le}
    found = [
        f"{sign} {b:g}" if isinstance(b, float) else f"{sign} {b:,}"
        for sign, b in bounds.items()
        if b is not None
    ]
    return f" {' and '.join(found)}" if found else ""
