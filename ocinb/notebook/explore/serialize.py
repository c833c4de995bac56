"""Telling: entries and files as the page is told of them, in words and numbers that JSON has.

A path is told twice: as it is, to ask with, and with all that a terminal or a page would obey made visible.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ocinb._text import printable, shorten
from ocinb.archive.entries import DIRECTORY, SYMLINK
from ocinb.errors import OcinbError
from ocinb.notebook.explore.model import ExploredImage
from ocinb.notebook.explore.views import NO_ROW, View
from ocinb.rootfs.filesystem import Entry
from ocinb.rootfs.path_resolution import MAX_PATH_CHARACTERS

JSON = dict[str, Any]

# What is longer than this, nobody reads in a tree.
SHOWN_CHARACTERS: Final = 1000
# Of what a platform is called, no more: a config may say anything.
LABEL_CHARACTERS: Final = 53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def seen(text: str | None, limit: int = SHOWN_CHARACTERS) -> str | None:
    r"""Make a stranger's text fit for eyes.

    >>> seen("a\x1b[2J"), seen(None)
    ('a\\x1b[2J', None)
    """
    return None if text is None else printable(shorten(text, limit))


def short_label(label: str) -> str:
    """Shorten what a platform is called, in its middle, since numbers at the end may tell two apart.

    >>> short_label("linux/arm64/v8"), short_label(f"linux/{'x' * 999} (2)")
    ('linux/arm64/v8', 'linux/xxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxx (2)')
    """
    if len(label) <= LABEL_CHARACTERS:
        return label
    tail = LABEL_CHARACTERS // 2 - 1
    return f"{label[: LABEL_CHARACTERS - tail - 1]}…{label[-tail:]}"


def moment(micros: int | None) -> str | None:
    """Give a time as text.

    >>> moment(1_735_689_600_000_000), moment(2**62)
    ('2025-01-01T00:00:00+00:00', None)
    """
    if micros is None:
        return None
    try:
        return (_EPOCH + timedelta(microseconds=micros)).isoformat()
    except OverflowError:  # a year that Python's calendar does not have
        return None


def row_told(image: ExploredImage, view: View, row: int) -> JSON:
    """Tell of a row of a view; of a directory with the sums of what is below it."""
    path, kind = view.paths[row], view.types[row]
    if kind == DIRECTORY:
        return {**_stored(image, view, row), **folder_told(view, path)}
    size = int(view.sizes[row])
    counts = {"size_bytes": size, "files": int(view.counted[row]), "hidden_bytes": size if view.hidden[row] else 0}
    return {**_stored(image, view, row), **named(path), "type": kind, **counts, "has_children": False}


def child_told(image: ExploredImage, view: View, path: str, row: int) -> JSON:
    """Tell of a child of a folder, which may be a folder that no entry stores."""
    if row != NO_ROW:
        return row_told(image, view, row)
    return {**_NOT_STORED, **folder_told(view, path)}


def folder_told(view: View, path: str) -> JSON:
    """Tell of a folder what is below it."""
    below = view.below(path)
    sums = view.sums(below)
    has_children = len(below) > (view.paths[below.start] == path if below else 0)
    return {
        **named(path),
        "type": DIRECTORY,
        "size_bytes": sums.size_bytes,
        "files": sums.files,
        "hidden_bytes": sums.hidden_bytes,
        "has_children": has_children and len(path) <= MAX_PATH_CHARACTERS,
    }


def version_told(image: ExploredImage, entry: Entry) -> JSON:
    """Tell of one of the entries that stood at a path."""
    layer, place = entry
    columns, sha256 = image.layers[layer], image.layers[layer].sha256[place]
    fate = _fate(image, entry)
    hidden_in = fate["hidden_in"]
    return {
        "layer": layer,
        "instruction": seen(image.instructions[layer]),
        **named(columns.path[place]),
        "type": columns.type[place],
        "size_bytes": columns.size_bytes[place],
        **_owner(image, entry),
        "sha256": sha256.hex() if sha256 else None,
        "link_target": seen(columns.link_target[place]),
        **_way(image, entry),
        **fate,
        "hidden_by": None if hidden_in is None else seen(image.instructions[hidden_in]),
    }


def _way(image: ExploredImage, entry: Entry) -> JSON:
    """Tell where a symbolic link leads in the end, if it is seen there: through other links, too."""
    (layer, place), overlay = entry, image.laid.overlay
    columns = image.layers[layer]
    if columns.type[place] != SYMLINK or not overlay.visible[layer][place]:
        return {}
    try:
        at = image.laid.tree.lead(columns.path[place])
    except OcinbError:  # nowhere, in circles, or out of the image
        return {"link_path": None}
    return {"link_path": shorten(overlay.paths[at], MAX_PATH_CHARACTERS)}


def named(path: str) -> JSON:
    """Tell of a path, as it is and for eyes."""
    return {
        "path": shorten(path, MAX_PATH_CHARACTERS),
        "shown": seen(path),
        "name": seen(path.rpartition("/")[2]) or "/",
    }


def _stored(image: ExploredImage, view: View, row: int) -> JSON:
    """Tell of the entry of a row what it stores, and what became of it."""
    owner = view.owner(row)
    return {
        "layer": owner[0],
        "position": image.layers[owner[0]].position[owner[1]],
        **_fate(image, owner),
        **_owner(image, view.content(row)),
        "link_target": seen(view.targets[row]),
    }


_NOT_STORED: Final[JSON] = dict.fromkeys(
    "layer position change visible hidden_in reason mode uid gid mtime link_target".split()
)


def _fate(image: ExploredImage, entry: Entry) -> JSON:
    (layer, place), overlay = entry, image.laid.overlay
    return {
        "change": overlay.change[layer][place],
        "visible": overlay.visible[layer][place],
        "hidden_in": overlay.hidden_in[layer][place],
        "reason": overlay.reason[layer][place],
    }


def _owner(image: ExploredImage, entry: Entry) -> JSON:
    layer, place = entry
    columns = image.layers[layer]
    return {
        "mode": columns.mode[place],
        "uid": columns.uid[place],
        "gid": columns.gid[place],
        "mtime": moment(columns.mtime[place]),
    }


# Nobody reads more in a window beside a tree; and what has to be unpacked and hashed for that.
SHOWN_BYTES: Final = 64 * 1024
READ_BYTES: Final = 16 * 1024 * 1024
_LINES = re.compile(r"\r\n?|\n")
# More characters than this part that no text has, and it is none.
_FEW: Final = 0.05
# Controls that stand in no text, and bytes that are no UTF-8, which a text of last century may have here and there.
_ODD = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\udc80-\udcff]")
_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file: as text, or None if it is none; and whether there is more."""

    text: str | None
    is_cut: bool


def preview(raw: bytes) -> Preview:
    r"""Show the beginning of a file.

    What a terminal would obey is made visible; lines and tabs stay.

    >>> preview(b"port = 8080\n\x1b[2J").text
    'port = 8080\n\\x1b[2J'
    >>> preview(b"\x7fELF\x02\x01\x01\x00").text is None
    True
    """
    beginning = raw[:SHOWN_BYTES]
    text, is_cut = _decoded(beginning), len(raw) > SHOWN_BYTES
    if text is None or len(_ODD.findall(text)) > _FEW * len(text):
        return Preview(None, is_cut)
    return Preview("\n".join(_line(line) for line in _LINES.split(text)), is_cut)


def _decoded(beginning: bytes) -> str | None:
    """Read bytes as UTF-8, or as UTF-16 if they say so; the end may be in the middle of a character."""
    if beginning.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return getincrementaldecoder("utf-16")("replace").decode(beginning)
    if b"\0" in beginning:
        return None
    return getincrementaldecoder("utf-8")("surrogateescape").decode(beginning.removeprefix(BOM_UTF8))


def _line(line: str) -> str:
    bytes_shown = _BYTE.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", line)
    return "\t".join(printable(part) for part in bytes_shown.split("\t"))
