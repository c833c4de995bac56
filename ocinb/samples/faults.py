"""Faults on demand: what a registry, a proxy or a network may do wrong, said beforehand and counted.

A fault is decided on the finished answer, so it can replace it, bend it, or break it off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from ocinb.errors import InvalidError
from ocinb.samples.http import Answer, Request, error_answer, merged

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "*")
_PARTIAL = 206
_FIRST_FAILURE = 300
_FIRST_ERROR = 400
_CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 429: "TOOMANYREQUESTS"}
_NUMBER = re.compile(r"\d+")


@dataclass(eq=False)
class Fault:
    """One fault, and how often it has struck (``hits``).

    One that changes the right answer (headers, body, cut, corrupt, ignore_range, wrong_range) waits for a request that
    is answered well, and with a body that is long enough.
    """

    path_pattern: str
    method: str = field(default="GET", kw_only=True)
    times: int | None = field(default=1, kw_only=True)
    status: int | None = field(default=None, kw_only=True)
    headers: Mapping[str, str | None] | None = field(default=None, kw_only=True)
    body: bytes | str | None = field(default=None, kw_only=True)
    cut: int | None = field(default=None, kw_only=True)
    corrupt: int | None = field(default=None, kw_only=True)
    ignore_range: bool = field(default=False, kw_only=True)
    wrong_range: bool = field(default=False, kw_only=True)
    drop: bool = field(default=False, kw_only=True)
    delay: float = field(default=0.0, kw_only=True)
    hits: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if self.method not in _METHODS:
            raise InvalidError(f"a fault's method is one of {', '.join(_METHODS)}, not {self.method!r}")
        if self.status is not None and not 200 <= self.status <= 599:  # noqa: PLR2004 - what HTTP has, but for 1xx
            raise InvalidError(f"a fault's status is between 200 and 599, not {self.status!r}")
        for name in ("times", "cut", "corrupt", "delay"):
            value, least = getattr(self, name), 1 if name == "times" else 0
            if value is not None and value < least:
                raise InvalidError(f"a fault's {name} cannot be {value!r}")
        if self.ignore_range and self.wrong_range:
            raise InvalidError("a fault cannot both ignore a range and lie about it", hint="Make two of them")
        if not (self._changes_answer or self.drop or self.delay or self.status is not None):
            raise InvalidError("the fault does nothing", hint="Say what goes wrong: status, cut, drop, delay …")

    @property
    def _changes_answer(self) -> bool:
        parts = (self.headers, self.body, self.cut, self.corrupt)
        return self.ignore_range or self.wrong_range or any(part is not None for part in parts)

    def cancel(self) -> None:
        """Let it strike no more."""
        self.times = self.hits

    def is_for(self, request: Request) -> bool:
        """Say whether it may strike at this request."""
        if self.times is not None and self.hits >= self.times:
            return False
        if (self.ignore_range or self.wrong_range) and request.header("Range") is None:
            return False
        paths = (request.path, request.path.partition("?")[0])
        return self.method in {request.method, "*"} and any(fnmatchcase(path, self.path_pattern) for path in paths)

    def heard(self, request: Request) -> Request:
        """Give the request as the faulty registry hears it."""
        if not self.ignore_range:
            return request
        return replace(
            request, headers={name: value for name, value in request.headers.items() if name.lower() != "range"}
        )

    def strike(self, answer: Answer) -> Answer | None:
        """Bend the right answer, and count; None if there is nothing in it that could be bent."""
        if self.status is None and not self.drop and self._changes_answer and not self._can_bend(answer):
            return None
        bent = self._bent(answer)
        if any(place is not None and place >= len(bent.body) for place in (self.cut, self.corrupt)):
            return None
        self.hits += 1
        return bent

    def _can_bend(self, answer: Answer) -> bool:
        # A 401 comes before every first answer; a fault that meant the blob would be used up by it.
        return answer.status == _PARTIAL if self.wrong_range else answer.status < _FIRST_FAILURE

    def _bent(self, answer: Answer) -> Answer:
        if self.status is not None:
            answer = replace(answer, status=self.status) if self.status < _FIRST_FAILURE else _failure(self.status)
        headers = merged(_one_off(answer.headers) if self.wrong_range else answer.headers, self.headers or {})
        body = answer.body if self.body is None else _encoded(self.body)
        return replace(answer, headers=headers, body=body if self.corrupt is None else _flipped(body, self.corrupt))


def _failure(status: int) -> Answer:
    if status < _FIRST_ERROR:
        return Answer(status)
    return error_answer(status, _CODES.get(status, "UNKNOWN"), "a fault that was asked for")


def _one_off(headers: Mapping[str, str | None]) -> dict[str, str | None]:
    start, stop, size = map(int, _NUMBER.findall(headers["Content-Range"] or ""))
    return merged(headers, {"Content-Range": f"bytes {start + 1}-{stop + 1}/{size}"})


def _encoded(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


def _flipped(body: bytes, position: int) -> bytes:
    return body[:position] + bytes(255 - byte for byte in body[position : position + 1]) + body[position + 1 :]
