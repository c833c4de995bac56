"""A real Debian tree as the layers of images: what dpkg put on this machine, cut into pieces, without a network."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import chain, cycle, repeat
from pathlib import Path

from ocinb.samples.images import Image, Layer, Step, make_image, make_layer, moment
from ocinb.samples.tars import Entry, file, noise, whiteout, with_parents
from tests.real import dpkgfiles

PLATFORM = "linux/amd64"
BUILT_AT = datetime(2025, 2, 3, 9, 12, tzinfo=UTC)
KILOBYTE, MEGABYTE = 10**3, 10**6
# What gzip makes of a megabyte of such files; where it is somewhat else, so are the layers, and the table tells.
GZIP_RATIO = 0.42
ROOM_LEFT = 0.02
ROUNDS = 4
PIECE = 16 * MEGABYTE
RUN = 200


def debian_image(
    gzip_bytes: Sequence[int], *, removed: int = 0, pack: Callable[[Iterable[Entry]], Layer] = make_layer
) -> Image:
    """Build an image out of files of this machine.

    Parameters
    ----------
    gzip_bytes
        About how long each layer is to be, compressed.
    removed
        How many files each layer removes of the one below it.
    pack
        Makes a layer of entries.

    Returns
    -------
    Image
        Large and small files as they are found: each layer is an honest sample of the whole tree. No file is in two
        layers, unless the machine has too few.
    """
    paths = chain.from_iterable(repeat(_shuffled_paths(), ROUNDS))
    layers = []
    markers: list[Entry] = []
    for wanted in gzip_bytes:
        taken = _taken(paths, int(wanted / GZIP_RATIO))
        layers.append(pack(with_parents([*taken, *markers])))
        markers = [whiteout(entry.path) for entry in taken[:removed]]
    return stacked_image(layers)


def debian_layers(gzip_bytes: Iterable[int], *, folder: str = "") -> Iterator[Layer]:
    """Give layers of files of this machine one after the other, about as long as is asked for, each with other files.

    Files that stand together on this machine stand together in a layer, so it has no more directories than it needs.

    Parameters
    ----------
    gzip_bytes
        How long they are to be, compressed; when all files were taken, they come again.
    folder
        Where in the file system of the image they are to stand, with a slash at its end.
    """
    paths = cycle(_shuffled_runs())
    for wanted in gzip_bytes:
        taken = (replace(entry, path=f"{folder}{entry.path}") for entry in _taken(paths, int(wanted / GZIP_RATIO)))
        yield make_layer(with_parents(taken))


def noise_image(layer_bytes: int) -> Image:
    """Build an image of one layer that nothing can compress."""
    pieces = range(0, layer_bytes, PIECE)
    entries = (file(f"srv/{start}", noise(str(start), min(PIECE, layer_bytes - start))) for start in pieces)
    return stacked_image([make_layer(entries, compression="none")])


def layer_bytes(image: Image) -> int:
    """Give how long the layers are together, as they go over the wire."""
    return sum(len(layer.raw) for layer in image.layers)


def stacked_image(layers: Sequence[Layer]) -> Image:
    """Build an image of some layers."""
    steps = [
        Step(f"RUN /bin/sh -c apt-get install -y part-{place} # buildkit", moment(BUILT_AT, place), layer)
        for place, layer in enumerate(layers)
    ]
    return make_image(PLATFORM, steps)


@cache
def _shuffled_paths() -> tuple[str, ...]:
    """Give all paths that dpkg knows, large and small in no order, the same one at every run."""
    return tuple(sorted(_paths(), key=lambda path: hashlib.sha256(os.fsencode(path)).digest()))


@cache
def _shuffled_runs() -> tuple[str, ...]:
    """Give the same paths, some that follow each other at a time."""
    runs = [_paths()[start : start + RUN] for start in range(0, len(_paths()), RUN)]
    shuffled = sorted(runs, key=lambda run: hashlib.sha256(os.fsencode(run[0])).digest())
    return tuple(chain.from_iterable(shuffled))


@cache
def _paths() -> tuple[str, ...]:
    return tuple(dpkgfiles.owned_paths(dpkgfiles.installed()))


def _taken(paths: Iterator[str], wanted: int) -> list[Entry]:
    """Take files until a layer is nearly full; what does not fit in any more is left out."""
    taken: list[Entry] = []
    left = wanted
    while left > wanted * ROOM_LEFT and (path := next(paths, None)) is not None:
        entry = _entry(path, left)
        if entry is not None:
            taken.append(entry)
            left -= len(entry.content)
    return sorted(taken, key=lambda entry: entry.path)


def _entry(path: str, longest: int) -> Entry | None:
    place = Path("/", path)
    found = place.lstat()
    if stat.S_ISLNK(found.st_mode):
        return Entry(path, tarfile.SYMTYPE, mode=0o777, target=str(place.readlink()))
    if not stat.S_ISREG(found.st_mode) or found.st_size > longest or not os.access(place, os.R_OK):
        return None
    return file(path, place.read_bytes(), mode=stat.S_IMODE(found.st_mode))
