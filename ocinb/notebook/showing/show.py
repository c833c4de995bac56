"""Showing: a frame as people read it, by `ocinb.show`; the frame itself stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb.errors import InvalidError
from ocinb.notebook import markup
from ocinb.notebook.showing.interactive import can_be_interactive, search_and_sort
from ocinb.notebook.showing.table import table, text

if TYPE_CHECKING:
    import pandas as pd


class Sight:
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
def show(frame: pd.DataFrame, *, interactive: bool | None = None) -> Sight:
    """Show a frame as people read it: human sizes, short digests, long instructions folded.

    After ``%load_ext ocinb`` a notebook shows every frame of ocinb so, also a part of one, without being asked.

    Parameters
    ----------
    frame
        The frame; nothing in it is changed.
    interactive
        Whether a notebook may show it as a table that is searched and sorted. None does so if it has more than 20 rows
        and itables is installed; False never does. The first such table takes 1 MB in the notebook, which needs no
        network then; of more than 1000 rows the first are there to search.

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
    return Sight(frame, interactive=interactive)
