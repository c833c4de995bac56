"""Trouble: what went wrong on the way, told where it did."""

from __future__ import annotations

from ocinb.errors import OcinbError
from ocinb.notebook.explaining.words import Code, Note, Strong


def could_not(what: object, otherwise: str) -> Note:
    """Tell of an error if it was one, and else why there is nothing to tell."""
    if not isinstance(what, OcinbError):
        return Note((otherwise,))
    return Note((Strong(type(what).__name__), ": ", Code(str(what))), is_trouble=True)
