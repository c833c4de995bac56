r"""Markdown: a story as a text that can be pasted into an issue, a wiki or a lesson.

What a stranger wrote becomes a code span or a block of code, in which nothing means anything, fenced by more backticks
than it has itself. All other text is ours, and its punctuation is escaped all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ocinb._text import human_size, printable, shorten
from ocinb.notebook.explain.story import (
    MOST_OF_A_LISTING,
    Chapter,
    Code,
    Document,
    Figure,
    Figures,
    Hash,
    Instruction,
    Link,
    Listing,
    Moment,
    Note,
    Part,
    Prose,
    Row,
    Setup,
    Size,
    Span,
    Strong,
    Table,
    has_lines,
    written_rows,
)

MOST_CHARACTERS = 400
# What means something in the middle of a line; a line of ours begins with none of the others.
_PUNCTUATION = re.compile(r"([\\`*_\[\]<>|~$&])")
_WHOLE = 1000  # fewer bytes are told to the last one anyway
_BACKTICKS = re.compile(r"`+")


def markdown(told: Document) -> str:
    """Write a story."""
    parts = [f"# The story of {_code(told.name)}", _spans(told.gist), _block(told.lines, "python")]
    for number, chapter in enumerate(told.chapters, 1):
        parts += _chapter(number, chapter)
    return "\n\n".join(parts) + "\n"


def _chapter(number: int, chapter: Chapter) -> list[str]:
    links = " · ".join(_span(link) for link in chapter.clauses)
    body = [_part(part) for part in chapter.parts]
    gist = _spans(chapter.gist)
    return [f"## {number}. {escaped(chapter.title)}", f"→ {gist}", *body, *([f"Read on: {links}"] if links else [])]


def _part(part: Part) -> str:
    match part:
        case Prose():
            return _spans(part.spans)
        case Note():
            return f"> {_spans(part.spans)}"
        case Setup():
            return _block(part.lines, "python")
        case Listing():
            text = shorten(part.text, MOST_OF_A_LISTING)
            return f"{escaped(part.title)}:\n\n{_block(text.split(chr(10)), '')}"
        case Figures():
            return _grid(("what", "is", "returned by"), ["", "", ""], map(_figure, part.figures))
    return _table(part)


def _figure(figure: Figure) -> list[str]:
    return [escaped(figure.name), _spans(figure.spans, in_table=True), _code(figure.line, in_table=True, limit=None)]


def _table(table: Table) -> str:
    numbers = ["-:" if head.startswith("#") else "" for head in table.heads]
    heads = [head.removeprefix("#") for head in table.heads]
    if has_lines(table):
        heads, numbers = [*heads, "returned by"], [*numbers, ""]
    by = "" if table.line is None else f", by {_code(table.line, limit=None)}"
    return f"{escaped(table.title)}{by}:\n\n{_grid(heads, numbers, _rows(table, len(heads)))}"


def _rows(table: Table, width: int) -> list[list[str]]:
    first, left_out, last = written_rows(table)
    middle = [[escaped(left_out), *[""] * (width - 1)]] if left_out else []
    return [*map(_row, first), *middle, *map(_row, last)]


def _row(row: Row) -> list[str]:
    line = [] if row.line is None else [_code(row.line, in_table=True, limit=None)]
    return [*(_spans(cell, in_table=True) for cell in row.cells), *line]


def _grid(heads: Sequence[str], numbers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(map(escaped, heads)), " | ".join(number or "---" for number in numbers)]
    return "\n".join(f"| {line} |" for line in [*lines, *(" | ".join(row) for row in rows)])


def _spans(spans: Iterable[Span], *, in_table: bool = False) -> str:
    return "".join(_span(span, in_table=in_table) for span in spans)


def _span(span: Span, *, in_table: bool = False) -> str:  # noqa: PLR0911 - one for each kind of word
    match span:
        case str():
            return escaped(span)
        case Strong():
            return f"**{escaped(span.text)}**"
        case Link():
            return f"[{escaped(span.text)}]({span.url})"
        case Size():
            exactly = "" if span.count is None or span.count < _WHOLE else f" ({span.count:,} bytes)"
            return escaped(human_size(span.count) + exactly)
        case Moment():
            return "—" if span.when is None else f"{span.when:%Y-%m-%d %H:%M:%S} UTC"
        case Hash() | Instruction():
            return "—" if span.text is None else _code(span.text, in_table=in_table)
        case Code():
            return _code(span.text, in_table=in_table)


def escaped(text: str) -> str:
    r"""Write a text so that nothing of it means anything in Markdown, nor in HTML.

    >>> escaped("a <b> of *2*")
    'a \\<b\\> of \\*2\\*'
    """
    return _PUNCTUATION.sub(r"\\\1", printable(text))


def _code(text: str, *, in_table: bool = False, limit: int | None = MOST_CHARACTERS) -> str:
    r"""Put a text into a code span, which nothing in it can end.

    In a table a bar has a backslash before it, which goes again; one that had a backslash before cannot be told apart
    there, so such a text is written plainly, each of its signs escaped.
    """
    shown = printable(text if limit is None else shorten(text, limit))
    if not shown.strip():
        return '""'
    if in_table and "\\|" in shown:
        return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", shown)
    fence = "`" * (max(map(len, _BACKTICKS.findall(shown)), default=0) + 1)
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    inner = shown.replace("|", "\\|") if in_table else shown
    return f"{fence}{pad}{inner}{pad}{fence}"


def _block(lines: Iterable[str], language: str) -> str:
    text = "\n".join(map(printable, lines))
    fence = "`" * max(3, max(map(len, _BACKTICKS.findall(text)), default=0) + 1)
    return f"{fence}{language}\n{text}\n{fence}"
