"""How a value of a stage is refused: by stage, endpoint, field, value and bound."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, is_dataclass
from types import NoneType
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

ACCOUNT = re.compile(r"\d{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
TAG = re.compile(r"[\w .:/=+@-]{1,256}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class ConfigError(ValueError):
    """A stage that could not be deployed as it is written."""


@dataclass(frozen=True)
class Checked:
    """Refuses values of one stage or endpoint, which it names in every refusal."""

    where: str

    def refuse(self, field: str, value: object, wanted: str) -> NoReturn:
        raise ConfigError(f"{self.where}: {field}: {value!r} is not {wanted}")

    def within(self, field: str, value: object, low: float, high: float) -> None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not low <= value <= high:  # type: ignore[operator]
            self.refuse(field, value, f"between {low:g} and {high:g}")

    def whole(self, field: str, value: object, low: int, high: int) -> None:
        """Refuse what is no whole number of low to high."""
        if not isinstance(value, int) or isinstance(value, bool):
            self.refuse(field, value, f"a whole number between {low} and {high}")
        self.within(field, value, low, high)

    def flag(self, field: str, value: object) -> None:
        if not isinstance(value, bool):
            self.refuse(field, value, "True or False")

    def several(self, field: str, value: object, least: int = 0) -> None:
        """Refuse what is no tuple: one in brackets wants a comma behind it."""
        if not isinstance(value, tuple):
            self.refuse(field, value, "a tuple: a single one is written (x,)")
        if len(value) < least:
            self.refuse(field, value, f"{least} or more")

    def parts(self, config: object) -> None:
        """Refuse a field that wants other settings than those it has, or none."""
        for field, hint in get_type_hints(type(config)).items():
            kinds = [*_kinds(hint)]
            settings = [kind for kind in kinds if is_dataclass(kind)]
            if not settings:
                continue
            value = getattr(config, field)
            is_many = get_origin(hint) is tuple
            if is_many:
                self.several(field, value)
            allowed = (*settings, *(kind for kind in kinds if kind is NoneType))
            names = [kind.__name__ for kind in settings]
            wanted = f"{'one of' if names[1:] else 'a'} {', '.join(names)}"
            for each in value if is_many else (value,):
                if not isinstance(each, allowed):
                    self.refuse(field, each, wanted)

    def distinct(self, field: str, values: Collection[object]) -> None:
        if len(set(values)) < len(values):
            self.refuse(field, values, "all different")

    def optional(
        self, field: str, value: object, pattern: re.Pattern[str], wanted: str
    ) -> None:
        """Refuse what is neither None nor a match."""
        if value is not None:
            self.matches(field, value, pattern, wanted)

    def one_of(self, field: str, value: object, allowed: Collection[object]) -> None:
        if value not in allowed:
            self.refuse(field, value, f"one of {', '.join(map(str, allowed))}")

    def matches(
        self, field: str, value: object, pattern: re.Pattern[str], wanted: str
    ) -> None:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            self.refuse(field, value, wanted)

    def addresses(self, field: str, values: Collection[object]) -> None:
        """Refuse what is no tuple of different e-mail addresses."""
        self.several(field, values)
        self.distinct(field, values)
        for value in values:
            self.matches(field, value, EMAIL, "an address")

    def block(self, field: str, value: str, low: int = 0, high: int = 32) -> None:
        """Refuse what is no IPv4 CIDR block with a prefix of low to high bits."""
        try:
            prefix = ipaddress.IPv4Network(value).prefixlen
        except ValueError as error:
            self.refuse(field, value, f"an IPv4 block: {error}")
        else:
            if not low <= prefix <= high:
                self.refuse(field, value, f"a block of /{low} to /{high}")


def _kinds(hint: Any) -> Iterator[type]:
    if isinstance(hint, type) and not get_args(hint):
        yield hint
    for each in get_args(hint):
        yield from _kinds(each)
