"""Text for people: sizes they can read, and strangers' text that can do no harm where it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# C0 and C1 controls, the separators that end a line, the marks that turn the reading direction, and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# A user and a password before a host, as in the URLs of other tools; a tag before a digest is none.
_LOGIN = re.compile(r"""(?<![^\s"'/(\[])[^/@"'\s:(\[]+:[^/@"'\s]+@(?!sha\d+:|[a-z0-9+._-]+:[0-9a-f]{32,})""")

# As docker shows an id, which nobody reads to its end.
DIGEST_DIGITS = 12
_DIGITS = re.compile(rf"(?<![0-9a-f])([0-9a-f]{{{DIGEST_DIGITS}}})[0-9a-f]{{52,}}")


class Hidden(str):
    """A secret that does not show itself: some show the variables of what failed, as IPython does when it is asked to.

    >>> {"Authorization": Hidden("Bearer s3cret")}
    {'Authorization': '***'}
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class HiddenBytes(bytes):
    """The same for bytes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'***'"


def printable(text: str) -> str:
    r"""Show control characters as escapes, so that a name can neither move a cursor nor fake a line.

    >>> printable("tag\x1b[2J")
    'tag\\x1b[2J'
    """
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def without_login(text: str) -> str:
    """Take a password out of a name that somebody typed: errors are kept in notebooks and logs.

    >>> without_login("https://ada:s3cret@registry.example/demo:1")
    'https://***@registry.example/demo:1'
    """
    return _LOGIN.sub("***@", text)


def shorten(text: str, limit: int) -> str:
    """Cut what is longer than people read, and say so.

    >>> shorten("x" * 1000, 5)
    'xxxxx…'
    """
    return text if len(text) <= limit else f"{text[:limit]}…"


def fit(text: str, width: int) -> str:
    """Cut what is longer than a line or a column is wide; what says so has room in it.

    >>> fit("COPY app /usr/local/bin/app", 12)
    'COPY app /u…'
    """
    return text if len(text) <= width else f"{text[: width - 1]}…"


def fit_path(path: str, width: int) -> str:
    """Do the same in the middle: a path begins with where it is and ends with what it is, which says more.

    >>> fit_path("usr/lib/python3/dist-packages/flask/app.py", 24)
    'usr/lib…ges/flask/app.py'
    """
    if len(path) <= width:
        return path
    head = (width - 1) // 3
    return f"{path[:head]}…{path[len(path) - (width - 1 - head) :]}"


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """Put a number before a noun.

    >>> counted(1, "layer"), counted(1200, "layer"), counted(2, "entry", "entries")
    ('1 layer', '1,200 layers', '2 entries')
    """
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def escape_html(text: str) -> str:
    """Make any text safe between HTML tags and inside quoted attributes."""
    import html  # late, since it brings a table of all entities, and most people look at no HTML of ours

    return html.escape(printable(text), quote=True)


# Within this class MathJax, which notebooks bring, takes no `$HOME and $PATH` of a stranger for a formula.
NO_MATHS = "mathjax_ignore"
_FONT = "font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: var(--jp-ui-font-size1, 13px)"
_CARD = f"{_FONT}; overflow-x: auto"
_DIM = "color: var(--jp-content-font-color2, rgb(118 118 118))"
_ONE_LINE = 50
_CELL = "text-align: left; vertical-align: top; padding: 0.15em 1.2em 0.15em 0; border: 0; max-width: 45em"


def card(title: str, note: str, rows: Iterable[Sequence[str]], body: str = "") -> str:
    """Show a small object as HTML: what it is, and a table of its parts, which reads well without styles too."""
    lines = "".join(f'<tr style="background: none">{_cells(row)}</tr>' for row in rows)
    head = f'<b>{escape_html(title)}</b> <span style="{_DIM}">{escape_html(note)}</span>'
    table = f'<table style="border: 0; margin: 0.3em 0; font-size: inherit">{lines}</table>' if lines else ""
    return f'<div class="{NO_MATHS}" style="{_CARD}"><div>{head}</div>{table}{body}</div>'


def _cells(row: Sequence[str]) -> str:
    name, value, *words = map(escape_html, row)
    wrapping = "normal" if len(row[1]) > _ONE_LINE else "nowrap"
    code = f"user-select: all; overflow-wrap: anywhere; white-space: {wrapping}; background: none; padding: 0"
    said = "".join(f'<td style="{_CELL}; {_DIM}">{word}</td>' for word in words)
    return (
        f'<td style="{_CELL}; {_DIM}">{name}</td> <td style="{_CELL}"><code style="{code}">{value}</code></td> {said}'
    )


def human_size(size: float | None) -> str:
    """Bytes in decimal units, as registries and docker print them.

    >>> human_size(42_135_552)
    '42.1 MB'
    """
    if size is None:
        return "?"
    import humanize

    return humanize.naturalsize(size, format="%.1f").replace("Bytes", "B").replace("Byte", "B")


def human_duration(seconds: float) -> str:
    """Seconds as a person would say them.

    >>> human_duration(83.4), human_duration(0.42), human_duration(0.02)
    ('1 min 23 s', '0.4 s', 'under 0.1 s')
    """
    if seconds < 0.05:  # noqa: PLR2004 - which would read 0.0
        return "under 0.1 s"
    if seconds < 10:  # noqa: PLR2004 - a tenth matters below ten seconds
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def short_digest(digest: str) -> str:
    """Cut a digest to its first twelve hex digits, as docker shows an id.

    >>> short_digest("sha256:" + "ab" * 32)
    'abababababab'
    """
    return digest.partition(":")[2][:DIGEST_DIGITS] or digest[:DIGEST_DIGITS]


def short_digests(text: str) -> str:
    """Do the same with all digests in a text, such as a name, and show that they are cut.

    >>> short_digests("demo/shop@sha256:" + "ab" * 32)
    'demo/shop@sha256:abababababab…'
    """
    return _DIGITS.sub(r"\1…", text)
