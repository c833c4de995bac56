"""The page: a story as HTML, a chapter for each step, which opens and closes, and a line beside each figure.

All that a stranger wrote is escaped. Where a notebook is not trusted, and its styles and scripts are taken away,
chapters open all the same, and only the buttons are missing: it is the script that makes them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from ocinb._text import escape_html, shorten
from ocinb.notebook import markup
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

MOST_CHARACTERS = 2000
# What is no longer stays on one line in a table, and so does a word in it.
SHORT_CHARACTERS = 40
# Where a line of Python may be broken, and any other code.
_BREAKS_OF_PYTHON = re.compile(r"(?<=[)\]])(?=\.)")
_BREAKS = re.compile(r"(?<=[/?&])|(?=\+)")
# What JupyterLab sets for all pages in it.
_ALONE = (
    ":root { color-scheme: light dark; --jp-content-font-color2: light-dark(#5c5c5c, #b4b4b4);"
    " --jp-brand-color1: light-dark(#1e6fb8, #6cb2f0); }"
    " body { margin: 2em auto; max-width: 64em; padding: 0 1em; }"
    " @media print { :root { color-scheme: light; } body { margin: 0; max-width: none; } }"
)


def fragment(told: Document, markdown: str) -> str:
    """Write a story as a part of a page."""
    title = f"The story of {_code(told.name)}"
    head = f'<h3 class="head">{title}</h3><p class="gist">{_spans(told.gist)}</p>{_setup(told.lines)}'
    chapters = "".join(_chapter(number, chapter) for number, chapter in enumerate(told.chapters, 1))
    body = f'<div class="tools"></div>{head}{chapters}{_scripts(markdown)}'
    return markup.box("story", body, markup.style_beside(__file__))


def whole(told: Document, markdown: str) -> str:
    """Write a story as a page of its own, for a browser and for a printer."""
    head = f'<meta charset="utf-8"><title>The story of {escape_html(shorten(told.name, 200))}</title>'
    head += f"<style>{_ALONE}</style>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{fragment(told, markdown)}</body></html>\n'


@cache
def _script() -> str:
    return Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def _scripts(markdown: str) -> str:
    # Nothing in it may end the element, or begin another one.
    text = json.dumps(markdown).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return f'<script type="application/json" class="markdown">{text}</script><script>{_script()}</script>'


def _chapter(number: int, chapter: Chapter) -> str:
    summary = (
        f'<span class="number">{number}</span> <b class="title">{escape_html(chapter.title)}</b> '
        f'<span class="gist">{_spans(chapter.gist)}</span>'
    )
    links = " · ".join(map(_span, chapter.clauses))
    read_on = f'<p class="clauses">Read on: {links}</p>' if links else ""
    body = "".join(map(_part, chapter.parts))
    is_open = " open" if number == 1 else ""
    inside = f'<div class="inside">{body}{read_on}</div>'
    return f'<details class="chapter"{is_open}><summary>{summary}</summary>{inside}</details>'


def _part(part: Part) -> str:
    match part:
        case Prose():
            return f"<p>{_spans(part.spans)}</p>"
        case Note():
            mark = '<b class="mark">It went wrong here.</b> ' if part.is_trouble else ""
            return f'<p class="note{" trouble" if part.is_trouble else ""}">{mark}{_spans(part.spans)}</p>'
        case Setup():
            return _setup(part.lines)
        case Listing():
            text = markup.lines(part.text, MOST_OF_A_LISTING)
            return f'<p class="caption">{escape_html(part.title)}</p><pre class="listing" tabindex="0">{text}</pre>'
        case Figures():
            return f'<table class="figures"><tbody>{"".join(map(_figure, part.figures))}</tbody></table>'
    return _table(part)


def _setup(lines: Iterable[str]) -> str:
    return f'<pre class="setup">{chr(10).join(map(escape_html, lines))}</pre>'


def _figure(figure: Figure) -> str:
    name, value = escape_html(figure.name), _spans(figure.spans)
    return f'<tr><th scope="row">{name}</th><td class="value">{value}</td><td>{_line(figure.line)}</td></tr>'


def _line(line: str) -> str:
    return f'<code class="line">{_breakable(line, _BREAKS_OF_PYTHON)}</code>'


def _breakable(text: str, breaks: re.Pattern[str]) -> str:
    """Escape a text, and say where it may be broken if there is no room for it."""
    return "<wbr>".join(map(escape_html, breaks.split(text)))


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col"{_side(head)}>{escape_html(head.removeprefix("#"))}</th>' for head in table.heads)
    heads += '<th scope="col">returned by</th>' if has_lines(table) else ""
    caption = escape_html(table.title) + ("" if table.line is None else f" {_line(table.line)}")
    body = f"<thead><tr>{heads}</tr></thead><tbody>{''.join(_rows(table))}</tbody>"
    return f'<p class="caption">{caption}</p><div class="wide" tabindex="0"><table>{body}</table></div>'


def _side(head: str) -> str:
    return ' class="number"' if head.startswith("#") else ""


def _rows(table: Table) -> list[str]:
    first, left_out, last = written_rows(table)
    width = len(table.heads) + has_lines(table)
    middle = [f'<tr class="aside"><td colspan="{width}">{left_out}</td></tr>'] if left_out else []
    upper, lower = ([_row(row, table.heads) for row in part] for part in (first, last))
    return [*upper, *middle, *lower]


def _row(row: Row, heads: Sequence[str]) -> str:
    cells = [f"<td{_side(head)}>{_spans(cell)}" for head, cell in zip(heads, row.cells, strict=True)]
    if row.share is not None:
        cells[-1] += f'<span class="bar"><span style="width: {100 * row.share:.1f}%"></span></span>'
    cells += [] if row.line is None else [f"<td>{_line(row.line)}"]
    return f"<tr{_class(row.tone)}>{''.join(f'{cell}</td>' for cell in cells)}</tr>"


def _spans(spans: Iterable[Span]) -> str:
    return "".join(map(_span, spans))


def _span(span: Span) -> str:  # noqa: PLR0911 - one for each kind of word
    match span:
        case str():
            return escape_html(span)
        case Strong():
            return f"<b>{escape_html(span.text)}</b>"
        case Link():
            return f'<a href="{escape_html(span.url)}" rel="noreferrer" target="_blank">{escape_html(span.text)}</a>'
        case Size():
            return markup.size(span.count)
        case Moment():
            return markup.moment(span.when)
        case Hash():
            return markup.digest(span.text)
        case Instruction():
            return markup.folded(span.text)
        case Code():
            return _code(span.text)


def _code(text: str) -> str:
    if not text:
        return "<i>empty</i>"
    if len(text) <= SHORT_CHARACTERS:
        return f'<code class="short">{escape_html(text)}</code>'
    shown = shorten(text, MOST_CHARACTERS)
    longest = max((len(word) for part in _BREAKS.split(shown) for word in part.split()), default=0)
    kind = "words" if longest <= SHORT_CHARACTERS else ""
    return f"<code{_class(kind)}>{_breakable(shown, _BREAKS)}</code>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
