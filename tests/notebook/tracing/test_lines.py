"""In a terminal each exchange is a line that fits, and nothing in it moves the cursor."""

from __future__ import annotations

import pytest

from ocinb.notebook.trace.window import LEAST_PATH, lines
from tests.notebook.tracing.telling import step

LONG = "https://registry.example/v2/" + "a-long-name/" * 20 + "manifests/2.0"


@pytest.mark.parametrize("columns", [40, 80, 100, 140, 300])
def test_lines_fit_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    _, *told = lines([step(LONG, reason="r" * 100, seconds=number) for number in (0.01, 60)], "").split("\n")
    assert len(told) == 2
    assert max(map(len, told)) <= columns
    assert all("2.0" in line for line in told if columns >= 40 + LEAST_PATH)
    assert all("200" in line for line in told if columns >= 80)


def test_strangers_move_no_cursor() -> None:
    told = lines([step("https://registry.example/\x1b[2J", reason="a\x1b[2J\nb", method="G\x1bT")], "")
    assert "\x1b" not in told
    assert told.count("\n") == 1
