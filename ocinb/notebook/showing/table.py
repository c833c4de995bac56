"""The table: a frame as HTML and as text, with what people read and nothing left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocinb._text import escape_html, printable
from ocinb.notebook import markup
from ocinb.notebook.showing.cells import RIGHT, cell, line
from ocinb.notebook.showing.kinds import Kind, kind_of, meaning_of, title_of

if TYPE_CHECKING:
    import pandas as pd

FIRST, LAST = 50, 10
MANY = 9
# The same in many rows one below the other: it is dim where it repeats, and said once where all of a table has it.
_REPEATED = frozenset({"reference", "platform", "manifest_digest", "registry", "repository", "subject", "index_digest"})


@dataclass(frozen=True, slots=True)
class Shown:
    """One column of what is shown.

    Attributes
    ----------
    label
        What it is called; nothing for an index without a name.
    meaning
        What it says, if that is known.
    kind
        How its values are shown.
    cells
        Its values.
    is_index
        Whether it is the index of the frame.
    """

    label: str
    meaning: str
    kind: Kind
    cells: Sequence[Any]
    is_index: bool = False


def columns_of(frame: pd.DataFrame, title: str, *, index: bool) -> list[Shown]:
    """Take a frame apart into its columns, with its index before them if that is asked for."""
    return [*(_index(frame) if index else ()), *(_column(frame, place, title) for place in range(frame.shape[1]))]


def _column(frame: pd.DataFrame, place: int, title: str) -> Shown:
    name, values = frame.columns[place], frame.iloc[:, place]
    return Shown(str(name), meaning_of(str(name), title), kind_of(name, values), values.tolist())


def _index(frame: pd.DataFrame) -> Iterable[Shown]:
    import pandas as pd

    index = frame.index
    for level in range(index.nlevels):
        values, name = index.get_level_values(level), index.names[level]
        series = values.to_series()
        kind = Kind.NUMBER if name is None and pd.api.types.is_integer_dtype(values.dtype) else kind_of(name, series)
        yield Shown("" if name is None else str(name), "", kind, series.tolist(), is_index=True)


def has_index(frame: pd.DataFrame) -> bool:
    """Say whether the index of a frame says more than how many rows there are."""
    import pandas as pd

    index = frame.index
    return not isinstance(index, pd.RangeIndex) or (index.name, index.start, index.step) != (None, 0, 1)


def table(frame: pd.DataFrame) -> str:
    """Show a frame as HTML: the first rows and the last, if it has more than people look through."""
    title, index = title_of(frame), has_index(frame)
    shown = frame.drop(columns=list(said_once(frame, title)))
    head = shown if len(shown) <= FIRST + LAST else shown.head(FIRST)
    tail = shown.tail(0 if head is shown else LAST)
    upper, lower = columns_of(head, title, index=index), columns_of(tail, title, index=index)
    rows = [*_rows(upper), *_left_out(len(frame) - len(head) - len(tail), len(upper)), *_rows(lower)]
    body = f"<table>{_head(upper)}<tbody>{''.join(rows)}</tbody></table>"
    return f"{caption(frame, title)}{scrolling(body, len(upper))}"


def scrolling(body: str, columns: int) -> str:
    """Let a table scroll where it does not fit; one of so many columns does not in any case, so no line is broken."""
    many = " ocinb-many" if columns > MANY else ""
    return f'<div class="ocinb-scroll{many}">{body}</div>'


def said_once(frame: pd.DataFrame, title: str) -> dict[str, str]:
    """Give the names that are the same in all rows of a whole table: what is above it leaves room for the others.

    Of a part of a table the columns stand as they were chosen.
    """
    if not title or len(frame) <= 1:
        return {}
    firsts = {name: frame[name].iloc[0] for name in frame.columns if name in _REPEATED}
    return {name: one for name, one in firsts.items() if isinstance(one, str) and bool((frame[name] == one).all())}


def caption(frame: pd.DataFrame, title: str, note: str = "") -> str:
    """Say what is shown, how much it is, and what is not in it because it failed."""
    named = f"<b>{escape_html(title)}</b> " if title else ""
    told = f'{named}<span class="ocinb-dim">{size_of(frame)}{escape_html(note)}</span>{_failures(frame)}'
    once = said_once(frame, title)
    same = "".join(f" <span>{_labelled(frame, name, title, value)}</span>" for name, value in once.items())
    return f'<div class="ocinb-caption">{told}{same}</div>'


def _labelled(frame: pd.DataFrame, name: str, title: str, value: str) -> str:
    meaning = escape_html(meaning_of(name, title))
    return f'<i class="ocinb-dim" title="{meaning}">{name}</i> {cell(kind_of(name, frame[name]), value)}'


def size_of(frame: pd.DataFrame) -> str:
    """Say how many rows and columns there are."""
    count, width = frame.shape
    return f"{count:,} row{'' if count == 1 else 's'}, {width} column{'' if width == 1 else 's'}"


def _failures(frame: pd.DataFrame) -> str:
    failures = frame.attrs.get("failures")
    if not isinstance(failures, list) or not failures or not all(isinstance(one, dict) for one in failures):
        return ""
    told = "".join(
        f"<li><code>{markup.cut(str(one.get('reference')))}</code> {markup.cut(str(one.get('error')))}</li>"
        for one in failures[:LAST]
    )
    more = "" if len(failures) <= LAST else "<li>… <code>frame.attrs['failures']</code> has all</li>"
    return markup.unfolding(f"{len(failures):,} skipped", f"<ul>{told}{more}</ul>")


def _head(columns: Sequence[Shown]) -> str:
    return f"<thead><tr>{''.join(map(head_cell, columns))}</tr></thead>"


def head_cell(column: Shown) -> str:
    """Show the name of a column, with what it means on hover."""
    title = f' title="{escape_html(column.meaning)}"' if column.meaning else ""
    return f'<th{title} class="{_class(column)}">{markup.cut(column.label, markup.FOLDED_CHARACTERS)}</th>'


def _class(column: Shown) -> str:
    place = "ocinb-index" if column.is_index else "ocinb-right" if column.kind in RIGHT else "ocinb-left"
    return f"{place} ocinb-of-{column.kind}"


def _rows(columns: Sequence[Shown]) -> list[str]:
    count = len(columns[0].cells) if columns else 0
    return [f"<tr>{''.join(_cell(column, row) for column in columns)}</tr>" for row in range(count)]


def _cell(column: Shown, row: int) -> str:
    same = " ocinb-same" if _is_same(column, row) else ""
    return f'<td class="{_class(column)}{same}">{cell(column.kind, column.cells[row])}</td>'


def _is_same(column: Shown, row: int) -> bool:
    """Say whether a column of names repeats here what stands above."""
    value = column.cells[row]
    return row > 0 and column.label in _REPEATED and isinstance(value, str) and column.cells[row - 1] == value


def _left_out(count: int, width: int) -> list[str]:
    if not count:
        return []
    return [f'<tr><td colspan="{width}" class="ocinb-more">… {count:,} more rows …</td></tr>']


def text(frame: pd.DataFrame) -> str:
    """Show a frame as text, of the width that the terminal has."""
    import shutil

    import pandas as pd

    title = title_of(frame)
    head = frame if len(frame) <= FIRST + LAST else frame.head(FIRST)
    columns = columns_of(head, title, index=has_index(frame))
    lines = {place: [line(column.kind, value) for value in column.cells] for place, column in enumerate(columns)}
    names = [printable(column.label) for column in columns]
    width = shutil.get_terminal_size().columns
    body = pd.DataFrame(lines).to_string(header=names, index=False, line_width=width) if len(head) else "no rows"
    named = f"{title}, " if title else ""
    more = f"\n… {len(frame) - len(head):,} more rows" if len(head) < len(frame) else ""
    return f"{named}{size_of(frame)}\n{body}{more}"
