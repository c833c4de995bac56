"""Formatting: who asks for the HTML of a frame gets that of `ocinb.show` for ours, and pandas' for all others."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from ocinb.notebook.showing.kinds import is_ours
from ocinb.notebook.showing.show import as_html

if TYPE_CHECKING:
    import pandas as pd

_HTML = "text/html"


class _Formatter:
    """Shows our frames, and leaves all others to who showed them before."""

    def __init__(self, before: Callable[[Any], str | None] | None) -> None:
        self.before = before

    def __call__(self, frame: pd.DataFrame) -> str | None:
        import pandas as pd

        # A class of somebody else's, such as a GeoDataFrame, knows best how it is shown.
        if type(frame) is pd.DataFrame and pd.get_option("display.notebook_repr_html") and is_ours(frame):
            return as_html(frame)
        if self.before is not None:
            return self.before(frame)
        return frame._repr_html_()  # type: ignore[operator,no-any-return]


def show_ours(shell: InteractiveShell) -> None:
    """Show our frames in a shell as `ocinb.show` does."""
    import pandas as pd

    known = _formatter(shell).type_printers
    known[pd.DataFrame] = _Formatter(known.get(pd.DataFrame))


def show_as_before(shell: InteractiveShell) -> None:
    """Show them as pandas does, or whoever did so before."""
    import pandas as pd

    known = _formatter(shell).type_printers
    ours = known.get(pd.DataFrame)
    if isinstance(ours, _Formatter):
        del known[pd.DataFrame]
        if ours.before is not None:
            known[pd.DataFrame] = ours.before


def _formatter(shell: InteractiveShell) -> Any:
    return shell.display_formatter.formatters[_HTML]  # type: ignore[union-attr]
