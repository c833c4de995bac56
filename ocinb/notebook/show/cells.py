"""Cells: one value of a frame as HTML, and as the line of text that people search and read in a terminal."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import accumulate, islice
from types import MappingProxyType
from typing import Any, TypeVar

from ocinb._text import counted, escape_html, human_duration, human_size, printable, short_digest, shorten
from ocinb.notebook import markup
from ocinb.notebook.show.column_kinds import Kind

T = TypeVar("T")


def ends(rows: Sequence[T], first: int, last: int) -> tuple[Sequence[T], int, Sequence[T]]:
    """Give the rows at either end, and how many are left out between them.

    Examples
    --------
    >>> ends("abcdefgh", 3, 2), ends("abcde", 3, 2)
    (('abc', 3, 'gh'), ('abcde', 0, ''))
    """
    left_out = max(0, len(rows) - first - last)
    return (rows[:first], left_out, rows[len(rows) - last :]) if left_out else (rows, 0, rows[:0])


def gap(count: int, where: str = "") -> str:
    """Say how many are left out, and where all of them are.

    >>> gap(9750, ".frame has them all"), gap(12)
    ('… 9,750 more; .frame has them all', '… 12 more')
    """
    return f"… {count:,} more{f'; {where}' if where else ''}"


Entry = TypeVar("Entry", bound=tuple[str, ...])

# A text of more than this is folded, and one in a terminal cut.
FOLDED_CHARACTERS = 600
LINE_CHARACTERS = 60
_INLINE_CHARACTERS = 60
# What is no longer stays on one line; what is longer may be broken, if the table has no room for it otherwise.
_UNBROKEN_CHARACTERS = 30
# So much of a dict or a list is shown: there may be as many of them as rows.
_MOST_ENTRIES, _MOST_CHARACTERS = 200, 20_000
_ALL_BITS = 0o7777
RIGHT = frozenset({Kind.SIZE, Kind.COUNT, Kind.NUMBER, Kind.SECONDS, Kind.RATIO})
# What pandas has for a value that is not there, as it comes out of a column.
_NOTHING = frozenset({"NAType", "NaTType", "NoneType"})
# What is raised by a value that its column does not say, such as a mode of -1, which comes of a difference.
_NOT_OF_ITS_KIND = (TypeError, ValueError, OverflowError)


def is_missing(value: object) -> bool:
    """Say whether there is no value."""
    return type(value).__name__ in _NOTHING or (isinstance(value, float) and math.isnan(value))


def cell(kind: Kind, value: Any) -> str:
    """Show a value as HTML.

    >>> cell(Kind.MODE, 0o4755)
    '<code class="ocinb-mode" title="0o4755">rwsr-xr-x</code> <code class="ocinb-dim">4755</code>'
    """
    if is_missing(value):
        return markup.missing()
    try:
        return _HTML[kind](value)
    except _NOT_OF_ITS_KIND:
        return _text(value)


def line(kind: Kind, value: Any) -> str:
    """Show a value as a line of text.

    >>> line(Kind.SIZE, 42_135_552), line(Kind.FLAG, True), line(Kind.MODE, 0o644)
    ('42.1 MB', 'yes', 'rw-r--r-- 644')
    """
    if is_missing(value):
        return "—"
    try:
        text = _LINES[kind](value)
    except _NOT_OF_ITS_KIND:
        text = str(value)
    return shorten(printable(" ".join(text.split())), LINE_CHARACTERS)


def order(kind: Kind, value: Any) -> float | str:
    """Give what a value is sorted by: a number by itself, and not by the text that it reads as.

    >>> order(Kind.SIZE, 1000) < order(Kind.SIZE, 20_000), order(Kind.SIZE, None)
    (True, -1.0)
    """
    if is_missing(value):
        return "" if kind in {Kind.TEXT, Kind.NAME, Kind.CODE, Kind.DIGEST, Kind.MAPPING} else -1.0
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str):
        return shorten(printable(value), LINE_CHARACTERS)
    return float(value) if isinstance(value, int | float) else line(kind, value)


def _html_of_moment(value: datetime) -> str:
    return markup.moment(value if value.tzinfo else value.replace(tzinfo=UTC))


def _flag(value: object) -> str:
    return "yes" if value else '<span class="ocinb-dim">no</span>'


def _permissions(mode: int) -> str:
    """Write permission bits as ``ls`` does, without the letter of the type before them."""
    if not 0 <= mode <= _ALL_BITS:
        raise ValueError(f"{mode} is no mode")
    return stat.filemode(stat.S_IFREG | mode)[1:]


def _mode(value: int) -> str:
    mode = int(value)
    octal = f'<code class="ocinb-dim">{mode:03o}</code>'
    return f'<code class="ocinb-mode" title="0o{mode:o}">{_permissions(mode)}</code> {octal}'


def _number(value: float) -> str:
    """Show a number with a fraction in four digits, and all of them on hover."""
    return f'<span title="{escape_html(str(value))}">{_rounded(value)}</span>'


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"  # noqa: PLR2004 - where digits need commas


def _seconds(value: float) -> str:
    return f'<span title="{value:,} seconds">{human_duration(float(value))}</span>'


def _whole(value: int) -> str:
    """Show a number that counts; one of four digits may be a year."""
    return f"{value:,}" if abs(value) >= 10_000 else str(value)  # noqa: PLR2004 - where digits need commas


def _text(value: object) -> str:
    text = str(value)
    if len(text) <= FOLDED_CHARACTERS:
        return _broken(escape_html(text), text)
    return _broken(
        markup.unfolding(markup.cut(text, markup.FOLDED_CHARACTERS), f"<pre>{markup.lines(text)}</pre>"), text
    )


def _name(value: object) -> str:
    """Show a name; a long one is broken behind its slashes, and copied whole."""
    text = str(value)
    if not text:
        return ""
    shown = markup.cut(text, FOLDED_CHARACTERS)
    if len(text) <= _UNBROKEN_CHARACTERS:
        return _broken(f'<code class="ocinb-name">{shown}</code>', text)
    shown = shown.replace("/", "/<wbr>")
    return _broken(f'<code class="ocinb-name" title="{markup.cut(text)}">{shown}</code>', text)


def _code(value: object) -> str:
    return _broken(markup.folded(str(value)), str(value))


def _broken(html: str, text: str) -> str:
    """Say of some HTML whether its lines may be broken, by the text that it shows."""
    lines = "line" if len(text) <= _UNBROKEN_CHARACTERS else "lines"
    return f'<div class="ocinb-{lines}">{html}</div>'


def _mapping(value: Any) -> str:
    if isinstance(value, Mapping):
        return _folded_pairs(value) if value else '<span class="ocinb-dim">none</span>'
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return _text(value)
    text = _json(value)
    if len(text) <= _INLINE_CHARACTERS:
        return _broken(f'<code class="ocinb-code">{escape_html(text)}</code>', text)
    return markup.unfolding(counted(len(value), "entry", "entries"), _pieces(value))


def _folded_pairs(pairs: Mapping[Any, Any]) -> str:
    shown = _first([(str(name), _plain(one)) for name, one in islice(pairs.items(), _MOST_ENTRIES)])
    cells = "".join(f"<dt>{markup.cut(name)}</dt> <dd>{markup.cut(one)}</dd> " for name, one in shown)
    rest = f"<dt>{gap(len(pairs) - len(shown))}</dt>" if len(shown) < len(pairs) else ""
    return markup.unfolding(counted(len(pairs), "entry", "entries"), f'<dl class="ocinb-pairs">{cells}{rest}</dl>')


def _pieces(values: Sequence[Any]) -> str:
    shown = [text for (text,) in _first([(_plain(one),) for one in values[:_MOST_ENTRIES]])]
    rest = f"<li>{gap(len(values) - len(shown))}</li>" if len(shown) < len(values) else ""
    return f"<ul>{''.join(f'<li>{markup.cut(one)}</li>' for one in shown)}{rest}</ul>"


def _first(entries: list[Entry]) -> list[Entry]:
    """Give the first of some entries, one at least, as many as there is room for in a cell."""
    sizes = accumulate(sum(min(len(text), markup.SHOWN_CHARACTERS) for text in entry) for entry in entries)
    return entries[: max(1, sum(size <= _MOST_CHARACTERS for size in sizes))]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


_HTML: Mapping[Kind, Callable[[Any], str]] = MappingProxyType(
    {
        Kind.SIZE: markup.size,
        Kind.DIGEST: lambda value: markup.digest(str(value)),
        Kind.CODE: _code,
        Kind.TIME: _html_of_moment,
        Kind.FLAG: _flag,
        Kind.MODE: _mode,
        Kind.COUNT: _whole,
        Kind.NUMBER: str,
        Kind.SECONDS: _seconds,
        Kind.RATIO: _number,
        Kind.MAPPING: _mapping,
        Kind.NAME: _name,
        Kind.TEXT: _text,
    }
)
_LINES: Mapping[Kind, Callable[[Any], str]] = MappingProxyType(
    {
        Kind.SIZE: human_size,
        Kind.DIGEST: lambda value: short_digest(str(value)),
        Kind.CODE: str,
        Kind.TIME: lambda value: f"{value:%Y-%m-%d %H:%M}",
        Kind.FLAG: lambda value: "yes" if value else "no",
        Kind.MODE: lambda value: f"{_permissions(int(value))} {int(value):03o}",
        Kind.COUNT: _whole,
        Kind.NUMBER: str,
        Kind.SECONDS: lambda value: human_duration(float(value)),
        Kind.RATIO: _rounded,
        Kind.MAPPING: _json,
        Kind.NAME: str,
        Kind.TEXT: str,
    }
)
