"""The summary: an image as HTML that only has to be shown, for where there is no front end to explore it in.

All that a stranger wrote is escaped. Where styles are taken away, tables and numbers remain.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ocinb._text import escape_html
from ocinb.notebook import markup
from ocinb.notebook.ends import ends, gap
from ocinb.notebook.exploring.highlights import Highlights, Place, story
from ocinb.notebook.exploring.image import Wasted
from ocinb.notebook.exploring.telling import JSON, short_label

# What the page's style looks for, to hide the summary as long as the page lives.
KIND = "explore-static"
# Of very many layers these are shown at either end.
FIRST, LAST = 60, 20
_PATH_CHARACTERS = 200
_NUMBERS = frozenset({"layer", "stored", "hidden", "compressed", "files", "size"})
_NO_HEAD = '<th scope="col"></th>'
_LEGEND = '<th scope="col"><i class="seen"></i> seen <i class="hidden"></i> hidden</th>'
_WASTE_HEADS = ("size", "file", "stored in, and what became of it")


def summary(opening: JSON, told: Highlights) -> str:
    """Show an image.

    Parameters
    ----------
    opening
        What the page shows first.
    told
        What is said of the image.
    """
    body = [
        _head(opening),
        f"<p>{escape_html(' · '.join(told.figures))}</p>",
        _layers(opening["image"]["layers"]),
        '<div class="parts">',
        _part("Largest folders", ("size", "files", "folder"), _folders(told.folders)),
        _part("Largest files", ("size", "file"), _files(told.files)),
        "</div>",
        _part("Hidden: stored, and never seen", _WASTE_HEADS, _waste(told.waste)),
    ]
    return markup.box(KIND, "".join(body), markup.style_beside(__file__))


def _head(opening: JSON) -> str:
    told = opening["image"]
    others = [short_label(platform) for platform in opening["platforms"] if platform != opening["platform"]]
    also = f'<span class="ocinb-dim">also for {escape_html(", ".join(others))}</span>' if others else ""
    created = f"created {escape_html(told['created'][:10])}" if told["created"] else ""
    facts = [escape_html(short_label(opening["platform"])), markup.digest(told["manifest_digest"]), created, also]
    shown = " · ".join(fact for fact in facts if fact)
    return f'<div class="head"><b>{markup.cut(opening["familiar"], _PATH_CHARACTERS)}</b> {shown}</div>'


def _layers(layers: Sequence[JSON]) -> str:
    if not layers:
        return "<p>It has no layers.</p>"
    most = max(one["stored_bytes"] for one in layers)
    first, left_out, last = ends(layers, FIRST, LAST)
    told = gap(left_out, "<code>ocinb.layers</code> lists them all")
    middle = [f'<tr><td></td><td colspan="6">{told}</td></tr>'] if left_out else []
    upper, lower = ([_layer(one, most) for one in part] for part in (first, last))
    rows = [*upper, *middle, *lower]
    heads = ("layer", "", "stored", "hidden", "compressed", "files", "instruction")
    return _table(heads, rows).replace(_NO_HEAD, _LEGEND, 1)


def _layer(one: JSON, most: int) -> str:
    stored, hidden = one["stored_bytes"], one["hidden_bytes"]
    cells = [
        _number(str(one["layer"])),
        f"<td>{_bar(stored, hidden, most)}</td>",
        _number(markup.size(stored)),
        _number(markup.size(hidden) if hidden else ""),
        _number(markup.size(one["compressed_bytes"])),
        _number(f"{one['files']:,}"),
        f'<td class="wide">{markup.folded(one["instruction"])}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _bar(stored: int, hidden: int, most: int) -> str:
    """Draw a bar in the scale of the largest layer; what is hidden is hatched."""
    seen_part, hidden_part = (100 * part / most if most else 0 for part in (stored - hidden, hidden))
    parts = (("seen", seen_part), ("hidden", hidden_part))
    drawn = "".join(f'<i class="{kind}" style="width: {part:.2f}%"></i>' for kind, part in parts if part)
    return f'<div class="bar">{drawn}</div>'


def _folders(places: Sequence[Place]) -> Iterable[str]:
    for one in places:
        yield f"<tr>{_number(markup.size(one.size_bytes))}{_number(f'{one.files:,}')}{_path(one.path + '/')}</tr>"


def _files(places: Sequence[Place]) -> Iterable[str]:
    for one in places:
        yield f"<tr>{_number(markup.size(one.size_bytes))}{_path(one.path)}</tr>"


def _waste(wasted: Sequence[Wasted]) -> Iterable[str]:
    for one in wasted:
        told = f'<td class="wide">{escape_html(story(one))}</td>'
        yield f"<tr>{_number(markup.size(one.hidden_bytes))}{_path(one.path)}{told}</tr>"


def _part(title: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    listed = list(rows)
    return f"<div><h4>{escape_html(title)}</h4>{_table(heads, listed)}</div>" if listed else ""


def _table(heads: Sequence[str], rows: Iterable[str]) -> str:
    above = "".join(_header(head) for head in heads)
    return f'<table class="ocinb-table"><thead><tr>{above}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _header(head: str) -> str:
    kind = ' class="number"' if head in _NUMBERS else ""
    return f'<th scope="col"{kind}>{escape_html(head)}</th>'


def _number(cell: str) -> str:
    return f'<td class="number">{cell}</td>'


def _path(path: str) -> str:
    return f'<td class="wide"><code>{markup.cut(path, _PATH_CHARACTERS)}</code></td>'
