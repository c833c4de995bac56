"""A step says in words what an exchange was."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.notebook.trace.window import beginning, end, summary
from tests.notebook.tracing.telling import HOST, step

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


def test_what_says_enough_has_no_more_to_say() -> None:
    assert step(status=418).meaning == ""


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


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0004, "0.4 ms"), (0.0121, "12 ms"), (0.9, "900 ms"), (2.25, "2.2 s"), (90, "1 min 30 s")]
)
def test_a_time_is_told_as_people_compare_them(seconds: float, text: str) -> None:
    assert step(seconds=seconds).time == text


def test_digests_are_cut_as_docker_cuts_ids() -> None:
    digest = "ab12" * 16
    assert step(f"https://{HOST}/v2/a/blobs/sha256:{digest}?x=1").path == "/v2/a/blobs/sha256:ab12ab12ab12…?x=1"
    assert step(f"https://cdn.example/{digest}/data").path == "/ab12ab12ab12…/data"
    assert step(f"https://{HOST}/v2/a/manifests/abcdef0123456789").path == "/v2/a/manifests/abcdef0123456789"


def test_all_are_told_in_a_line() -> None:
    steps = [step(), step("https://cdn.example/x", started=1.0, transferred_bytes=500, from_cache=True)]
    assert summary(steps[:1]) == "1 exchange with registry.example, 1.0 kB in 100 ms"
    assert summary(steps) == "2 exchanges with 2 hosts, 1.5 kB in 1.1 s, 1 from what was kept"
    assert beginning(steps) == 0.0
    assert end(steps) == pytest.approx(1.1)
    assert (beginning([]), end([])) == (0.0, 0.0)
