"""Interactive: a long frame that people search and sort, by itables where that is installed, without a network.

The library comes along once in a notebook (1 MB), in the first output that needs it, and no more if nobody looks at a
long frame. Below it lies the table that reads well without scripts: a notebook that is not trusted shows that one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ocinb._text import escape_html
from ocinb.notebook.show.cells import RIGHT, cell, order
from ocinb.notebook.show.column_kinds import title_of
from ocinb.notebook.show.table import Shown, caption, columns_of, has_index, said_once, scrolling, table

if TYPE_CHECKING:
    import pandas as pd


# A shorter frame is seen at once; of a longer one so many rows are sent, which take about 1 MB.
FROM_ROWS, MOST_ROWS = 21, 1000
OLDEST = (2, 9)
# How a cell is sorted and searched: by the value that it begins with, and by what people read.
_RENDER = """function (data, type) {
    if (type === 'display') return data;
    if (type === 'filter') return data.replace(/<[^>]*>/g, '');
    const key = /^<data value="([^"]*)"/.exec(data)[1];
    return KEY;
}"""
# The interactive table takes the place of the other as soon as it is drawn, if it ever is.
_SWAP = """<script>(function () {
    let tries = 0;
    const timer = setInterval(function () {
        const live = document.getElementById('ID');
        if (live && live.querySelector('table.dataTable tbody tr')) {
            live.removeAttribute('hidden');
            live.previousElementSibling.setAttribute('hidden', 'hidden');
            clearInterval(timer);
        } else if (++tries > 100) clearInterval(timer);
    }, 100);
})();</script>"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an output goes: a cell of a notebook, and its how manieth run that is."""

    cell: str | None
    run: int


class _Library:
    """Whether the notebook has the library, and which of its cells brought it."""

    brought: Place | None = None

    def is_needed(self, place: Place) -> bool:
        """Say whether an output has to bring it: the first one, and that again when its cell is run again."""
        if self.brought is None or (place.cell and place.cell == self.brought.cell and place.run != self.brought.run):
            self.brought = place
            return True
        return False


_library = _Library()


def can_be_interactive(frame: pd.DataFrame) -> bool:
    """Say whether a frame is long enough, its columns are told apart, and there are a notebook and itables."""
    import sys

    if len(frame) < FROM_ROWS or not frame.columns.is_unique or "IPython" not in sys.modules:
        return False
    return _kernel() is not None and _has_itables()


def _has_itables() -> bool:
    """Say whether itables is installed, in a version whose words we speak."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        numbers = re.match(r"(\d+)(?:\.(\d+))?", version("itables"))
    except PackageNotFoundError:
        return False
    return numbers is not None and (int(numbers[1]), int(numbers[2] or 0)) >= OLDEST


def _kernel() -> Any:
    from IPython.core.getipython import get_ipython

    return getattr(get_ipython(), "kernel", None)


def search_and_sort(frame: pd.DataFrame) -> str:
    """Show a frame as a table that is searched and sorted, and below it the one that needs no script."""
    identity = f"ocinb-{uuid4().hex}"
    title = title_of(frame)
    head = frame.head(MOST_ROWS).drop(columns=list(said_once(frame, title)))
    note = "" if len(head) == len(frame) else f", of which the first {len(head):,} are here to search and sort"
    columns = columns_of(head, title, index=has_index(frame))
    live = f"{caption(frame, title, note)}{_library_html()}{_drawn(columns)}"
    swap = _SWAP.replace("ID", identity)
    return f'<div>{table(frame)}</div><div id="{identity}" class="ocinb-live" hidden="hidden">{live}</div>{swap}'


def _library_html() -> str:
    from itables import options
    from itables.javascript import generate_init_offline_itables_html

    kernel = _kernel()
    parent = kernel.get_parent("shell") if kernel is not None else {}
    place = Place(
        parent.get("metadata", {}).get("cellId"), getattr(getattr(kernel, "shell", None), "execution_count", 0)
    )
    return generate_init_offline_itables_html(options.dt_bundle) if _library.is_needed(place) else ""


def _drawn(columns: list[Shown]) -> str:
    import pandas as pd
    from itables import to_html_datatable

    cells = {place: [_cell(column, value) for value in column.cells] for place, column in enumerate(columns)}
    frame = pd.DataFrame(cells, dtype=object)
    frame.columns = pd.Index([_head(column) for column in columns])
    drawn: str = to_html_datatable(
        frame,
        connected=False,
        allow_html=True,  # each cell was escaped when it was made
        showIndex=False,
        maxBytes=0,
        maxRows=0,
        maxColumns=0,
        columnDefs=[_definition(column, place) for place, column in enumerate(columns)],
        classes="compact",
        style="width:auto;margin:0",
        autoWidth=False,
        order=[],
        layout={
            "topStart": "search",
            "topEnd": None,
            "bottomStart": "paging",
            "bottomEnd": None,
            "bottom2Start": "info",
        },
        text_in_header_can_be_selected=False,  # so that a click on it sorts
        pageLength=20,
        scrollX=False,
    )
    return scrolling(drawn, len(columns))


def _cell(column: Shown, value: Any) -> str:
    return f'<data value="{escape_html(str(order(column.kind, value)))}"></data>{cell(column.kind, value)}'


def _head(column: Shown) -> str:
    return f'<span title="{escape_html(column.meaning)}">{escape_html(column.label)}</span>'


def _definition(column: Shown, place: int) -> dict[str, Any]:
    from itables import JavascriptFunction

    key = "Number(key)" if _is_number(column) else "key"
    sides = "ocinb-right" if column.kind in RIGHT else "ocinb-left"
    return {
        "targets": place,
        "render": JavascriptFunction(_RENDER.replace("KEY", key)),
        "className": f"{sides} ocinb-of-{column.kind}",
    }


def _is_number(column: Shown) -> bool:
    return bool(column.cells) and all(isinstance(order(column.kind, value), float) for value in column.cells)
