"""Read a JSON object member by member: the Price List's files do not fit into memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

_CHUNK = 1 << 18  # characters
_LARGEST = 1 << 26  # of one value, in characters
_SPACE = " \t\r\n"


class JsonMembers:
    """A place in a JSON text that moves forward.

    Who is given a key by `members` takes its value before the next key: with `value`,
    with `members` of its own to the end, or with `skip`. All raise ValueError where the
    text is not JSON.
    """

    def __init__(self, source: TextIO) -> None:
        self._source = source
        self._text, self._at = "", 0
        self._decode = json.JSONDecoder().raw_decode

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that comes next."""
        self._take("{")
        if self._next() == "}":
            return self._take("}")
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise ValueError(f"{key!r} is no key")
            self._take(":")
            yield key
            if self._next() == "}":
                return self._take("}")
            self._take(",")

    def value(self) -> Any:
        """Return the value that comes next, whole."""
        self._next()
        while True:
            try:
                found, end = self._decode(self._text, self._at)
            except ValueError:
                if not self._more():
                    raise
            else:
                # A number at the end of what was read may go on.
                if end < len(self._text) or not self._more():
                    self._at = end
                    return found

    def skip(self) -> None:
        """Pass the value that comes next, an object member by member."""
        if self._next() != "{":
            self.value()
            return
        for _ in self.members():
            self.value()

    def _take(self, wanted: str) -> None:
        if (found := self._next()) != wanted:
            raise ValueError(f"{found!r} where {wanted!r} should be")
        self._at += 1

    def _next(self) -> str:
        """Return the next character that is no space, without passing it."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                raise ValueError("ends too soon")

    def _more(self) -> bool:
        kept = self._text[self._at :]
        if len(kept) > _LARGEST:
            raise ValueError(f"a value is longer than {_LARGEST} characters, or broken")
        read = self._source.read(max(_CHUNK, len(kept)))
        self._text, self._at = kept + read, 0
        return bool(read)
