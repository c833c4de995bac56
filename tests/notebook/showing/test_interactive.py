"""A long frame is searched and sorted in a notebook that has itables; each output renders by itself."""

from __future__ import annotations

import html as entities
import re
from importlib.metadata import PackageNotFoundError
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.frames import schemas
from ocinb.notebook.show import interactive
from ocinb.notebook.show.interactive import FROM_ROWS, MOST_ROWS, can_be_interactive, search_and_sort
from ocinb.notebook.show.table import columns_of

HOSTILE = '</script><script>top.canary=1</script>"><img src=x onerror=top.canary=1>'


@pytest.fixture
def kernel(shell: Any) -> SimpleNamespace:
    """Give a shell what it has in a notebook."""
    shell.kernel = SimpleNamespace(cell="a", shell=shell)
    shell.kernel.get_parent = lambda _: {"metadata": {"cellId": shell.kernel.cell}}
    return shell.kernel  # type: ignore[no-any-return]


def frame_of(rows: int) -> pd.DataFrame:
    return schemas.LAYERS.frame({"layer": number, "compressed_bytes": number * 1000} for number in range(rows))


def _raise_not_found(name: str) -> str:
    raise PackageNotFoundError(name)


def test_only_a_long_frame_in_a_notebook_is_interactive(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_be_interactive(frame_of(FROM_ROWS))
    assert not can_be_interactive(frame_of(FROM_ROWS - 1))
    double = frame_of(FROM_ROWS)
    assert not can_be_interactive(pd.concat([double, double], axis=1)), "which itables would mix up"
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.8.0")
    assert not can_be_interactive(frame_of(FROM_ROWS)), "which knows other options"
    monkeypatch.setattr("importlib.metadata.version", lambda _: "3.0.0")
    assert can_be_interactive(frame_of(FROM_ROWS))
    monkeypatch.setattr("importlib.metadata.version", _raise_not_found)
    assert not can_be_interactive(frame_of(FROM_ROWS))
    assert kernel.shell is not None


def test_elsewhere_it_is_not(shell: Any) -> None:
    assert shell is not None, "which is no notebook"
    assert not can_be_interactive(frame_of(FROM_ROWS))
    assert 'class="ocinb-live"' not in ocinb.show(frame_of(FROM_ROWS))._repr_mimebundle_()["text/html"]


def test_who_wants_none_gets_none(kernel: Any) -> None:
    frame = frame_of(FROM_ROWS)
    assert 'class="ocinb-live"' in ocinb.show(frame)._repr_mimebundle_()["text/html"]
    assert 'class="ocinb-live"' not in ocinb.show(frame, interactive=False)._repr_mimebundle_()["text/html"]
    assert kernel.cell == "a"


def test_no_address_of_a_network_is_loaded() -> None:
    drawn = search_and_sort(frame_of(FROM_ROWS))
    assert not re.search(r"(?:src|import|from)\s*=?\s*['\"]https?:", drawn)


def test_it_says_how_many_rows_it_has() -> None:
    drawn = search_and_sort(frame_of(MOST_ROWS + 1))
    assert f"1,001 rows, 16 columns, of which the first {MOST_ROWS:,} are here" in drawn
    assert "of which" not in search_and_sort(frame_of(FROM_ROWS))


def test_cells_are_sorted_by_what_they_are(kernel: Any) -> None:
    assert kernel is not None
    cells = [interactive._cell(column, column.cells[0]) for column in columns_of(frame_of(1), "", index=True)]
    assert all(re.match(r'<data value="[^"]*"></data>', cell) for cell in cells)
    assert cells[10].startswith('<data value="0.0">')


def test_nothing_of_a_stranger_gets_through() -> None:
    row = {"instruction": HOSTILE, "digest": HOSTILE, "reference": HOSTILE}
    frame = schemas.LAYERS.frame([row] * FROM_ROWS).rename(columns={"platform": HOSTILE})
    drawn = search_and_sort(frame)
    assert "<img" not in drawn
    assert "<script>top" not in drawn
    assert entities.escape(HOSTILE, quote=True)[:20] in drawn
