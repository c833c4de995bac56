"""Layers at random that umoci can unpack: clashes, markers and links of all kinds, in any order that it bears.

It applies a layer in one go from its first entry to its last. Where the specification gives an order or what comes out
has none, it differs, and those layers are not made:

- A marker is to be applied first, "regardless of the ordering" (layer.md). umoci writes what comes before one through
  the symbolic link that the marker removes; by the specification that link is gone by then. So no entry here goes
  through a symbolic link that a marker of its layer removes.
- Whiteouts "MUST only apply to resources in lower layers". umoci follows the path of a marker through a symbolic link
  that the same layer stores, and removes what is behind it; and before the entry that replaces a link, it follows the
  old one. No layer here stores anything on the way to one of its markers but directories that are there.
- What it refuses: an entry below a file, a hard link to what comes later, was just removed, or is in what the link
  replaces. Every such image is refused as a whole, so there is nothing to compare.
"""

from __future__ import annotations

import random
import tarfile
from collections.abc import Callable, Sequence

from ocinb.archive.entries import DIRECTORY
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.layers import layer_of
from tests.rootfs.reference import Applied, clean, is_in, join

_NAMES = ("a", "b", "c", "d", ".e", "é")
_FILE_MODES = (0o644, 0o600, 0o755, 0o4755, 0o2755, 0o400)
_DIRECTORY_MODES = (0o755, 0o700, 0o1777, 0o2770)


def random_layers(seed: int) -> list[list[Entry]]:
    """Make up some layers."""
    chance = random.Random(seed)
    layers: list[list[Entry]] = []
    for _ in range(chance.randint(2, 5)):
        layers.append(_Layer(chance, layers).entries)
    return layers


class _Layer:
    """One more layer on those below."""

    def __init__(self, chance: random.Random, layers: Sequence[list[Entry]]) -> None:
        self._chance = chance
        self._columns = [layer_of(*entries) for entries in layers]
        self._below = Applied(self._columns)
        self._removed: list[str] = []
        self._emptied: list[str] = []
        self._kept: set[str] = set()
        self._links: set[str] = set()
        markers = [made for made in map(self._marker, range(chance.choice([0, 0, 1, 2, 4]))) if made]
        wanted: list[Entry | None] = [*markers, *([None] * chance.randint(1, 12))]
        if chance.random() < 0.7:
            chance.shuffle(wanted)
        self.entries: list[Entry] = []
        for marker in wanted:
            entry = marker or self._entry()
            if entry is not None:
                self.entries.append(entry)

    def _marker(self, _: int) -> Entry | None:
        """Remove something that is there, rarely something that is not; now and then by a way through a link."""
        below, chance = self._below, self._chance
        path = chance.choice([*below.nodes, self._path()])
        names = clean(path) or []
        if chance.random() < 0.2 and names:
            links = [one for one, node in below.nodes.items() if below.lead([*one.split("/")]) != one]
            names = [*chance.choice(links or [names[0]]).split("/"), chance.choice(_NAMES)]
        is_opaque = chance.random() < 0.4 or not names
        lead = below.lead(names if is_opaque else names[:-1])
        if lead is None:
            return None
        passed = list(below.passed)
        if any(self._goes(link) for link in passed):
            return None
        place = lead if is_opaque else join(lead, names[-1])
        if any(is_in(link, place) and (is_opaque or link != place) for link in self._kept) or place in self._kept:
            return None
        self._kept.update(passed)
        self._links.update(passed)
        self._kept.add(lead)
        (self._emptied if is_opaque else self._removed).append(place)
        path = "/".join(names)
        return opaque(path) if is_opaque else whiteout(path)

    def _goes(self, path: str) -> bool:
        """Say whether a marker of this layer removes what was at a path."""
        return any(is_in(path, one) for one in self._removed) or any(
            is_in(path, one) and path != one for one in self._emptied
        )

    def _entry(self) -> Entry | None:
        now = Applied([*self._columns, layer_of(*self.entries)])
        for _ in range(20):
            entry = self._candidate(now)
            if self._borne(entry, now):
                return entry
        return None

    def _candidate(self, now: Applied) -> Entry:
        chance, path, other = self._chance, self._path(), self._path()
        if chance.random() < 0.5:
            path = chance.choice([*now.nodes])
        if chance.random() < 0.3:
            path = join(chance.choice([one for one, node in now.nodes.items() if node.type != "file"]), path[:1] or "a")
        target = chance.choice([other, f"/{other}", f"../{other}", ".", "..", "/"])
        content = chance.randbytes(chance.choice([0, 1, 7, 600]))
        others = [one for one, node in now.nodes.items() if node.type != DIRECTORY]
        makers: list[tuple[int, Callable[[], Entry]]] = [
            (40, lambda: file(path, content, mode=chance.choice(_FILE_MODES))),
            (20, lambda: directory(path, mode=chance.choice(_DIRECTORY_MODES))),
            (15, lambda: symlink(path, target)),
            (20, lambda: hardlink(path, chance.choice([*others, other]))),
            (5, lambda: Entry(path, tarfile.FIFOTYPE, mode=0o640)),
        ]
        return chance.choices([make for _, make in makers], [weight for weight, _ in makers])[0]()

    def _borne(self, entry: Entry, now: Applied) -> bool:
        """Say whether umoci unpacks that here, and as the specification has it."""
        names = clean(entry.path)
        if not names:
            return entry.type == tarfile.DIRTYPE
        lead = now.lead(names[:-1])
        if lead is None or any(self._goes(link) for link in now.passed) or not _is_free(now, lead):
            return False
        self._below.lead(names[:-1])
        if any(self._goes(link) for link in self._below.passed):
            return False
        place = join(lead, names[-1])
        if any(is_in(kept, place) for kept in self._kept) and entry.type != tarfile.DIRTYPE:
            return False
        if place in self._links or (place in self._kept and not _is_directory(now, place)):
            return False
        return entry.type != tarfile.LNKTYPE or self._is_linkable(entry.target, place, now)

    def _is_linkable(self, target: str, place: str, now: Applied) -> bool:
        names = clean(target)
        lead = now.lead(names[:-1]) if names else None
        if not names or lead is None or any(self._goes(link) or is_in(link, place) for link in now.passed):
            return False
        return now.linked(target, {}) is not None and not is_in(join(lead, names[-1]), place)

    def _path(self) -> str:
        return "/".join(
            self._chance.choice(_NAMES[: self._chance.choice([2, 4, 6])]) for _ in range(self._chance.randint(1, 3))
        )


def _is_free(now: Applied, lead: str) -> bool:
    """Say whether a directory is there or can be made."""
    parts = lead.split("/")
    parents = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    return all(parent not in now.nodes or _is_directory(now, parent) for parent in parents)


def _is_directory(now: Applied, path: str) -> bool:
    return path in now.nodes and now.nodes[path].type == DIRECTORY
