"""Typed reading of the fields of a JSON object: the right type, or an error that names the field."""

from __future__ import annotations

from typing import Any

from ocinb.errors import InvalidError

# What Go's int64 holds, and so the specifications and all tables.
_LARGEST = 2**63 - 1


class Fields:
    """A JSON object whose fields are asked for by type.

    A field that is not there, or null, is None (an empty mapping or list for those); one of another type is refused.

    Parameters
    ----------
    value
        The object.
    what
        What it is, for messages.
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
