"""Rates: what a registry says in its headers of how much it still gives, and what it warns of.

Sources: Docker Hub's "Usage and rate limits"; the IETF draft "RateLimit header fields for HTTP" up to its version 6,
where each is a number; RFC 7234 section 5.5 for ``Warning``, which the distribution-spec uses with code 299.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ocinb.network.retry import EPOCH_FROM

# As registries spell them; GitHub's and Quay's are the older ones with an X.
_PREFIXES = ("ratelimit", "x-ratelimit")
_VALUE = re.compile(r"\s*(\d{1,15})(?:\.\d+)?\s*(?:[;,].*)?")
_WINDOW = re.compile(r";\s*w\s*=\s*(\d{1,9})\b")
_WARNING = re.compile(r'\b299 \S+ "((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True, slots=True)
class Rate:
    """How much a registry gives, as far as it says; None is unknown.

    Attributes
    ----------
    limit, remaining
        Requests in a window, and those that are left of them.
    window_seconds
        The length of the window.
    reset_at
        When it begins anew.
    """

    limit: int | None
    remaining: int | None
    window_seconds: int | None
    reset_at: datetime | None


NOTHING_SAID = Rate(None, None, None, None)


def read_rate(headers: Mapping[str, str], now: datetime) -> Rate | None:
    """Read the limit that an answer tells of; None if it tells of none.

    >>> said = {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600"}
    >>> read_rate(said, datetime.now(UTC))
    Rate(limit=100, remaining=76, window_seconds=21600, reset_at=None)
    """
    for prefix in _PREFIXES:
        limit, remaining = headers.get(f"{prefix}-limit"), headers.get(f"{prefix}-remaining")
        if limit is None and remaining is None:
            continue
        window = _WINDOW.search(limit or "") or _WINDOW.search(remaining or "")
        return Rate(
            _number(limit),
            _number(remaining),
            int(window[1]) if window else None,
            _moment(_number(headers.get(f"{prefix}-reset")), now),
        )
    return None


def read_warnings(header: str) -> list[str]:
    r"""Read what a registry warns of.

    >>> read_warnings('299 - "this repository moves", 299 - "and \\"soon\\""')
    ['this repository moves', 'and "soon"']
    """
    return [re.sub(r"\\(.)", r"\1", text) for text in _WARNING.findall(header)]


def _number(value: str | None) -> int | None:
    match = _VALUE.fullmatch(value or "")
    return int(match[1]) if match else None


def _moment(value: int | None, now: datetime) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(value, UTC) if value >= EPOCH_FROM else now + timedelta(seconds=value)
    except (ValueError, OverflowError, OSError):
        return None
