"""The table: a frame as HTML and as text, with what people read and nothing left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ocinb._text import counted, escape_html, printable, shorten
from ocinb.notebook import markup
from ocinb.notebook.show.cells import LINE_CHARACTERS, RIGHT, cell, ends, line
from ocinb.notebook.show.column_kinds import Kind, kind_of, meaning_of, title_of

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
    name, values = _label(frame.columns[place]), frame.iloc[:, place]
    return Shown(name, meaning_of(name, title), kind_of(name, values), values.tolist())


def _label(name: object) -> str:
    """Give the name of a column as people read it, also one of several levels, such as agg makes."""
    return " ".join(str(part) for part in name if part != "") if isinstance(name, tuple) else str(name)


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
    upper, left_out, lower = _ends(shown, title, index=index)
    rows = [*_rows(upper), *_left_out(left_out, len(upper)), *_rows(lower)]
    body = f"<table>{_head(upper)}<tbody>{''.join(rows)}</tbody></table>"
    return f"{caption(frame, title)}{scrolling(body, len(upper))}"


def _ends(frame: pd.DataFrame, title: str, *, index: bool) -> tuple[list[Shown], int, list[Shown]]:
    """Take the rows at either end apart into columns, and say how many are left out between them."""
    first, left_out, last = ends(range(len(frame)), FIRST, LAST)
    upper, lower = (columns_of(frame.iloc[list(part)], title, index=index) for part in (first, last))
    return upper, left_out, lower


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
    return f"{counted(count, 'row')}, {counted(width, 'column')}"


def _failures_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give what was skipped, unless what is called so is somebody else's."""
    failures = frame.attrs.get("failures")
    if isinstance(failures, list) and all(isinstance(one, dict) for one in failures):
        return failures
    return []


def _failures(frame: pd.DataFrame) -> str:
    failures = _failures_of(frame)
    if not failures:
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
    once = said_once(frame, title)
    upper, left_out, lower = _ends(frame.drop(columns=list(once)), title, index=has_index(frame))
    columns = [_aligned(*both, gap=left_out > 0) for both in zip(upper, lower, strict=True)]
    heads, width = [head for head, *_ in columns], shutil.get_terminal_size().columns
    cells = pd.DataFrame({place: lines for place, (_, *lines) in enumerate(columns)})
    nothing = "no rows" if len(frame) == 0 else "no columns" if not columns else ""
    body = nothing or cells.to_string(header=heads, index=False, line_width=width)
    same = ", ".join(f"{name} {line(kind_of(name, frame[name]), value)}" for name, value in once.items())
    skipped = len(_failures_of(frame))
    told = [
        ", ".join(part for part in (title, size_of(frame)) if part),
        *([f"{skipped:,} skipped; frame.attrs['failures'] says why"] if skipped else []),
        *([same] if same else []),
        *(row.rstrip() for row in body.splitlines()),
        *([f"… {left_out:,} more rows"] if left_out else []),
    ]
    return "\n".join(told)


def _aligned(upper: Shown, lower: Shown, *, gap: bool) -> list[str]:
    """Write a column as lines of one width: its name, and its values, with a sign where some are left out."""
    cells = [[line(part.kind, value) for value in part.cells] for part in (upper, lower)]
    lines = [shorten(printable(upper.label), LINE_CHARACTERS), *cells[0], *(["…"] if gap else []), *cells[1]]
    width = max(map(len, lines))
    return [one.rjust(width) if upper.kind in RIGHT else one.ljust(width) for one in lines]
