"""Stacks of layers that show how dive counts: some with its figures written down, and any number at random."""

from __future__ import annotations

import math
import posixpath
import random
import tarfile
from collections.abc import Sequence

from ocinb.archive.entries import DIRECTORY, FIFO, FILE, HARDLINK, OPAQUE, SYMLINK, WHITEOUT, Columns
from ocinb.rootfs.dive import DiveFigures
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout

Stack = Sequence[Sequence[Entry]]
_TYPES = {
    tarfile.REGTYPE: FILE,
    tarfile.DIRTYPE: DIRECTORY,
    tarfile.SYMTYPE: SYMLINK,
    tarfile.LNKTYPE: HARDLINK,
    tarfile.FIFOTYPE: FIFO,
}
_NAMES = ("a", "b", "-c", ".x", ".a", "é", "wh", "0")
_SIZES = (0, 1, 7, 100, 1000, 12345)


def of(path: str, size: int) -> Entry:
    """Describe a file by its size."""
    return file(path, bytes(size))


# What dive says of each was read from dive; the tests beside real programs ask it again.
KNOWN: dict[str, tuple[Stack, DiveFigures]] = {
    "no layer": ([], DiveFigures(1.0, 0, None)),
    "an empty layer": ([[]], DiveFigures(1.0, 0, None)),
    "one layer": ([[of("a", 10), of("b", 20)]], DiveFigures(1.0, 0, None)),
    "an entry for the root": ([[directory("."), of("a", 10)], [directory("./")]], DiveFigures(1.0, 0, None)),
    "a file that is written anew": ([[of("a", 10)], [of("a", 30)]], DiveFigures(10 / 40, 40, 40 / 30)),
    "a file that is removed": ([[of("a", 10), of("b", 30)], [whiteout("a")]], DiveFigures(30 / 40, 10, math.inf)),
    "a file that is removed and comes again": (
        [[of("a", 10)], [whiteout("a")], [of("a", 10)]],
        DiveFigures(0.0, 20, 20 / 10),
    ),
    "an empty file in two layers": ([[of("a", 0)], [of("a", 0)]], DiveFigures(1.0, 0, None)),
    "a directory that is removed": (
        [[directory("d"), of("d/a", 10), of("d/b", 5)], [whiteout("d"), of("c", 7)]],
        DiveFigures(1.0, 0, 0.0),
    ),
    "a directory that is removed, beside waste": (
        [[directory("d"), of("d/a", 100), of("b", 10)], [whiteout("d"), of("b", 10)]],
        DiveFigures(210 / 220, 20, 20 / 10),
    ),
    "a directory that is removed and was no entry": (
        [[of("d/a", 100), of("b", 10)], [whiteout("d"), of("b", 10)]],
        DiveFigures(110 / 120, 20, 20 / 10),
    ),
    "a directory that is removed, and its last layer had it as no entry": (
        [[directory("d"), of("d/a", 100), of("b", 10)], [of("d/c", 1)], [whiteout("d"), of("b", 10)]],
        DiveFigures(111 / 121, 20, 20 / 11),
    ),
    "directories that are removed with one in them": (
        [[directory("d"), directory("d/e"), of("d/e/a", 10)], [whiteout("d"), whiteout("d/e"), of("c", 1)]],
        DiveFigures(1.0, 0, 0.0),
    ),
    "a directory that was empty and is removed": (
        [[directory("d"), of("a", 10)], [of("d/b", 5), directory("d")], [whiteout("d"), of("a", 10)]],
        DiveFigures((10 + 5 + 0) / (20 + 5 + 5), 20 + 5, 25 / 15),
    ),
    "an opaque directory": (
        [[directory("d"), of("d/a", 10)], [directory("d"), opaque("d"), of("d/b", 5)]],
        DiveFigures(1.0, 0, 0.0),
    ),
    "an opaque directory where a file was": (
        [[of("d", 10), of("a", 10)], [opaque("d")]],
        DiveFigures(0.5, 10, math.inf),
    ),
    "a directory that becomes a file": (
        [[directory("d"), of("d/a", 10)], [of("d", 5)]],
        DiveFigures(1.0, 0, 0.0),
    ),
    "a directory that becomes a file and is removed": (
        [[directory("d"), of("d/a", 10)], [of("d", 5)], [whiteout("d"), of("c", 5)]],
        DiveFigures(15 / 20, 5, 5 / 10),
    ),
    "a file that becomes a directory": (
        [[of("d", 10), of("a", 1)], [directory("d"), of("d/b", 5)], [directory("d")]],
        DiveFigures(6 / 16, 10, 10 / 5),
    ),
    "hard and symbolic links": (
        [[of("a", 10), hardlink("b", "a"), symlink("c", "a")], [hardlink("b", "a"), of("c", 3)]],
        DiveFigures(10 / 13, 3, 3 / 3),
    ),
    "a file twice in a layer": ([[of("a", 1)], [of("a", 50), of("a", 5)]], DiveFigures(1 / 6, 6, 6 / 55)),
    "a whiteout of nothing": (
        [[of("a", 10), of("c", 10)], [of("a", 10), whiteout("b"), of("c", 10)]],
        DiveFigures((10 + 10 - 1) / 20, 0, 0.0),
    ),
    "a whiteout of nothing after a file": (
        [[of("0", 10), of("c", 10)], [of("+", 10), of("0", 10), whiteout("b"), of("c", 10)]],
        DiveFigures((10 + 10 + 10 - 1) / 30, 0, 0.0),
    ),
    "a whiteout of nothing that was met before": (
        [[of("d/a", 10)], [whiteout("d/a")], [whiteout("d/a"), of("e", 10)]],
        DiveFigures(0.0, 10, 10 / 10),
    ),
    "a whiteout of what its own layer has": (
        [[of("a", 10)], [whiteout("b"), of("b", 10), of("c", 3)]],
        DiveFigures((10 - 1) / 10, 0, 0.0),
    ),
    "whiteouts in the base layer": (
        [[directory("d"), of("d/a", 10), whiteout("d"), of("e", 10), whiteout("e")], [of("c", 1), whiteout("e")]],
        DiveFigures((10 + 10 + 0 + 1) / (10 + 10 + 10 + 1), 10, 10 / 1),
    ),
    "leftovers of aufs": (
        [
            [directory(".wh..wh.plnk"), of(".wh..wh.plnk/1.2", 10), of(".wh..wh.aufs", 0), of("a", 1)],
            [of("+", 3), of(".wh..wh.plnk/1.2", 10), of("a", 1), directory(".wh..wh.orph")],
        ],
        DiveFigures((3 - 2) / 3, 0, 0.0),
    ),
    "markers of markers": (
        [[of("a", 10), of("d/b", 1)], [of("a/.wh..wh.b", 0)], [opaque("d"), of("d/.wh..wh..x/y", 5), of("c", 1)]],
        DiveFigures((12 - 1) / 12, 0, 0.0),
    ),
    "dots": ([[of("a/../b", 10), of("a/./c//d", 1), of("../e", 2)], [of("b", 10)]], DiveFigures(13 / 23, 20, 2.0)),
}


def random_stack(seed: int) -> Stack:
    """Make up layers in which most that is removed was there, and much is odd."""
    chance = random.Random(seed)
    layers = [[_entry(chance) for _ in range(chance.randint(0, 12))] for _ in range(chance.randint(1, 5))]
    known: list[str] = []
    for layer in layers:
        if known and chance.random() < 0.6:
            removed = chance.sample(known, min(len(known), chance.randint(1, 3)))
            if chance.random() < 0.5:
                layer[:] = [entry for entry in layer if not _is_marker(entry.path)]
            layer.extend(map(whiteout, removed))
        known += [entry.path for entry in layer if not _is_marker(entry.path) and ".." not in entry.path]
    return layers


def _entry(chance: random.Random) -> Entry:
    path, other = _path(chance), _path(chance)
    makers = (
        (45, of(path, chance.choice(_SIZES))),
        (15, directory(path)),
        (20, whiteout(path)),
        (5, opaque(path)),
        (5, symlink(path, other)),
        (5, hardlink(path, other)),
        (2, Entry(path, tarfile.FIFOTYPE)),
        (3, of(f"{path}/{chance.choice(['..', '.', '.wh.a'])}/{other}", 50)),
    )
    return chance.choices([entry for _, entry in makers], [weight for weight, _ in makers])[0]


def _path(chance: random.Random) -> str:
    return "/".join(chance.choice(_NAMES[: chance.choice([2, 3, 8])]) for _ in range(chance.randint(1, 3)))


def _is_marker(path: str) -> bool:
    return posixpath.basename(path).startswith(".wh.")


def columns(entries: Sequence[Entry]) -> Columns:
    """Give the columns of a layer as far as dive's figures hang on them."""
    found = Columns()
    for entry in entries:
        folder, name = posixpath.split(entry.path)
        if name == ".wh..wh..opq":
            found.extend(_row(folder, OPAQUE, 0))
        elif name.startswith(".wh.") and (folder or not name.startswith(".wh..wh.")):  # leftovers of aufs are rows
            found.extend(_row(posixpath.join(folder, name.removeprefix(".wh.")), WHITEOUT, 0))
        else:
            path = entry.path.removeprefix("./").removesuffix("/")
            found.extend(_row("" if path == "." else path, _TYPES[entry.type], len(entry.content)))
    return found


def _row(path: str, kind: str, size: int) -> Columns:
    return Columns([0], [path], [kind], [size], [0], [0], [0], [None], [None], [None], [None])
