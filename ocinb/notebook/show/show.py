"""Showing: a frame as people read it, by `ocinb.show`; the frame itself stays as it is."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.notebook import markup
from ocinb.notebook.show.column_kinds import is_ours
from ocinb.notebook.show.interactive import can_be_interactive, search_and_sort
from ocinb.notebook.show.table import table, text

if TYPE_CHECKING:
    import pandas as pd


class ShownFrame:
    """What `ocinb.show` makes of a frame: a notebook shows it as a table, a terminal as text."""

    def __init__(self, frame: pd.DataFrame, *, interactive: bool | None) -> None:
        self._frame = frame
        self._interactive = interactive

    def __repr__(self) -> str:
        return text(self._frame)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": as_html(self._frame, interactive=self._interactive)}


def as_html(frame: pd.DataFrame, *, interactive: bool | None = None) -> str:
    """Show a frame as HTML that reads well on its own, and is searched and sorted where that can be."""
    is_interactive = interactive is not False and can_be_interactive(frame)
    body = search_and_sort(frame) if is_interactive else table(frame)
    return markup.box("show", body, markup.style_beside(__file__))


@suggesting
def show(frame: pd.DataFrame, *, interactive: bool | None = None) -> ShownFrame:
    """Show a frame as people read it: human sizes, short digests, long instructions folded.

    After ``%load_ext ocinb`` a notebook shows every frame of ocinb so, also a part of one, without being asked.

    Parameters
    ----------
    frame
        The frame; nothing in it is changed.
    interactive
        Whether a notebook may show it as a table that is searched and sorted. None does so if it has more than 20 rows
        and itables is installed; False never does. Each such table takes 0.4 MB and its rows in the notebook and needs
        no network. Of a longer frame, the first 1000 rows are there to search.

    Returns
    -------
    Sight
        What a notebook shows as a table and a terminal as text. Sizes (columns of bytes) are human, with the exact
        bytes on hover; of a digest twelve digits are shown and all are copied by a click; what is not there is a dash.
        Of more than 60 rows, where they are not searched, the first and the last are shown. What all rows of a whole
        table have, such as its reference, stands once above it.

    Raises
    ------
    InvalidError
        If it is no DataFrame.

    Notes
    -----
    A frame of ocinb bears a mark in its ``attrs``, which pandas keeps where rows and columns are chosen, sorted and
    summed. It drops it where they are counted, or merged with somebody else's frame: these are shown as pandas does,
    unless they are given to `show`.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     layers = ocinb.layers(registry.reference("demo/hello"))
    >>> ocinb.show(layers[["layer", "compression", "instruction"]])
    1 row, 3 columns
    layer compression instruction
        0 gzip        COPY hello /
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        hint = "Its to_frame() is one" if isinstance(frame, pd.Series) else "Such as ocinb.show(ocinb.layers('python'))"
        raise InvalidError(f"show takes a DataFrame; this is of type {type(frame).__name__}", hint=hint)
    return ShownFrame(frame, interactive=interactive)


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
