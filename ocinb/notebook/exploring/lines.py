"""Lines: an image for a terminal, in a few of them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from ocinb._text import fit, fit_path, human_size, printable
from ocinb.notebook.ends import ends, gap
from ocinb.notebook.exploring.highlights import Highlights, story
from ocinb.notebook.exploring.image import Wasted
from ocinb.notebook.exploring.telling import JSON, short_label

# Of very many layers these are told at either end.
FIRST, LAST = 8, 6
_MOST = 5
# A path is cut to no fewer characters.
_LEAST_PATH = 24


def lines(opening: JSON, told: Highlights) -> str:
    """Tell of an image in lines that fit the terminal.

    Parameters
    ----------
    opening
        What the page shows first.
    told
        What is said of the image.
    """
    width = shutil.get_terminal_size().columns
    others = [short_label(platform) for platform in opening["platforms"] if platform != opening["platform"]]
    more = f" (also {', '.join(others)})" if others else ""
    shown = [
        f"<Explorer: {opening['familiar']}, {short_label(opening['platform'])}{more}>",
        *_wrapped(told.figures, width),
        *_layers(opening["image"]["layers"]),
        *_listed("Folders", [(one.size_bytes, one.path) for one in told.folders[:_MOST]]),
        *_listed("Files", [(one.size_bytes, one.path) for one in told.files[:_MOST]]),
        *_listed("Hidden", [(one.hidden_bytes, _wasted(one, width)) for one in told.waste[:_MOST]]),
    ]
    return "\n".join(fit(printable(line), width) for line in shown)


def _wrapped(phrases: Sequence[str], width: int) -> list[str]:
    """Put phrases side by side, as many as a line has room for."""
    rows = [phrases[0]]
    for phrase in phrases[1:]:
        longer = f"{rows[-1]}, {phrase}"
        rows = [*rows[:-1], longer] if len(longer) <= width else [*rows, phrase]
    return rows


def _layers(layers: Sequence[JSON]) -> list[str]:
    if not layers:
        return []
    rows = [
        (str(one["layer"]), human_size(one["stored_bytes"]), human_size(one["hidden_bytes"]), one["instruction"] or "?")
        for one in layers
    ]
    first, left_out, last = ends(rows, FIRST, LAST)
    middle = [f"     {gap(left_out, 'ocinb.layers lists them all')}"] if left_out else []
    head = _row(("Layer", "stored", "hidden", "instruction"))
    return [head, *map(_row, first), *middle, *map(_row, last)]


def _row(row: tuple[str, str, str, str]) -> str:
    layer, stored, hidden, instruction = row
    return f"{layer:>5}  {stored:>8}  {hidden:>8}  {' '.join(instruction.split())}"


def _listed(title: str, rows: Sequence[tuple[int, str]]) -> list[str]:
    heads = [title, *[""] * (len(rows) - 1)]
    return [f"{head:<7}{human_size(size):>8}  {text}" for head, (size, text) in zip(heads, rows, strict=False)]


def _wasted(one: Wasted, width: int) -> str:
    """Say what became of a file, of whose path so much is left out in its middle as there is no room for."""
    path, told = printable(one.path), story(one)
    return f"{fit_path(path, max(_LEAST_PATH, width - len(told) - 19))}: {told}"
