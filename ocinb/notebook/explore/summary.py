"""The summary: an image as HTML that only has to be shown, for where there is no front end to explore it in.

All that a stranger wrote is escaped. Where styles are taken away, tables and numbers remain.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

import numpy as np

from ocinb._text import counted, escape_html, fit, fit_path, human_size, printable
from ocinb.notebook import markup
from ocinb.notebook.explore.model import ExploredImage, Wasted
from ocinb.notebook.explore.serialize import JSON, short_label
from ocinb.notebook.explore.views import Sums, View
from ocinb.notebook.show.cells import ends, gap

# So many of each are told, at most.
MOST: Final = 8
# Folders are told of down to so deep, as by `du --max-depth=2`.
_DEPTH: Final = 2
# Of one folder no more are looked into.
_MOST_FOLDERS: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or a file of the final file system, and what it takes."""

    path: str
    size_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Highlights:
    """What is said of an image, which itself may be let go.

    Attributes
    ----------
    figures
        What it comes to, in phrases.
    folders, files, waste
        The largest of each.
    """

    figures: Sequence[str]
    folders: Sequence[Place]
    files: Sequence[Place]
    waste: Sequence[Wasted]


def highlights(image: ExploredImage) -> Highlights:
    """Give what is said of an image."""
    return Highlights(
        figures_told(image), largest_folders(image, MOST), largest_files(image, MOST), largest_waste(image, MOST)
    )


def largest_folders(image: ExploredImage, most: int) -> list[Place]:
    """Give the largest folders near the root."""
    view = image.view(None)
    found: list[Place] = []
    level = [""]
    for _ in range(_DEPTH):
        inner = [place for path in level for place in _folders_in(view, path)]
        found += inner
        level = [place.path for place in inner]
    return nlargest(most, found, key=lambda place: place.size_bytes)


def _folders_in(view: View, path: str) -> list[Place]:
    listing, above = view.children(path), f"{path}/" if path else ""
    folders = [place for place in listing.by_size.tolist() if listing.stops[place] > listing.starts[place]]
    return [_folder(view, above + listing.names[place]) for place in folders[:_MOST_FOLDERS]]


def _folder(view: View, path: str) -> Place:
    sums: Sums = view.sums(view.below(path))
    return Place(path, sums.size_bytes, sums.files)


def largest_files(image: ExploredImage, most: int) -> list[Place]:
    """Give the largest files."""
    view = image.view(None)
    sizes = np.where(view.counted, view.sizes, -1)
    rows = np.argsort(-sizes, kind="stable")[:most].tolist()
    return [Place(view.paths[row], int(sizes[row]), 1) for row in rows if sizes[row] > 0]


def largest_waste(image: ExploredImage, most: int) -> list[Wasted]:
    """Give the largest files that are stored and not seen; empty ones are no waste."""
    return [one for one in map(image.wasted, image.waste[:most]) if one.hidden_bytes]


def story(wasted: Wasted) -> str:
    """Say where a file is stored, and what happened to it there or in another layer."""
    if wasted.hidden_in is None:
        return f"layer {wasted.stored_in}, never seen"
    how = {"opaque": "folder emptied", "replaced": "folder replaced"}.get(wasted.reason or "", wasted.reason)
    return f"layer {wasted.stored_in}, {how} in {wasted.hidden_in}"


def figures_told(image: ExploredImage) -> Sequence[str]:
    """Say what an image comes to, in a few phrases."""
    found, view = image.figures, image.view(None)
    layers, files = len(image.layers), view.sums(range(len(view))).files
    return [
        counted(layers, "layer"),
        *([f"{human_size(image.compressed_bytes)} compressed"] if image.compressed_bytes is not None else []),
        f"{human_size(found.stored_bytes)} stored in files",
        f"{human_size(found.visible_bytes)} seen in {counted(files, 'file')}",
        f"{human_size(found.hidden_bytes)} hidden ({1 - found.efficiency:.1%})",
        f"{human_size(found.duplicate_bytes)} in copies",
    ]


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
    """Show an image."""
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


# Of very many layers these are told at either end.
TEXT_FIRST, TEXT_LAST = 8, 6
_MOST = 5
# A path is cut to no fewer characters.
_LEAST_PATH = 24


def lines(opening: JSON, told: Highlights) -> str:
    """Tell of an image in lines that fit the terminal."""
    width = shutil.get_terminal_size().columns
    others = [short_label(platform) for platform in opening["platforms"] if platform != opening["platform"]]
    more = f" (also {', '.join(others)})" if others else ""
    shown = [
        f"<Explorer: {opening['familiar']}, {short_label(opening['platform'])}{more}>",
        *_wrapped(told.figures, width),
        *_layer_lines(opening["image"]["layers"]),
        *_listed("Folders", [(one.size_bytes, one.path) for one in told.folders[:_MOST]]),
        *_listed("Files", [(one.size_bytes, one.path) for one in told.files[:_MOST]]),
        *_listed("Hidden", [(one.hidden_bytes, _wasted(one, width)) for one in told.waste[:_MOST]]),
    ]
    return "\n".join(fit(printable(line), width) for line in shown)


def _wrapped(phrases: Sequence[str], width: int) -> list[str]:
    """Put phrases side by side, as many as a line has room for."""
    rows = [phrases[0]]
    for phrase in phrases[1:]:
        longer = f"{rows[-1]}, {phrase}"
        rows = [*rows[:-1], longer] if len(longer) <= width else [*rows, phrase]
    return rows


def _layer_lines(layers: Sequence[JSON]) -> list[str]:
    if not layers:
        return []
    rows = [
        (str(one["layer"]), human_size(one["stored_bytes"]), human_size(one["hidden_bytes"]), one["instruction"] or "?")
        for one in layers
    ]
    first, left_out, last = ends(rows, TEXT_FIRST, TEXT_LAST)
    middle = [f"     {gap(left_out, 'ocinb.layers lists them all')}"] if left_out else []
    head = _row(("Layer", "stored", "hidden", "instruction"))
    return [head, *map(_row, first), *middle, *map(_row, last)]


def _row(row: tuple[str, str, str, str]) -> str:
    layer, stored, hidden, instruction = row
    return f"{layer:>5}  {stored:>8}  {hidden:>8}  {' '.join(instruction.split())}"


def _listed(title: str, rows: Sequence[tuple[int, str]]) -> list[str]:
    heads = [title, *[""] * (len(rows) - 1)]
    return [f"{head:<7}{human_size(size):>8}  {text}" for head, (size, text) in zip(heads, rows, strict=False)]


def _wasted(one: Wasted, width: int) -> str:
    """Say what became of a file, of whose path so much is left out in its middle as there is no room for."""
    path, told = printable(one.path), story(one)
    return f"{fit_path(path, max(_LEAST_PATH, width - len(told) - 19))}: {told}"
