"""Markers: the names by which a layer says what is gone, and those that builders and drivers left in it.

Source: OCI image-spec, layer.md ("Whiteouts", "Opaque Whiteout"). Of what aufs and eStargz keep in a layer it says
nothing.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Final

from ocinb._text import printable
from ocinb.archive.entries import FILE, HARDLINK, OPAQUE, WHITEOUT, Columns
from ocinb.errors import InvalidError

MARKERS: Final = frozenset({WHITEOUT, OPAQUE})

_PREFIX = ".wh."
_OPAQUE = ".wh..wh..opq"
# What aufs keeps for itself at the root of a branch. Docker wrote that into layers until 2013 and skips it ever since.
_AUFS = frozenset({".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk"})
_AUFS_PREFIX = ".wh..wh."
_TOC = "stargz.index.json"
_LANDMARKS = frozenset({".prefetch.landmark", ".no.prefetch.landmark"})


def as_layer(columns: Columns) -> Columns:
    """Read entries of a tar as those of a layer.

    Notes
    -----
    The names of eStargz are reserved nowhere, so an ordinary image may have such files. Only those are dropped that
    look as all writers of the format make them: a regular file in the root of the layer, owned by root, that nobody may
    read (mode 0), a landmark of one byte. A file that somebody made has a mode, and stays.
    """
    places = range(len(columns))
    dropped = {place for place in places if columns.path[place] in _FOR_ESTARGZ and _made_by_estargz(columns, place)}
    layer = columns.chosen(place for place in places if place not in dropped)
    for place, path in enumerate(layer.path):
        if _PREFIX in path:
            _read_marker(layer, place)
    return layer


_FOR_ESTARGZ = _LANDMARKS | {_TOC}


def _made_by_estargz(columns: Columns, place: int) -> bool:
    plain = columns.type[place] == FILE and not columns.mode[place] | columns.uid[place] | columns.gid[place]
    return plain and (columns.path[place] == _TOC or columns.size_bytes[place] == 1)


def _read_marker(layer: Columns, place: int) -> None:
    path = layer.path[place]
    directory, name = posixpath.split(path)
    if not name.startswith(_PREFIX) or is_leftover(path):
        return
    removed = name.removeprefix(_PREFIX)
    if removed in ("", ".", ".."):
        raise InvalidError(
            f"entry {layer.position[place]} of the layer is {printable(path)!r}, a whiteout that names no file; "
            "no layer may have that, so this image cannot be unpacked"
        )
    layer.type[place] = OPAQUE if name == _OPAQUE else WHITEOUT
    layer.path[place] = directory if name == _OPAQUE else posixpath.join(directory, removed)
    layer.size_bytes[place] = 0
    layer.link_target[place] = layer.sha256[place] = layer.offset[place] = None


def is_leftover(path: str) -> bool:
    """Say whether a path belongs to what aufs kept for itself.

    >>> is_leftover(".wh..wh.plnk/17.4242"), is_leftover("srv/.wh..wh.plnk")
    (True, False)
    """
    return path.startswith(_AUFS_PREFIX) and path.partition("/")[0] in _AUFS


def stored_files(columns: Columns) -> Iterator[int]:
    """Give the places of the regular files that a layer stores.

    Leftovers of aufs store nothing. But it kept the content of hard links among them, and there such a link finds it,
    as Docker reads those layers: what is named so counts.
    """
    leftovers = {path for path in columns.path if is_leftover(path)}
    linked = leftovers.intersection(_links(columns)) if leftovers else leftovers
    for place, (path, kind) in enumerate(zip(columns.path, columns.type, strict=True)):
        if kind == FILE and (path not in leftovers or path in linked):
            yield place


def _links(columns: Columns) -> Iterator[str | None]:
    rows = zip(columns.type, columns.link_target, strict=True)
    return (target for kind, target in rows if kind == HARDLINK)
