"""JSON from strangers: one reading of a text, or none.

Two parsers that read one text differently are how a signed document comes to mean two things; so a doubled key,
bytes that are no UTF-8, or a constant that JSON does not have are refused (RFC 8259, sections 4, 6 and 8.1).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from ocinb.errors import InvalidError

# The deepest document in use is about 15 deep; one that the parser just stands would fail whoever prints it.
MAX_DEPTH = 100
# Each costs a hundred times its bytes. The largest document that is read, of 32 MiB, has one in 70 bytes at the utmost.
MAX_PARTS = 500_000
_NESTING = (dict, list)
_SPACE = re.compile(r"[ \t\n\r]*")


def parse_object(raw: bytes, what: str) -> dict[str, Any]:
    """Parse bytes as one JSON object."""
    parts = raw.count(b"{") + raw.count(b"[")
    if parts > MAX_PARTS:
        raise InvalidError(f"{what} has more than {MAX_PARTS:,} objects and lists in it")
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep(what) from None
    except (ValueError, InvalidError) as error:
        raise InvalidError(f"{what} is not valid JSON: {error}; it begins with {_beginning(raw)}") from None
    if not isinstance(value, dict):
        raise InvalidError(f"{what} is not a JSON object; it begins with {_beginning(raw)}")
    if parts > MAX_DEPTH and _is_deep(value):  # which most documents have too few of to be
        raise _too_deep(what)
    return value


def walk_object(raw: bytes, unrolled: str, what: str) -> Iterator[tuple[str, Any]]:
    """Parse bytes as one JSON object, member by member, so that one with a list of millions need not be held.

    Examples
    --------
    >>> list(walk_object(b'{"version": 1, "entries": [{"name": "a"}, {"name": "b"}]}', "entries", "this"))
    [('version', 1), ('entries', {'name': 'a'}), ('entries', {'name': 'b'})]
    """
    try:
        yield from _Walk(raw.decode("utf-8")).members(unrolled)
    except RecursionError:
        raise _too_deep(what) from None
    except (ValueError, InvalidError) as error:
        raise InvalidError(f"{what} is not valid JSON: {error}; it begins with {_beginning(raw)}") from None


class _Walk:
    """A place in a text that moves on, value by value."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_without_doubles, parse_constant=_refuse_constant)

    def members(self, unrolled: str) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for _ in self._items("{", "}"):
            key = self._value()
            if not isinstance(key, str) or key in seen:
                raise InvalidError(f"the key {key!r} stands twice" if isinstance(key, str) else "a key is no text")
            seen.add(key)
            self._expect(":")
            if key == unrolled and self._next() == "[":
                yield from ((key, self._value()) for _ in self._items("[", "]"))
            else:
                yield key, self._value()
        if self._next():
            raise InvalidError(f"something stands behind its end, at {self._at:,}")

    def _items(self, opening: str, closing: str) -> Iterator[None]:
        self._expect(opening)
        if self._next() != closing:
            yield
            while self._next() == ",":
                self._expect(",")
                yield
        self._expect(closing)

    def _value(self) -> Any:
        self._next()
        value, self._at = self._decoder.raw_decode(self._text, self._at)
        return value

    def _next(self) -> str:
        """Give the next character that is no space, or nothing at the end."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._text[self._at : self._at + 1]

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise InvalidError(f"{character!r} is missing at {self._at:,}")
        self._at += 1


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        inner = (one.values() if isinstance(one, dict) else one for one in level)
        level = [child for children in inner for child in children if isinstance(child, _NESTING)]
        if not level:
            return False
    return True


def _too_deep(what: str) -> InvalidError:
    return InvalidError(f"{what} is nested deeper than {MAX_DEPTH} levels")


def _beginning(raw: bytes) -> str:
    return repr(raw[:40].decode("utf-8", "replace")) if raw else "nothing"


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) != len(pairs):
        [(doubled, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise InvalidError(f"the key {doubled!r} stands twice")
    return mapping


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidError(f"{name} is no JSON value")


# What Go's int64 holds, and so the specifications and all tables.
_LARGEST = 2**63 - 1


class Fields:
    """A JSON object whose fields are asked for by type.

    A field that is not there, or null, is None (an empty mapping or list for those); one of another type is refused.
    """

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise InvalidError(f"{what} has to be a JSON object, not {_kind(value)}")
        self._value = value
        self.what = what

    def text(self, key: str) -> str | None:
        """Read a text; an empty one counts as not there, as Go's encoders write it."""
        value = self._value.get(key)
        if value is None or isinstance(value, str):  # not by `_typed`: most of what is read are texts
            return value or None
        raise self._wrong(key, "a text")

    def integer(self, key: str) -> int | None:
        """Read a whole number of up to 64 bits."""
        value = self._value.get(key)
        if isinstance(value, bool):
            raise self._wrong(key, "a whole number")
        number: int | None = self._typed(key, int, "a whole number")
        if number is not None and abs(number) > _LARGEST:
            raise InvalidError(f"{key!r} of {self.what} is a number of more than 64 bits")
        return number

    def flag(self, key: str) -> bool:
        """Read a truth value; not there is False."""
        return bool(self._typed(key, bool, "true or false"))

    def child(self, key: str) -> Fields | None:
        """Read an object."""
        value = self._typed(key, dict, "an object")
        return None if value is None else Fields(value, f"{key} of {self.what}")

    def children(self, key: str) -> list[Fields]:
        """Read a list of objects."""
        values = self._typed(key, list, "a list") or []
        return [Fields(value, f"{key}[{place}] of {self.what}") for place, value in enumerate(values)]

    def texts(self, key: str) -> list[str] | None:
        """Read a list of texts; None if it is not there."""
        values: list[str] | None = self._typed(key, list, "a list")
        if values is not None and not all(isinstance(value, str) for value in values):
            raise self._wrong(key, "a list of texts")
        return values

    def text_mapping(self, key: str) -> dict[str, str]:
        """Read an object whose values are texts; {} if it is not there, and "" for a null, as Go reads them."""
        mapping: dict[str, Any] = self._typed(key, dict, "an object") or {}
        if not all(isinstance(value, str | None) for value in mapping.values()):
            raise self._wrong(key, "an object of texts")
        return {name: value or "" for name, value in mapping.items()}

    def keys(self, key: str) -> list[str] | None:
        """Read the keys of an object that Docker uses as a set (volumes, exposed ports)."""
        mapping = self._typed(key, dict, "an object")
        return None if mapping is None else list(mapping)

    def mapping(self, key: str) -> dict[str, Any] | None:
        """Read an object with whatever is in it; None if it is not there."""
        mapping: dict[str, Any] | None = self._typed(key, dict, "an object")
        return mapping

    def raw(self, key: str) -> Any:
        """Read whatever is there."""
        return self._value.get(key)

    def says(self, key: str) -> bool:
        """Say whether there is a field, be it null, as Go writes an empty list."""
        return key in self._value

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def _typed(self, key: str, kind: type, name: str) -> Any:
        value = self._value.get(key)
        if value is None or isinstance(value, kind):
            return value
        raise self._wrong(key, name)

    def _wrong(self, key: str, name: str) -> InvalidError:
        return InvalidError(f"{key!r} of {self.what} has to be {name}, not {_kind(self._value.get(key))}")


def _kind(value: Any) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")
