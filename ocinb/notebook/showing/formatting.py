"""Formatting: who asks for the HTML of a frame gets that of `ocinb.show` for ours, and pandas' for all others."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from ocinb.notebook.showing.kinds import is_ours
from ocinb.notebook.showing.show import as_html

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("ocinb")

_HTML = "text/html"
_FRAME = "pandas.DataFrame"


class _Formatter:
    """Shows our frames, and leaves all others to who showed them before."""

    def __init__(self, before: Callable[[Any], str | None] | None) -> None:
        self.before = before

    def __call__(self, frame: pd.DataFrame) -> str | None:
        import pandas as pd

        # A class of somebody else's, such as a GeoDataFrame, knows best how it is shown.
        if type(frame) is pd.DataFrame and pd.get_option("display.notebook_repr_html") and is_ours(frame):
            try:
                return as_html(frame)
            except Exception:  # whatever is in it: nobody should go without a table
                logger.warning("the frame is shown as pandas shows it", exc_info=True)
        if self.before is not None:
            return self.before(frame)
        return frame._repr_html_()  # type: ignore[operator,no-any-return]


def show_ours(shell: InteractiveShell) -> None:
    """Show our frames in a shell as `ocinb.show` does; pandas itself is loaded by whoever makes the first of them."""
    formatter, frames = _formatter(shell), _frames()
    formatter.for_type(frames, _Formatter(formatter.for_type(frames)))


def show_as_before(shell: InteractiveShell) -> None:
    """Show them as pandas does, or whoever did so before."""
    formatter = _formatter(shell)
    for frames in (_FRAME, _frames()):  # what was put in by the name may stand beside what somebody gave for the type
        ours = formatter.for_type(frames)
        if isinstance(ours, _Formatter):
            formatter.pop(frames)
            # What is for a class above it, such as object, is found again by itself.
            if ours.before is not None and formatter.for_type(_frames()) is not ours.before:
                formatter.for_type(_frames(), ours.before)


def _frames() -> type | str:
    """Give the type of frames, or its name as long as nobody has loaded pandas, which takes half a second."""
    return getattr(sys.modules.get("pandas"), "DataFrame", _FRAME)


def _formatter(shell: InteractiveShell) -> Any:
    return shell.display_formatter.formatters[_HTML]  # type: ignore[union-attr]
