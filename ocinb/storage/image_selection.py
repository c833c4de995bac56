"""Selection: which images of a layout people mean, by a name as it was typed, a digest, or a glob.

A name that nothing has is an error, also among many: what is typed wrong must never take or keep the wrong thing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import translate
from functools import cached_property

from ocinb._suggestions import near_names
from ocinb._text import shorten
from ocinb.errors import InvalidError, NotFoundError
from ocinb.spec.reference import Reference
from ocinb.spec.tag_schema import tag_kind
from ocinb.storage.index_file import Entry
from ocinb.storage.usage import Kept

SHOWN_NAMES = 5
GLOB_SIGNS = "*?["

Places = dict[str, set[int]]


class Selection:
    """The images of a layout, found at once by what they are called."""

    def __init__(self, kept: Sequence[Kept], where: str) -> None:
        self._entries = [one.entry for one in kept]
        self._where = where
        self._by_name = _places((entry.name, entry.ref_name, entry.part_of) for entry in self._entries)
        self._by_digest = _places((entry.digest,) for entry in self._entries)
        self._as_pulled = _places((entry.pulled_as, entry.name) for entry in self._entries)

    def find(self, name: str) -> set[int]:
        """Find the places of what was pulled under a name, or has a digest.

        Raises
        ------
        NotFoundError
            If nothing has that name, or several images have one that another tool gave them.
        """
        for found in self._readings(name):
            if found:
                return self._checked(found, name)
        raise self._missing(name)

    def match(self, pattern: str) -> set[int]:
        """Find the places of what is meant by a name or a glob.

        Raises
        ------
        NotFoundError
            If it fits nothing.
        """
        # A name may have brackets in it, which a glob reads otherwise: "[::1]:5000/app:1".
        return self._globbed(pattern) or self.find(pattern)

    def _readings(self, name: str) -> Iterator[set[int]]:
        """Give what is meant by each reading of a name, the most exact first."""
        yield self._by_name.get(name, set())
        yield self._by_digest.get(name, set())  # which would be read as a tag of Docker Hub's "sha256" too
        try:
            reference = Reference(name)
        except InvalidError:
            return
        full = reference.kept_name
        if reference.path is not None:
            if reference.transport != "oci" or _absolute(reference.path) != self._where:
                return
            full = reference.name or ""
        yield self._as_pulled.get(full, set())
        if reference.digest is not None:
            places = self._by_digest.get(reference.digest, set())
            yield {place for place in places if _is_of(reference, self._entries[place])}

    def _globbed(self, pattern: str) -> set[int]:
        if not any(sign in pattern for sign in GLOB_SIGNS):
            return set(self._shown.get(pattern, ()))
        fits = re.compile(translate(pattern)).match
        return set().union(*(places for name, places in self._shown.items() if fits(name)))

    @cached_property
    def _shown(self) -> Places:
        """All names, and how docker prints them: what people see, and so what a glob is meant for."""
        return _places(
            (entry.ref_name, entry.digest, *names, *map(_short_name, names))
            for entry in self._entries
            for names in [{entry.name, entry.pulled_as}]
        )

    def _checked(self, found: set[int], name: str) -> set[int]:
        """Refuse a name that several images have: docker saves ``a:latest`` and ``b:latest`` as two of ``latest``."""
        alone = self._alone(found)
        if len(alone) > 1:
            hint = f"Name one by its digest: {', '.join(alone[:SHOWN_NAMES])}"
            raise NotFoundError(f"{name!r} in {self._where} may be any of {len(alone)} images", hint=hint)
        return found

    def _alone(self, places: Iterable[int]) -> list[str]:
        """Give the digests of the images that are called so by themselves, in the order of the index."""
        entries = [self._entries[place] for place in sorted(places)]
        return list(dict.fromkeys(str(entry.digest) for entry in entries if entry.part_of is None))

    def _missing(self, name: str) -> NotFoundError:
        if not self._entries:
            return NotFoundError(f"there is no image in {self._where}")
        near = [told for found in self._near(name) for told in self._told(found)]
        hint = f"Did you mean {' or '.join(near)}?" if near else self._what_there_is()
        what = repr(name) if any(entry.name for entry in self._entries) else "with a name"
        return NotFoundError(f"there is no image {what} in {self._where}", hint=hint)

    def _near(self, name: str) -> list[str]:
        parts = sorted({entry.name for entry in self._entries if entry.part_of and entry.name})
        found = near_names(name, _neighbours_first(self._names, name)) or near_names(name, parts)
        if found or not any(sign in name for sign in GLOB_SIGNS):
            return found
        literal = max(re.split(r"[][*?]+", name), key=len).strip(":@/")
        repositories = _neighbours_first(map(_repository, self._names), literal)
        return [f"{repository}:*" for repository in near_names(literal, repositories)]

    def _what_there_is(self) -> str:
        nameless = [str(entry.digest) for entry in self._entries if entry.pulled_as is None and entry.digest]
        told = [*(told for name in self._names for told in self._told(name)), *dict.fromkeys(nameless)]
        shown = [shorten(one, 200) for one in told[:SHOWN_NAMES]]
        more = f" and {len(told) - len(shown):,} more" if len(told) > len(shown) else ""
        return f"There are: {', '.join(shown)}{more}"

    def _told(self, name: str) -> list[str]:
        """Say how an image is asked for: by its name, or by its digest if others have that name too."""
        alone = self._alone(self._by_name.get(name, ()))
        return [f"{digest} ({name})" for digest in alone] if len(alone) > 1 else [name]

    @cached_property
    def _names(self) -> list[str]:
        """What people call the images, in the order of the alphabet; what came along has names for tools."""
        names = {entry.pulled_as: entry.subject is None for entry in self._entries if entry.pulled_as}
        own = [name for name, is_own in names.items() if is_own and tag_kind(name) == "tag"]
        return sorted(own or names)


def _places(names: Iterable[Iterable[str | None]]) -> Places:
    found: Places = {}
    for place, some in enumerate(names):
        for name in some:
            if name is not None:
                found.setdefault(name, set()).add(place)
    return found


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - these raise nothing, whatever is typed


def _is_of(reference: Reference, entry: Entry) -> bool:
    """Say whether an entry is called after the repository, and the tag, that a reference by digest has."""
    if reference.path is not None:
        return reference.name in {None, entry.name}
    try:
        named = Reference(entry.pulled_as or "")
    except InvalidError:
        return False
    same = (named.registry, named.repository) == (reference.registry, reference.repository)
    return same and reference.tag in {None, named.tag}


def _neighbours_first(names: Iterable[str], name: str) -> list[str]:
    """Put those first that are of the same registry and organization: of two that end alike they are meant."""
    return sorted(dict.fromkeys(names), key=lambda one: one.rpartition("/")[0] != name.rpartition("/")[0])


def _repository(name: str) -> str:
    """Cut a tag or a digest off a name; the colon before a port stays.

    >>> _repository("localhost:5000/app:1"), _repository("localhost:5000/app@sha256:00")
    ('localhost:5000/app', 'localhost:5000/app')
    """
    host, slash, end = name.rpartition("/")
    return f"{host}{slash}{re.split('[:@]', end)[0]}"


def _short_name(name: str | None) -> str | None:
    """Give a name as docker prints it."""
    try:
        return Reference(name or "").familiar
    except InvalidError:
        return None
