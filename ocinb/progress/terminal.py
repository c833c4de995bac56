"""One bar in a terminal: everything together, since twenty bars that jump tell a person less."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NoReturn, TextIO

from ocinb.progress.drawing import DrawnProgress, Pulse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tqdm import tqdm

    from ocinb.progress.protocol import Task
    from ocinb.progress.tally import Tally

__all__ = ["TerminalProgress"]

# What is said behind the bar is tqdm's description, since before its postfix it puts a comma. The bar has one length:
# tqdm gives a bar what the words leave over, and those change with each moment.
_FORMAT = "{percentage:3.0f} % |{bar:12}| {desc}"
_COLUMNS = 80  # where nobody tells
# The bar counts in thousandths: what is done may be bytes, or questions that have no size.
_FULL = 1000
_WORDS_COLUMNS = 52  # "5.5 MB of 6.3 MB · 10.8 MB/s · 1 s left · 6 of 7 done"
_LEAST_TITLE = 12


class TerminalProgress(DrawnProgress):
    """Draw a transfer as one line of a terminal.

    Parameters
    ----------
    file
        Where it is drawn; None is the standard error of the moment.
    clock, pulse
        See `DrawnProgress`.
    """

    def __init__(
        self,
        file: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        pulse: Callable[[Callable[[], object]], Pulse] = Pulse,
    ) -> None:
        super().__init__(clock=clock, pulse=pulse)
        self._file = file
        self._title = ""
        self._bar: tqdm[NoReturn] | None = None

    def _open(self, title: str, _: Sequence[Task]) -> None:
        from tqdm import tqdm

        # tqdm is told all figures, since its own speed would count what was here before.
        self._bar = tqdm(
            total=_FULL,
            file=self._stream(),
            bar_format=_FORMAT,
            leave=False,
            dynamic_ncols=True,
        )
        self._title = title

    def _draw(self, tally: Tally) -> None:
        overall = tally.overall()
        if self._bar is not None:
            self._bar.n = int(overall.fraction * _FULL)
            self._bar.bar_format = _titled(self._title, self._bar.format_dict["ncols"] or _COLUMNS)
            self._bar.set_description_str(overall.words, refresh=False)
            self._bar.refresh()

    def _close(self, summary: str) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self._stream().write(f"{summary}\n")
        self._stream().flush()

    def _stream(self) -> TextIO:
        return self._file if self._file is not None else sys.stderr


def _titled(title: str, columns: int) -> str:
    """Put before the bar what there is room for of a title, the end of it, which tells images apart.

    >>> _titled("Pulling registry.example/demo/shop:2.0", 120)
    'Pulling registry.example/demo/shop:2.0 {percentage:3.0f} % |{bar:12}| {desc}'
    >>> _titled("Pulling registry.example/demo/shop:2.0", 90)
    '…e/demo/shop:2.0 {percentage:3.0f} % |{bar:12}| {desc}'
    """
    room = columns - len(" 100 % || ") - 12 - _WORDS_COLUMNS
    shown = title if len(title) <= room else f"…{title[1 - room :]}" if room >= _LEAST_TITLE else ""
    return f"{shown.replace('{', '{{').replace('}', '}}')} {_FORMAT}".lstrip()
