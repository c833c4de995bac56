"""Requests and answers as values, so that what the registry says is decided without a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

_BODILESS = {204, 304}


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came in, and how it was answered."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: int | None = None

    def header(self, name: str) -> str | None:
        """Look a header up, in whatever case it came; None if it did not come."""
        return next((value for known, value in self.headers.items() if known.lower() == name.lower()), None)

    @property
    def resource(self) -> str:
        """The path without its query, decoded."""
        return unquote(self.path.partition("?")[0])

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the query, each with all its values."""
        return parse_qs(self.path.partition("?")[2], keep_blank_values=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry says."""

    status: int
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_bodiless(self) -> bool:
        """Whether HTTP forbids a body with this status."""
        return self.status in _BODILESS

    def all_headers(self) -> dict[str, str]:
        """Give the headers to send, with the length of the body where there may be one."""
        length = {} if self.is_bodiless else {"Content-Length": str(len(self.body))}
        return {name: value for name, value in merged(length, self.headers).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer, and how it reaches the one who asked."""

    answer: Answer
    delay: float = 0.0
    cut: int | None = None
    drop: bool = False
    bandwidth: float | None = None


def merged(headers: Mapping[str, str | None], changes: Mapping[str, str | None]) -> dict[str, str | None]:
    """Put headers in the place of others, whatever the case of their names.

    >>> merged({"ETag": "1", "Date": "now"}, {"etag": None})
    {'Date': 'now', 'etag': None}
    """
    changed = {name.lower() for name in changes}
    return {name: value for name, value in headers.items() if name.lower() not in changed} | dict(changes)


def json_answer(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with a JSON document."""
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(value).encode())


def error_answer(status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None) -> Answer:
    """Answer with an error in the form of the distribution-spec, "Error Codes".

    >>> error_answer(404, "BLOB_UNKNOWN", "no such blob").body
    b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "no such blob", "detail": null}]}'
    """
    errors = [{"code": code, "message": message, "detail": None}]
    return json_answer({"errors": errors}, status=status, headers=headers)
