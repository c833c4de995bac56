"""What the panel says, as HTML in which whatever strangers wrote stays text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ocinb._text import escape_html, human_size, shorten
from ocinb.progress.protocol import Task

__all__ = ["heading", "hint", "rest_cells", "row_cells", "total_cells"]

_STYLE = Path(__file__).with_name("panel.css")
# A tooltip need not be longer; a stranger's instruction may be of any length.
_MAX_DETAIL = 300


def heading(title: str) -> str:
    """Say what is going on; the rules by which all of the panel is drawn come with it."""
    return f'<style>{_style()}</style><div class="ocinb-title">{escape_html(title)}</div>'


def hint() -> str:
    """Say how to stop, since JupyterLab delivers no click to a kernel that is busy: a button would be a lie."""
    return '<span class="ocinb-hint">To stop, interrupt the kernel (■). What came by then is kept.</span>'


def row_cells(task: Task) -> str:
    """Name a task.

    >>> "<script>" in row_cells(Task("key", "label", 2048, "RUN <script>"))
    False
    """
    return _cells(task.label, shorten(task.detail, _MAX_DETAIL), human_size(task.total) if task.total else "")


def rest_cells(count: int) -> str:
    """Tell of those that have no row.

    >>> "and 172 smaller" in rest_cells(172)
    True
    """
    return _cells("", f"and {count:,} smaller, counted in the total")


def total_cells(words: str) -> str:
    """Tell of all together."""
    return _cells("Total", words)


@cache
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")


def _cells(label: str, detail: str, size: str = "") -> str:
    label, detail, size = (escape_html(text) for text in (label, detail, size))
    return (
        f'<div class="ocinb-row"><span class="ocinb-label">{label}</span>'
        f'<span class="ocinb-detail" title="{detail}">{detail}</span><span class="ocinb-size">{size}</span></div>'
    )
