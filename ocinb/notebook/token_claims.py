"""Claims: what a token says, in words. The token itself is shown nowhere: who has it can do what it opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, TypeGuard

# What a claim is called by people.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "iss": "issued by",
        "sub": "given to",
        "aud": "for the service",
        "iat": "issued at",
        "nbf": "valid from",
        "exp": "valid until",
        "jti": "number",
        "access": "opens",
    }
)
_TIMES = frozenset({"iat", "nbf", "exp"})
# More seconds are no time: 30,000 years.
_MOST_SECONDS = 10**12


def told(name: str, value: Any) -> str:
    """Say what a claim says; a service may write anything into it.

    >>> told("access", [{"type": "repository", "name": "demo/hello", "actions": ["pull"]}])
    'repository demo/hello: pull'
    >>> told("sub", ""), told("exp", 1_764_000_000), told("aud", ["a", "b"])
    ('nobody in particular', '2025-11-24 16:00:00 UTC', '["a", "b"]')
    """
    if name in _TIMES:
        return moment(value) or _plain(value)
    if name == "access" and isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return "; ".join(map(_access, value)) or "nothing"
    if value == "":
        return "nobody in particular" if name == "sub" else "nothing"
    return _plain(value)


def is_time(value: Any) -> TypeGuard[float]:
    """Say whether it is a number of seconds that can be a time."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST_SECONDS


def moment(seconds: Any) -> str | None:
    """Say when it is, by seconds since 1970; None if that is no time."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if is_time(seconds) else None
    except (ValueError, OverflowError, OSError):  # a year that there is not
        return None


def _access(entry: Mapping[str, Any]) -> str:
    actions = entry.get("actions")
    may = ", ".join(map(str, actions)) if isinstance(actions, list) else ""
    return f"{entry.get('type', '')} {entry.get('name', '')}: {may or 'nothing'}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
