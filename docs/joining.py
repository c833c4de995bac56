"""What the page on the catalogue is made of: how its tables join, and what it says of its tables and columns."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

# Where each table stands in the picture: column and row.
PLACES = {
    "observations": (0, 0),
    "index_entries": (0, 1),
    "referrers": (0, 2),
    "failures": (0, 3),
    "manifests": (1, 1),
    "configs": (2, 0),
    "history": (2, 1),
    "manifest_layers": (2, 2),
    "overlay": (2, 3),
    "layers": (3, 2),
    "files": (3, 3),
}


@dataclass(frozen=True)
class Join:
    """Two tables, and the columns by which they join: of the one, and of the other if it calls them otherwise."""

    left: str
    right: str
    columns: tuple[str, ...]
    right_columns: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What stands at the line."""
        return ", ".join(self.columns)


JOINS = (
    Join("observations", "manifests", ("digest",), ("manifest_digest",)),
    Join("index_entries", "manifests", ("manifest_digest",)),
    Join("referrers", "manifests", ("subject",), ("manifest_digest",)),
    Join("manifests", "configs", ("config_digest",)),
    Join("manifests", "history", ("manifest_digest",)),
    Join("manifests", "manifest_layers", ("manifest_digest",)),
    Join("manifest_layers", "layers", ("layer_digest",)),
    Join("manifest_layers", "overlay", ("manifest_digest", "layer")),
    Join("layers", "files", ("layer_digest",)),
    Join("overlay", "files", ("position",)),
)

_WIDTH, _HEIGHT, _STEP_X, _STEP_Y = 112, 34, 214, 76
_STYLE = """
.joins { font: 12px/1.2 var(--font-stack, sans-serif); max-width: 100%; height: auto; }
.joins rect { fill: var(--color-brand-primary, #2a6fdb); fill-opacity: .14;
              stroke: var(--color-brand-primary, #2a6fdb); }
.joins line { stroke: var(--color-foreground-muted, #777); }
.joins text { fill: var(--color-foreground-primary, currentColor); text-anchor: middle; dominant-baseline: middle; }
.joins .by { font-size: 11px; fill: var(--color-foreground-secondary, currentColor); paint-order: stroke;
             stroke: var(--color-background-primary, white); stroke-width: 5px; }
"""


def picture() -> str:
    """Draw the tables, and lines between those that join.

    Returns
    -------
    str
        An SVG in the colours of the page that it stands in, be it light or dark.
    """
    width = max(column for column, _ in PLACES.values()) * _STEP_X + _WIDTH + 2
    height = max(row for _, row in PLACES.values()) * _STEP_Y + _HEIGHT + 2
    drawn = [*map(_line, JOINS), *map(_label, JOINS), *map(_box, PLACES)]
    return (
        f'<svg class="joins" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="how the tables join"><style>{_STYLE}</style>{"".join(drawn)}</svg>'
    )


def described(frame: pd.DataFrame, columns: Iterable[str]) -> str:
    """Give some columns as a table in HTML whose texts stand there in full, a line break where they need one.

    A name leads to the columns of that table, if `columns_of_each` gives them on the same page.
    """
    columns = list(columns)
    return _table(columns, (map(_linked, columns, row) for row in _cells(frame, columns)))


def columns_of_each(columns: pd.DataFrame) -> str:
    """Give what `Catalog.columns` gives as HTML: a table of columns for each table and view, below its name."""
    told = ["column", "type", "unit", "description"]
    return "".join(
        f'<h3 id="columns-{html.escape(str(name))}"><code>{html.escape(str(name))}</code></h3>'
        + _table(told, ([html.escape(cell) for cell in row] for row in _cells(group, told)))
        for name, group in columns.groupby("table")
    )


def _cells(frame: pd.DataFrame, columns: list[str]) -> Iterable[list[str]]:
    return (["" if pd.isna(cell) else str(cell) for cell in row] for row in frame[columns].to_numpy())


def _linked(column: str, cell: str) -> str:
    told = html.escape(cell)
    return f'<a href="#columns-{told}">{told}</a>' if column == "name" else told


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write rows of HTML as a table, below a head of words."""
    body = "".join(_row(row, "td") for row in rows)
    return f'<table class="described"><thead>{_row(head, "th")}</thead><tbody>{body}</tbody></table>'


def _row(cells: Iterable[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{cell}</{tag}>" for cell in cells) + "</tr>"


def _corner(table: str) -> tuple[int, int]:
    column, row = PLACES[table]
    return 1 + column * _STEP_X, 1 + row * _STEP_Y


def _ends(join: Join) -> tuple[float, float, float, float]:
    """Lead a line from side to side, or from one box down to that below it."""
    (x1, y1), (x2, y2) = _corner(join.left), _corner(join.right)
    if x1 == x2:
        return x1 + _WIDTH / 2, y1 + _HEIGHT, x2 + _WIDTH / 2, y2
    return x1 + _WIDTH, y1 + _HEIGHT / 2, x2, y2 + _HEIGHT / 2


def _line(join: Join) -> str:
    x1, y1, x2, y2 = _ends(join)
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def _label(join: Join) -> str:
    x1, y1, x2, y2 = _ends(join)
    return f'<text class="by" x="{(x1 + x2) / 2}" y="{(y1 + y2) / 2}">{join.label}</text>'


def _box(table: str) -> str:
    x, y = _corner(table)
    rect = f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"/>'
    return f'{rect}<text x="{x + _WIDTH / 2}" y="{y + _HEIGHT / 2}">{table}</text>'
