"""A step says in words what an exchange was."""

from __future__ import annotations

from typing import Any

import pytest

from tests.notebook.tracing.telling import step

STATUSES: list[tuple[int | None, bool, str, str]] = [
    (200, False, "200 OK", "good"),
    (206, False, "206 Partial Content", "good"),
    (200, True, "200 OK", "kept"),
    (304, True, "304 Not Modified", "kept"),
    (307, False, "307 Temporary Redirect", "onward"),
    (401, False, "401 Unauthorized", "closed"),
    (404, False, "404 Not Found", "bad"),
    (503, False, "503 Service Unavailable", "bad"),
    (799, False, "799", "bad"),
    (None, False, "no answer", "bad"),
]


@pytest.mark.parametrize(("status", "from_cache", "text", "kind"), STATUSES)
def test_a_status_has_its_name_and_its_kind(*, status: int | None, from_cache: bool, text: str, kind: str) -> None:
    told = step(status=status, from_cache=from_cache)
    assert told.status == text
    assert told.kind == kind


@pytest.mark.parametrize(
    ("status", "word"),
    [(401, "challenge"), (304, "still right"), (302, "elsewhere"), (502, "a moment"), (None, "connection")],
)
def test_a_status_has_a_meaning(status: int | None, word: str) -> None:
    assert word in step(status=status).meaning


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({"transferred_bytes": 1234}, "1.2 kB"),
        ({"transferred_bytes": 0}, "0 B"),
        ({"transferred_bytes": 0, "from_cache": True}, "from cache"),
        ({"transferred_bytes": 0, "from_cache": True, "status": 304}, "confirmed"),
    ],
)
def test_a_size_says_what_came_over_the_wire(changes: dict[str, Any], size: str) -> None:
    assert step(**changes).size == size
