"""Entries: which image of a file is meant by a name, by a place, or by no name at all, without any I/O of its own.

Sources: OCI image-spec image-layout.md and annotations.md; containers/image for ``@0``. Where a tool would take the
first of several, this asks which one is meant.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

from ocinb._suggestions import near_names, nearest
from ocinb._text import shorten
from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import PLACE
from ocinb.spec.tag_schema import tag_kind

SHOWN_NAMES = 20


@dataclass(frozen=True)
class Entry:
    """An image in a file.

    Attributes
    ----------
    names
        What it is called there.
    describe
        Gives its descriptor. That of a made manifest takes work, which is done for those that are asked for.
    aliases
        What it is called there too, and is found by, but not listed under.
    """

    names: tuple[str, ...]
    describe: Callable[[], Descriptor] = field(repr=False)
    aliases: tuple[str, ...] = ()

    @property
    def is_beside(self) -> bool:
        """Whether it is there for another image's sake, by its name: a list of referrers, or cosign's signature."""
        return bool(self.names) and all(tag_kind(name) != "tag" for name in self.names)


class Entries:
    """The images of a file."""

    def __init__(self, where: str, listed: Sequence[Entry]) -> None:
        self.where = where
        self.listed = tuple(listed)

    @cached_property
    def names(self) -> list[str]:
        """The names that there are, each once."""
        return list(dict.fromkeys(name for entry in self.listed for name in entry.names))

    @cached_property
    def by_digest(self) -> dict[Digest, Descriptor]:
        """All images by their digests, in their order."""
        return _by_digest(self.listed)

    @cached_property
    def beside(self) -> set[Digest]:
        """What is there for another image's sake."""
        return set(_by_digest([entry for entry in self.listed if entry.is_beside]))

    def tagged(self, tag: str) -> list[str]:
        """Give the names that a tag has here: images of several repositories may lie in one layout."""
        return self._by_tag.get(tag, [])

    def choose(self, wanted: str, lone: Callable[[Sequence[Descriptor]], Descriptor | None]) -> Descriptor | None:
        """Find what a name, a place or nothing means; None if nothing has that name.

        Raises
        ------
        NotFoundError
            If there is no such place, or if more than one is meant.
        """
        if PLACE.fullmatch(wanted):
            return self._at(int(wanted[1:]))
        chosen = self._called(wanted) if wanted else self.listed
        distinct = list(_by_digest(chosen).values())
        if len(distinct) > 1 and not wanted:
            only = lone(distinct)
            distinct = distinct if only is None else [only]
        if len(distinct) > 1:
            raise self._ambiguous(wanted, [str(descriptor.digest) for descriptor in distinct])
        return distinct[0] if distinct else None

    def _called(self, wanted: str) -> Sequence[Entry]:
        """Find what has a name; what is only found by it counts where nothing is listed under it."""
        found = self._by_name.get(wanted, [])
        return [entry for entry in found if wanted in entry.names] or found

    def missing(self, wanted: str) -> NotFoundError:
        """Say that a name is not there, and which ones are."""
        if not self.listed:
            return NotFoundError(f"there is no image in {self.where}")
        near = near_names(wanted, self._by_name)
        hint = f"Did you mean {self.where}:{near[0]}?" if near else self.there()
        return NotFoundError(f"there is no image {wanted!r} in {self.where}", hint=hint)

    def there(self) -> str:
        """Say which images there are, and how one is named."""
        images = [(place, entry) for place, entry in enumerate(self.listed) if not entry.is_beside]
        shown = images or list(enumerate(self.listed))
        named = [shorten(entry.names[0], 200) if entry.names else f"@{place}" for place, entry in shown]
        distinct = list(dict.fromkeys(named))
        more = f" and {len(distinct) - SHOWN_NAMES:,} more" if len(distinct) > SHOWN_NAMES else ""
        return f"Name one, {self.where}:NAME; there are: {', '.join(distinct[:SHOWN_NAMES])}{more}"

    @cached_property
    def _by_name(self) -> dict[str, list[Entry]]:
        by_name: dict[str, list[Entry]] = {}
        for entry in self.listed:
            for name in dict.fromkeys((*entry.names, *entry.aliases)):
                by_name.setdefault(name, []).append(entry)
        return by_name

    @cached_property
    def _by_tag(self) -> dict[str, list[str]]:
        by_tag: dict[str, list[str]] = {}
        for name in self._by_name:
            by_tag.setdefault(name.rpartition(":")[2], []).append(name)
        return by_tag

    def _at(self, place: int) -> Descriptor:
        if place >= len(self.listed):
            hint = f"The last one is @{len(self.listed) - 1}" if self.listed else None
            raise NotFoundError(f"there is no image at @{place} in {self.where}", hint=hint)
        return self.listed[place].describe()

    def _ambiguous(self, wanted: str, digests: list[str]) -> NotFoundError:
        if wanted:
            hint = f"Name one by its digest: {', '.join(f'{self.where}@{digest}' for digest in digests[:3])}"
            return NotFoundError(f"{wanted!r} in {self.where} may be any of {len(digests)} images", hint=hint)
        return NotFoundError(f"there are {len(digests)} images in {self.where}", hint=self.there())


def _by_digest(entries: Sequence[Entry]) -> dict[Digest, Descriptor]:
    found: dict[Digest, Descriptor] = {}
    for entry in entries:
        described = entry.describe()
        found.setdefault(described.digest, described)
    return found


# What makes a folder an image layout. Source: OCI image-spec image-layout.md.
MARKER = "oci-layout"
INDEX = "index.json"
COMPARED_NAMES = 1000  # a guess among all that a large folder has would take longer than the answer
# How archives are called.
_PACKED = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.bz2")


def local_path(path: str) -> Path:
    """Say where a path leads that somebody typed, from here or from home.

    Raises
    ------
    NotFoundError
        If the home is not there.
    InvalidError
        If it is none: what follows a NUL would be lost on the way to the system, and it takes no half characters.
    TransportError
        If it begins here, and the folder in which this process is was removed.
    """
    if "\0" in path:
        raise InvalidError(f"{path!r} is no path: it has a NUL in it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidError(f"{path!r} is no path: it has half a character in it") from None
    try:
        return Path(path).expanduser().absolute()
    except FileNotFoundError:
        raise _nowhere(path) from None
    except RuntimeError:  # pathlib's, for a home that is not there
        raise NotFoundError(f"there is no home for {path!r}") from None


def absolute(path: str) -> str:
    """Give the one way to write a path that somebody typed, without ``..`` in it; nothing is looked at.

    Raises
    ------
    TransportError
        If it begins here, and the folder in which this process is was removed.
    """
    try:
        return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - as below
    except FileNotFoundError:
        raise _nowhere(path) from None


def meant_file(name: str) -> str | None:
    """Say how a file is named that somebody may have meant by ``app.tar`` or ``ocidir:images``."""
    for typed in (name, name.partition(":")[2].removeprefix("//")):
        path = os.path.expanduser(typed)  # noqa: PTH111 - as below: whatever people typed, the answer is no error
        if os.path.isfile(os.path.join(path, MARKER)):  # noqa: PTH113, PTH118
            return f"oci:{typed}"
        if typed.endswith(_PACKED) and os.path.isfile(path):  # noqa: PTH113
            return f"docker-archive:{typed} or oci-archive:{typed}"
    return None


def not_there(path: Path, kind: str) -> NotFoundError:
    """Say that nothing is at a path that somebody typed, and what may have been meant."""
    try:
        with os.scandir(path.parent) as listed:
            names = [entry.name for entry in islice(listed, COMPARED_NAMES)]
    except OSError:
        return NotFoundError(f"there is no {kind} {path}", hint=f"There is no folder {path.parent} either")
    near = nearest(path.name, names, cutoff=0.8)
    hint = f"Did you mean {near!r}?" if near else None
    if any(name.startswith(f"{path.name}:") for name in names):
        hint = "A path ends at its first colon; ln -s gives a folder or file another name"
    return NotFoundError(f"there is no {kind} {path}", hint=hint)


def _nowhere(path: str) -> TransportError:
    hint = "os.chdir leads to one that is there"
    return TransportError(f"{path!r} leads nowhere: the folder in which this process is was removed", hint=hint)
