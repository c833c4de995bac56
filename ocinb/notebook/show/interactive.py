"""Interactive tables: a long frame that can be searched and sorted, drawn by itables without a network.

Each output carries the library, compressed (0.4 MB), so it renders wherever the notebook is opened and whichever other
cells were cleared. Below it is the plain table, which a notebook that is not trusted shows.
"""

from __future__ import annotations

import base64
import gzip
import re
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ocinb._text import escape_html
from ocinb.errors import OcinbError
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
# The browser unpacks the library and runs it as a script, unless another output of the page has begun to.
_LOAD = """<script>(async function () {
    if (window.ocinbTables) return;
    window.ocinbTables = true;
    const packed = Uint8Array.from(atob('PACKED'), (one) => one.charCodeAt(0));
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.textContent = await new Response(unpacked).text();
    document.head.append(script);
})();</script>"""
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


@cache
def _library_html() -> str:
    from itables import options
    from itables.javascript import generate_init_offline_itables_html

    script = re.search(r"<script>(.*)</script>", generate_init_offline_itables_html(options.dt_bundle), re.DOTALL)
    if script is None:
        raise OcinbError("itables has a form that ocinb does not know", hint="pip install 'itables>=2.9,<3'")
    return _LOAD.replace("PACKED", base64.b64encode(gzip.compress(script[1].encode(), mtime=0)).decode())


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
