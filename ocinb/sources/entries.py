"""Entries: which image of a file is meant by a name, by a place, or by no name at all, without any I/O of its own.

Sources: OCI image-spec image-layout.md and annotations.md; containers/image for ``@0``. Where a tool would take the
first of several, this asks which one is meant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ocinb._text import shorten
from ocinb.errors import NotFoundError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.nearness import near_names
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
    """The images of a file.

    Parameters
    ----------
    where
        What people call the file, with its transport.
    listed
        The images, in their order.
    """

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

        Parameters
        ----------
        wanted
            A name, ``@0`` for the first image, or "" for the only one.
        lone
            Chooses the only one of several descriptors, if there is one.

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
