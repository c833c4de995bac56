"""Quantities: durations and sizes as people type them."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from numbers import Real
from typing import Any

from ocinb.errors import InvalidError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
# In whatever words, but for an "m", which may be minutes or months.
_UNITS = "s|sec(?:ond)?s?|min(?:ute)?s?|h(?:our)?s?|d(?:ay)?s?|w(?:eek)?s?"
_DURATION = re.compile(rf"\s*(\d+(?:\.\d+)?)\s*({_UNITS})\s*", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?))?b?\s*", re.IGNORECASE)


def read_duration(value: Any, what: str) -> float:
    """Read a duration: a number of seconds, a ``timedelta`` (pandas' too), or a text: ``"30d"``, ``"2 weeks"``.

    Parameters
    ----------
    value
        What was given.
    what
        The parameter, for the message.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    InvalidError
        If it is none of them, or negative.

    Examples
    --------
    >>> read_duration("1.5h", "older_than")
    5400.0
    """
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1]) * _SECONDS[match[2][0].lower()]
    if _is_number(value) and value >= 0:
        return float(value)
    hint = "30 days are '30d' (also s, min, h, w), a timedelta, or a number of seconds"
    raise InvalidError(f"{what} takes a duration, not {value!r}", hint=hint)


def read_size(value: Any, what: str) -> int:
    """Read a size: a number of bytes, or a text such as ``"10 GB"`` (decimal) or ``"10 GiB"`` (binary).

    Parameters
    ----------
    value
        What was given.
    what
        The parameter, for the message.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    InvalidError
        If it is neither, or negative.

    Examples
    --------
    >>> read_size("10 GB", "keep_bytes"), read_size("1.5KiB", "keep_bytes")
    (10000000000, 1536)
    """
    if isinstance(value, str) and (match := _SIZE.fullmatch(value)):
        return int(float(match[1]) * (1024 if match[3] else 1000) ** _POWERS[(match[2] or "").lower()])
    if _is_number(value) and value >= 0:
        return int(value)
    raise InvalidError(f"{what} takes a size, not {value!r}", hint="10 GB are '10GB' or a number of bytes")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
