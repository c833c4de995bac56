"""In a terminal each exchange is a line that fits, and nothing in it moves the cursor."""

from __future__ import annotations

import pytest

from ocinb.notebook.trace.window import LEAST_PATH, TEXT_FIRST, TEXT_LAST, lines
from tests.notebook.tracing.telling import step

LONG = "https://registry.example/v2/" + "a-long-name/" * 20 + "manifests/2.0"


def test_a_line_tells_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    steps = [step(status=401, reason="manifest 2.0"), step("https://auth.example/token", reason="a token", started=1)]
    assert lines(steps, "the block is still running").split("\n") == [
        "<Trace: 2 exchanges with 2 hosts, 2.0 kB in 1.1 s, the block is still running>",
        "1  GET  registry.example/v2/demo/shop/manifests/2.0  401 Unauthorized  1.0 kB  100 ms  manifest 2.0",
        "2  GET  auth.example/token                           200 OK            1.0 kB  100 ms  a token",
    ]


@pytest.mark.parametrize("columns", [40, 80, 100, 140, 300])
def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    _, *told = lines([step(LONG, reason="r" * 100, seconds=number) for number in (0.01, 60)], "").split("\n")
    assert len(told) == 2
    assert max(map(len, told)) <= columns
    assert all("2.0" in line for line in told if columns >= 40 + LEAST_PATH)
    assert all("200" in line for line in told if columns >= 80)


def test_of_many_the_ends_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    told = lines([step(started=number) for number in range(10_000)], "").split("\n")
    assert len(told) == 1 + TEXT_FIRST + 1 + TEXT_LAST
    assert told[1 + TEXT_FIRST] == "… 9,940 more; .frame has them all"
    assert told[-1].startswith("10000  GET")
    assert told[1].startswith("    1  GET")


def test_none_is_told_too() -> None:
    assert lines([], "nothing was asked") == "<Trace: nothing was asked>"


def test_strangers_move_no_cursor() -> None:
    told = lines([step("https://registry.example/\x1b[2J", reason="a\x1b[2J\nb", method="G\x1bT")], "")
    assert "\x1b" not in told
    assert told.count("\n") == 1
