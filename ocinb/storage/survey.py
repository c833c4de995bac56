"""Survey: the images that are named in a layout, with all that each needs, and what goes if some of them go.

Only `survey` reads; all else decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.reference import is_full_name
from ocinb.storage.index import Entry
from ocinb.storage.layout import Layout
from ocinb.storage.needs import Documents, Limits, Need, need_of


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that is named in a layout, and what it needs; None if its digest is none that is known here."""

    entry: Entry
    need: Need | None

    @property
    def digests(self) -> frozenset[Digest]:
        """All that it is known to need."""
        return frozenset() if self.need is None else self.need.digests

    @property
    def subject(self) -> Digest | None:
        """What it speaks about: an image that it goes with."""
        return self.entry.subject or (None if self.need is None else self.need.subject)


def survey(layout: Layout, limits: Limits) -> list[Kept]:
    """Read what all entries of a layout need.

    Raises
    ------
    InvalidError
        If there is an ``index.json`` that is no index, or one that is larger than a limit.
    """
    index, documents = layout.root / "index.json", Documents(layout.blobs, limits)
    size = index.stat().st_size if index.is_file() else 0
    if size > limits.index:
        raise InvalidError(f"{index} has {size:,} bytes, more than max_list_bytes = {limits.index:,}")
    return [Kept(entry, need_of(entry, documents)) for entry in layout.entries()]


def needed_by(kept: Sequence[Kept]) -> frozenset[Digest]:
    """Give all that some images need.

    Raises
    ------
    IntegrityError
        If one of their documents is damaged, or cannot be read: it may need anything.
    """
    for one in kept:
        if one.need is None or one.need.unknown:
            raise _unknown(one)
    return frozenset(digest for one in kept for digest in one.digests)


class Shares:
    """How many images need each blob, while some of the images go.

    Parameters
    ----------
    kept
        The images.

    Attributes
    ----------
    gone
        The places of those that went.
    """

    def __init__(self, kept: Sequence[Kept]) -> None:
        self.gone: set[int] = set()
        self._digests = [one.digests for one in kept]
        self._needs = Counter(digest for digests in self._digests for digest in digests)
        self._followers: dict[Digest, list[int]] = {}
        for place, one in enumerate(kept):
            if one.subject is not None:
                self._followers.setdefault(one.subject, []).append(place)
        # What came along with something that is not here any more.
        self.orphans = {
            place for place, one in enumerate(kept) if one.entry.subject and not self._needs[one.entry.subject]
        }

    def take(self, places: Iterable[int]) -> set[Digest]:
        """Let some images go, with what speaks about them alone, and say which blobs nothing needs any more."""
        todo, lost = list(places), set()
        while todo:
            place = todo.pop()
            if place in self.gone:
                continue
            self.gone.add(place)
            for digest in self._digests[place]:
                self._needs[digest] -= 1
                if not self._needs[digest]:
                    lost.add(digest)
                    todo += self._followers.get(digest, ())
        return lost

    def try_taking(self, places: Iterable[int]) -> set[Digest]:
        """Say which blobs nothing would need any more if some images went."""
        before = set(self.gone)
        lost = self.take(places)
        for place in self.gone - before:
            self._needs.update(self._digests[place])
        self.gone = before
        return lost


def _unknown(one: Kept) -> IntegrityError | InvalidError:
    entry, said = one.entry, one.entry.raw.get("digest")
    name = entry.pulled_as or said
    if one.need is None:
        hint = "Remove it by the tool that wrote it"
        why = f"the layout names {name!r} by the digest {said!r}, which ocinb cannot follow"
        return InvalidError(f"nothing can be removed, since {why}: any blob may be a part of it", hint=hint)
    digest, unread = next(iter(one.need.unknown.items()))
    why = f"{name!r} stays and its document {digest}, which names its blobs, cannot be used: {unread.reason}"
    return IntegrityError(f"nothing can be removed, since {why}", hint=_way_out(entry))


def _way_out(entry: Entry) -> str:
    if entry.subject is not None:
        return f"Pull again with referrers=True what it came along with, or remove {entry.name} too"
    if entry.pulled_as and is_full_name(entry.pulled_as):
        return f"Pull {entry.pulled_as} again as it was pulled, which mends it, or remove it too"
    return f"Write it again by the tool that wrote it, or remove {entry.pulled_as or entry.digest} too"
