"""The outline: a story for a terminal, one line or two for each chapter."""

from __future__ import annotations

import shutil
import textwrap

from ocinb._text import printable, shorten
from ocinb.notebook.explaining.words import Chapter, Told, plain

_MOST_CHARACTERS = 240
_MOST_COLUMNS = 120


def outline(told: Told) -> str:
    """Tell a story in a few lines.

    Parameters
    ----------
    told
        The story.
    """
    columns = min(_MOST_COLUMNS, shutil.get_terminal_size().columns)
    width = max(len(chapter.title) for chapter in told.chapters)
    head = _cut(f"<Story of {shorten(told.name, _MOST_CHARACTERS)}: {plain(told.gist)}>")
    lines = [line for number, one in enumerate(told.chapters, 1) for line in _chapter(number, one, width, columns)]
    return "\n".join([head, *lines, "print(story.markdown) tells all of it, with the line that returns each figure"])


def _chapter(number: int, chapter: Chapter, width: int, columns: int) -> list[str]:
    start = f"{number:2}  {chapter.title.ljust(width)}  "
    return textwrap.wrap(
        _cut(plain(chapter.gist)),
        max(columns, len(start) + 20),
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    ) or [start.rstrip()]


def _cut(text: str) -> str:
    return shorten(printable(text), _MOST_CHARACTERS * 2)
