"""Walk: where a path leads in the final file system of an image, through the links in it and never out of it.

Source: path_resolution(7) of Linux, for a process whose root is that of the image.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice

from ocinb._suggestions import nearest
from ocinb.archive.entries import DIRECTORY, SYMLINK, Columns
from ocinb.errors import InvalidError, NotFoundError
from ocinb.rootfs.filesystem import Overlay

# As Linux: more links than this are a loop, and no path may be longer.
MAX_LINKS = 40
MAX_PATH_CHARACTERS = 4096

# A guess among all the names of a large directory, or among names of megabytes, would take longer than the answer.
_COMPARED_NAMES = 1000
_COMPARED_CHARACTERS = 100
_SHOWN_PATHS = 3
_AFTER_SLASH = chr(ord("/") + 1)


def plain_path(path: str) -> str:
    """Write a path as those in a file system are; one that leads up stays as it is, for links may be on its way.

    >>> plain_path("/etc//./passwd"), plain_path("/lib/../etc")
    ('etc/passwd', '/lib/../etc')
    """
    return path if ".." in path.split("/") else posixpath.normpath(f"/{path}").lstrip("/")


def ends_as_directory(path: str) -> bool:
    """Say whether a path can only be that of a directory, by its end.

    >>> ends_as_directory("etc/"), ends_as_directory("etc/."), ends_as_directory("etc")
    (True, True, False)
    """
    return path.rpartition("/")[2] in ("", ".")


class Tree:
    """A final file system, to look up paths in."""

    def __init__(self, layers: Sequence[Columns], overlay: Overlay) -> None:
        self._layers = layers
        self._overlay = overlay
        self._paths = overlay.paths

    def lead(self, path: str) -> int:
        """Say which path one leads to, by its place in the overlay."""
        place = self._find(plain_path(path))  # whatever stands in the file system has no link above it
        if place is not None and self.kind(place) != SYMLINK and not ends_as_directory(path):
            return place
        reached = self._walk(path)
        place = self._find(reached)
        if place is None:
            # Of which no layer says anything but what is in it.
            hint = "ocinb.filesystem lists what is in it"
            raise InvalidError(f"{path!r} is a directory, which has no content to read", hint=hint)
        return place

    def kind(self, place: int) -> str:
        """Say what stands at a place of the overlay."""
        layer, at = self._overlay.contents[place]
        return self._layers[layer].type[at]

    def _walk(self, path: str) -> str:
        todo, at, links = path.split("/")[::-1], "", 0
        if len(path) > MAX_PATH_CHARACTERS:
            raise NotFoundError(f"no path has {len(path):,} characters; no more than {MAX_PATH_CHARACTERS:,} are read")
        while todo:
            part = todo.pop()
            if part == "..":
                at = at.rpartition("/")[0]  # from the root it leads to the root
            if part in ("", ".", ".."):
                continue
            here = f"{at}/{part}" if at else part
            target = self._target(here, path, todo)
            if target is None:
                if todo:  # also for what ends in a slash
                    self._check_directory(here, path)
                at = here
                continue
            links += 1
            if links > MAX_LINKS:
                raise InvalidError(f"{path!r} leads through more than {MAX_LINKS} links, as if they went in a circle")
            at = "" if target.startswith("/") else at
            todo += target.split("/")[::-1]
        return at

    def _target(self, here: str, path: str, rest: Sequence[str]) -> str | None:
        """Give what a symbolic link names; None if it is none."""
        place = self._find(here)
        if place is None and not self._has_below(here):
            raise self._not_there(here, path, rest)
        if place is None or self.kind(place) != SYMLINK:
            return None
        layer, at = self._overlay.contents[place]
        target = self._layers[layer].link_target[at] or ""
        if not 0 < len(target) <= MAX_PATH_CHARACTERS:
            raise NotFoundError(f"{path!r} leads to {here!r}, a symbolic link to {len(target):,} characters")
        return target

    def _check_directory(self, here: str, path: str) -> None:
        place = self._find(here)
        if place is not None and self.kind(place) != DIRECTORY:
            hint = f"{here!r} has the type {self.kind(place)}"
            raise NotFoundError(f"{path!r} leads through {here!r}, which is no directory", hint=hint)

    def _not_there(self, here: str, path: str, rest: Sequence[str]) -> NotFoundError:
        near = list(dict.fromkeys([*self._like(here), *self._elsewhere(here)]))[:_SHOWN_PATHS]
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else None
        end = "/".join([here, *(name for name in reversed(rest) if name not in ("", "."))])
        said = [] if end == plain_path(path) else [f"it leads to {end!r}"]
        said += [] if here == end else [f"not even {here!r} is there"]
        through = f": {', and '.join(said)}" if said else ""
        return NotFoundError(f"there is no {path!r} in the final file system{through}", hint=hint)

    def _like(self, here: str) -> list[str]:
        """Find a name in the same directory that somebody may have meant."""
        parent, _, name = here.rpartition("/")
        above = f"{parent}/" if parent else ""
        names = islice(self._names_in(above), _COMPARED_NAMES)
        near = nearest(name[:_COMPARED_CHARACTERS], (one for one in names if len(one) <= _COMPARED_CHARACTERS))
        return [f"{above}{near}"] if near else []

    def _elsewhere(self, here: str) -> Iterator[str]:
        """Find what has the same name in other directories."""
        end = f"/{posixpath.basename(here)}"
        return islice((path for path in self._paths if path.endswith(end)), _SHOWN_PATHS)

    def _names_in(self, above: str) -> Iterator[str]:
        """Give the names in a directory, each once, without looking at all that is below them."""
        place = bisect_left(self._paths, above)
        while place < len(self._paths) and self._paths[place].startswith(above):
            name, slash, _ = self._paths[place][len(above) :].partition("/")
            if name:
                yield name
            place = bisect_left(self._paths, f"{above}{name}{_AFTER_SLASH}") if slash else place + 1

    def _find(self, path: str) -> int | None:
        place = bisect_left(self._paths, path)
        return place if self._paths[place : place + 1] == [path] else None

    def _has_below(self, path: str) -> bool:
        place = bisect_left(self._paths, f"{path}/")
        return place < len(self._paths) and self._paths[place].startswith(f"{path}/")
