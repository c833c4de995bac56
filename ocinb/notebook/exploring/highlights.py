"""Highlights: what of an image is said where it cannot be explored, the same in a summary and in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import Final

import numpy as np

from ocinb._text import counted, human_size
from ocinb.notebook.exploring.image import ExploredImage, Wasted
from ocinb.notebook.exploring.views import Sums, View

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
