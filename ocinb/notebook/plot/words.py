r"""Words of strangers in a figure: plotly reads a part of HTML, TeX between dollars and its own `%{…}` in any text.

What is escaped here is shown as it was written, in titles, labels, legends and what hovers alike.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from ocinb._text import human_size, printable, short_digest, shorten

LABEL_CHARACTERS = 38
TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
_HOVER_CHARACTERS, _HOVER_WIDTH = 400, 64
# Plotly turns entities back after it has looked for tags, TeX and places to fill in.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;", "%": "&#37;"})
Fact = tuple[str, Any]


def safe(text: object, limit: int = LABEL_CHARACTERS) -> str:
    r"""Make any text safe wherever plotly shows one, and cut it to a length.

    >>> safe("<a href='x'>\x1b[2J")
    "&lt;a href='x'&gt;\\x1b[2J"
    """
    return shorten(printable(str(text)), limit).translate(_ESCAPES)


def safe_path(path: str, limit: int = LABEL_CHARACTERS) -> str:
    """Do the same with a path, of which the end says more than the beginning.

    >>> safe_path("usr/lib/python3/dist-packages/flask/app.py", 24)
    '…/flask/app.py'
    """
    shown = printable(path)
    if len(shown) <= limit:
        return safe(shown, limit)
    end = shown[len(shown) - limit + 1 :]
    slash = end.find("/", 0, -1)
    return safe(f"…{end[max(slash, 0) :]}", limit)


def size(count: Any) -> str:
    """Say a number of bytes as people do, with the exact one beside it where that says more.

    >>> size(42_135_552), size(12), size(None)
    ('42.1 MB (42,135,552 bytes)', '12 B', 'unknown')
    """
    if is_unknown(count):
        return "unknown"
    number = int(count)
    return f"{human_size(number)} ({number:,} bytes)" if abs(number) >= 1000 else f"{number} B"  # noqa: PLR2004 - as SI


def signed_size(count: Any) -> str:
    """Say by how much something changed.

    >>> signed_size(1_084_348), signed_size(0)
    ('+1.1 MB', '±0 B')
    >>> signed_size(-2) == f"{MINUS}2 B"
    True
    """
    if is_unknown(count):
        return "unknown"
    sign = "+" if count > 0 else MINUS if count < 0 else "±"
    return f"{sign}{human_size(abs(int(count)))}"


def share(part: float, whole: float) -> str:
    """Say a part of a whole in percent.

    >>> share(1, 3), share(0, 0), share(1, 10_000)
    ('33.3 %', '0.0 %', '< 0.1 %')
    """
    percent = 100 * part / whole if whole else 0
    return "< 0.1 %" if 0 < percent < 0.05 else f"{percent:.1f} %"  # noqa: PLR2004 - what rounds to nothing


def is_unknown(value: Any) -> bool:
    """Say whether a cell of a frame is NA; lists and dicts never are."""
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def hover(title: str, facts: Iterable[Fact]) -> str:
    """Make what shows when the mouse rests on something: a bold line, and a line for each fact that is known.

    >>> hover("layer 3", [("digest", "sha256:ab"), ("files", None)])
    '<b>layer 3</b><br>digest: sha256:ab'
    """
    known = [(name, value) for name, value in facts if not is_unknown(value)]
    lines = [f"<b>{_wrapped(title)}</b>", *(_wrapped(f"{name}: {value}") for name, value in known)]
    return "<br>".join(lines)


def _wrapped(text: str) -> str:
    """Cut into lines before anything is escaped, so that no escape is cut in two."""
    cut = shorten(printable(text), _HOVER_CHARACTERS)
    if len(cut) <= _HOVER_WIDTH:
        return safe(cut, _HOVER_WIDTH)
    lines = textwrap.wrap(cut, _HOVER_WIDTH, break_on_hyphens=False, subsequent_indent="  ")
    return "<br>".join(safe(line, _HOVER_WIDTH) for line in lines)


def digest(text: Any) -> Any:
    """Shorten a digest, if there is one."""
    return text if is_unknown(text) else short_digest(str(text))
