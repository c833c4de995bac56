"""Markup: the small pieces of HTML that all windows share, so that a digest looks and behaves the same in each.

All of them escape what they are given. What they show stays whole where a notebook is not trusted, and loses its styles
and handlers: a digest then reads in full, and what was folded is open to who asks.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ocinb._text import DIGEST_DIGITS, NO_MATHS, counted, escape_html, human_size, shorten

# What is longer than this is folded, and what is longer than people read is cut.
FOLDED_CHARACTERS = 80
SHOWN_CHARACTERS = 5000
# A click on a digest selects it, by its style; this copies it too, where a page may.
_COPY = (
    "var c=event.target.closest&amp;&amp;event.target.closest('.ocinb-digest');"
    "if(c&amp;&amp;navigator.clipboard){navigator.clipboard.writeText(c.textContent).then(function(){"
    "c.classList.add('ocinb-copied');setTimeout(function(){c.classList.remove('ocinb-copied');},1200);"
    "},function(){});}"
)


def box(kind: str, body: str, *styles: str) -> str:
    """Put a window around what is shown, with the styles of the pieces in it."""
    sheets = "\n".join((style_beside(__file__), *styles))
    copying = f' onclick="{_COPY}"' if "ocinb-digest" in body else ""
    return f'<div class="ocinb ocinb-{kind} {NO_MATHS}"{copying}><style>{sheets}</style>{body}</div>'


@cache
def style_beside(module: str) -> str:
    """Read the style sheet that stands beside a module, and bears its name."""
    return Path(module).with_suffix(".css").read_text(encoding="utf-8").strip()


def missing() -> str:
    """Show that there is no value: a dim dash.

    >>> missing()
    '<span class="ocinb-missing">—</span>'
    """
    return '<span class="ocinb-missing">—</span>'


def digest(text: str | None) -> str:
    """Show a digest by its first twelve digits; all of it stands there, is shown on hover, and copied on a click.

    >>> digest("sha256:" + "ab" * 8)
    '<code class="ocinb-digest" title="sha256:abababababababab"><i>sha256:</i>abababababab<i>abab</i></code>'
    """
    if not text:
        return missing()
    algorithm, colon, digits = text.rpartition(":")
    before, rest = escape_html(algorithm + colon), escape_html(digits[DIGEST_DIGITS:])
    shown = escape_html(digits[:DIGEST_DIGITS])
    left, right = (f"<i>{part}</i>" if part else "" for part in (before, rest))
    return f'<code class="ocinb-digest" title="{escape_html(text)}">{left}{shown}{right}</code>'


def size(count: float | None) -> str:
    """Show a number of bytes as people read it, with the exact one on hover.

    >>> size(42_135_552)
    '<span class="ocinb-size" title="42,135,552 bytes">42.1 MB</span>'
    """
    if count is None:
        return missing()
    exactly = counted(round(count), "byte")
    return f'<span class="ocinb-size" title="{exactly}">{human_size(count)}</span>'


def moment(when: datetime | None) -> str:
    """Show a time to the minute in UTC, with all of it on hover.

    >>> moment(datetime(2024, 5, 4, 12, 30, 1, tzinfo=UTC))
    '<time class="ocinb-time" title="2024-05-04 12:30:01 UTC">2024-05-04 12:30</time>'
    """
    if when is None:
        return missing()
    whole = when.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    return f'<time class="ocinb-time" title="{whole} UTC">{whole[:16]}</time>'


def cut(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    """Escape a text, and cut what is longer than people read.

    >>> cut("<b>bold</b>", 3)
    '&lt;b&gt;…'
    """
    return escape_html(shorten(text, limit))


def lines(text: str, limit: int = SHOWN_CHARACTERS) -> str:
    r"""Do the same with a text of several lines, which stay lines.

    >>> lines("one\ntwo\x1b[2J")
    'one\ntwo\\x1b[2J'
    """
    return "\n".join(escape_html(line) for line in shorten(text, limit).splitlines())


def folded(text: str | None, limit: int = FOLDED_CHARACTERS) -> str:
    """Show a line of code, such as an instruction; a long one by its beginning, and all of it where it is unfolded.

    >>> folded("COPY app /app")
    '<code class="ocinb-code">COPY app /app</code>'
    """
    if not text:
        return missing()
    line = " ".join(text.split())
    if len(line) <= limit:
        return f'<code class="ocinb-code">{escape_html(line)}</code>'
    return unfolding(f"<code>{cut(line, limit)}</code>", f"<pre>{lines(text)}</pre>")


def unfolding(summary: str, body: str) -> str:
    """Fold something away behind what sums it up; both are HTML, escaped.

    >>> unfolding("2 labels", "a, b")
    '<details class="ocinb-fold"><summary>2 labels</summary> a, b</details>'
    """
    return f'<details class="ocinb-fold"><summary>{summary}</summary> {body}</details>'
