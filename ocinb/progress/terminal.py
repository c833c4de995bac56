"""One bar in a terminal: everything together, since twenty bars that jump tell a person less."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn, TextIO

from ocinb.progress.renderer import DrawnProgress, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tqdm import tqdm

    from ocinb.progress.protocol import Task
    from ocinb.progress.stats import Tally

__all__ = ["TerminalProgress"]

# What is said behind the bar is tqdm's description, since before its postfix it puts a comma. The bar has one length:
# tqdm gives a bar what the words leave over, and those change with each moment.
_FORMAT = "{percentage:3.0f} % |{bar:12}| {desc}"
_BARE = f"100 % |{'█' * 12}| "
_COLUMNS = 80  # where nobody tells: some terminals say that they have none
# The bar counts in thousandths: what is done may be bytes, or questions that have no size.
_FULL = 1000
_WORDS_COLUMNS = 52  # at least: "5.5 MB of 6.3 MB · 10.8 MB/s · 1 s left · 6 of 7 done"
_LEAST_TITLE = 12


class TerminalProgress(DrawnProgress):
    """Draw a transfer as one line of a terminal."""

    def __init__(
        self,
        file: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pulse: Callable[[Callable[[], object]], Pulse] = Pulse,
    ) -> None:
        super().__init__(clock=clock, pulse=pulse)
        self._file = file
        self._bar: tqdm[NoReturn] | None = None
        self._words_columns = _WORDS_COLUMNS

    def _open(self, _title: str, _tasks: Sequence[Task], _tally: Tally) -> None:
        from tqdm import tqdm

        class Bar(tqdm):  # type: ignore[type-arg]  # generic for type checkers only
            monitor_interval = 0  # no thread that stays behind

        # tqdm is told all figures, since its own speed would count what was here before; and until it was told any, it
        # draws nothing (delay).
        self._bar = Bar(
            total=_FULL, file=self._stream(), bar_format=_FORMAT, leave=False, ncols=_COLUMNS, nrows=20, delay=1e-9
        )
        self._words_columns = _WORDS_COLUMNS

    def _draw(self, tally: Tally) -> None:
        overall = tally.overall()
        if self._bar is not None:
            # The room for words only grows, so that the bar does not jump to and fro.
            self._words_columns = max(self._words_columns, len(overall.words))
            self._bar.ncols = _width(self._stream())
            self._bar.n = int(overall.fraction * _FULL)
            self._bar.bar_format = _titled(self._title, self._bar.ncols - self._words_columns)
            room = self._bar.ncols - len(_BARE)
            self._bar.set_description_str(overall.words_within(room), refresh=False)
            self._bar.refresh()

    def _close(self, summary: str) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()
        if summary and bar is not None:
            bar.write(summary, file=self._stream())  # above the bars of other threads
        elif summary:
            self._stream().write(f"{summary}\n")
        self._stream().flush()

    def _stream(self) -> TextIO:
        return self._file if self._file is not None else sys.stderr


def _width(stream: TextIO) -> int:
    """Ask at every stroke, since windows are made larger and smaller; the last column would break the line."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:  # it is no terminal
        columns = 0
    return (columns or _COLUMNS) - 1


def _titled(title: str, columns: int) -> str:
    """Put before the bar what there is room for of a title: the end of it, which tells images apart.

    >>> _titled("Pulling registry.example/demo/shop:2.0", 68)
    'Pulling registry.example/demo/shop:2.0 {percentage:3.0f} % |{bar:12}| {desc}'
    >>> _titled("Pulling registry.example/demo/shop:2.0", 52)
    'registry.example/demo/shop:2.0 {percentage:3.0f} % |{bar:12}| {desc}'
    >>> _titled("Pulling registry.example/demo/shop:2.0", 38)
    '…e/demo/shop:2.0 {percentage:3.0f} % |{bar:12}| {desc}'
    """
    room = columns - len(_BARE) - 1
    shown = title if len(title) <= room else title.partition(" ")[2]
    if len(shown) > room:
        shown = f"…{shown[1 - room :]}" if room >= _LEAST_TITLE else ""
    return f"{shown.replace('{', '{{').replace('}', '}}')} {_FORMAT}".lstrip()
