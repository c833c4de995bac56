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

# What is said behind the bar is tqdm's description, since before its postfix it puts a comma.
_FORMAT = " {percentage:3.0f} % |{bar}| {desc}"


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
        self._bar: tqdm[NoReturn] | None = None

    def _open(self, title: str, tasks: Sequence[Task]) -> None:
        from tqdm import tqdm

        # tqdm is told all figures, since its own speed would count what was here before.
        self._bar = tqdm(
            total=max(1, sum(task.total for task in tasks)),
            file=self._stream(),
            bar_format=title.replace("{", "{{").replace("}", "}}") + _FORMAT,
            leave=False,
            dynamic_ncols=True,
        )

    def _draw(self, tally: Tally) -> None:
        overall = tally.overall()
        if self._bar is not None:
            self._bar.total = max(1, overall.total)
            self._bar.n = round(overall.fraction * self._bar.total)
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
