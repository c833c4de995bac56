"""Selection: which images of a layout people mean, by a name as it was typed, a digest, or a glob.

A name that nothing has is an error, also among many: what is typed wrong must never take or keep the wrong thing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from ocinb._text import shorten
from ocinb.errors import InvalidError, NotFoundError
from ocinb.spec.nearness import near_names
from ocinb.spec.reference import Reference
from ocinb.storage.index import Entry
from ocinb.storage.survey import Kept

SHOWN_NAMES = 5


def find_images(kept: Sequence[Kept], name: str, where: str) -> set[int]:
    """Find the places of what was pulled under a name, or has a digest.

    Parameters
    ----------
    kept
        The images.
    name
        Its name as it was typed, ``"python:3.12"``; as it stands in the layout; a digest, alone or behind a repository;
        or ``oci:FOLDER:NAME``, if that is this folder.
    where
        The folder, for its error and for such a name.

    Raises
    ------
    NotFoundError
        If nothing has that name, or several images have one that another tool gave them.
    """
    for fits in _ways(name, where):
        found = {place for place, one in enumerate(kept) if fits(one.entry)}
        if found:
            return _checked(kept, found, name, where)
    raise _missing(kept, name, where)


def match_images(kept: Sequence[Kept], patterns: Iterable[str], where: str) -> set[int]:
    """Find the places of what is meant by names or globs.

    Raises
    ------
    NotFoundError
        If one of them fits nothing.
    """
    found: set[int] = set()
    for pattern in patterns:
        globbed = {
            place
            for place, one in enumerate(kept)
            if any(fnmatchcase(name, pattern) for name in (*_names(one.entry), *_short_names(one.entry)))
        }
        # A name may have brackets in it, which a glob reads otherwise: "[::1]:5000/app:1".
        found |= globbed or find_images(kept, pattern, where)
    return found


def _ways(name: str, where: str) -> Iterator[Callable[[Entry], bool]]:
    """Give the readings of a name, the most exact first."""
    yield lambda entry: name in {entry.name, entry.ref_name, entry.part_of}
    yield lambda entry: name == entry.digest  # which would be read as a tag of Docker Hub's "sha256" too
    try:
        reference = Reference(name)
    except InvalidError:
        return
    full = reference.kept_name
    if reference.path is not None:
        if reference.transport != "oci" or _absolute(reference.path) != where:
            return
        full = reference.name or ""
    yield lambda entry: full in {entry.pulled_as, entry.name}
    digest = reference.digest
    if digest is not None:
        yield lambda entry: entry.digest == digest and _is_of(reference, entry)


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


def _checked(kept: Sequence[Kept], found: set[int], name: str, where: str) -> set[int]:
    """Refuse a name that several images have: docker saves ``a:latest`` and ``b:latest`` as two of ``latest``."""
    alone = {kept[place].entry.digest for place in found if kept[place].entry.part_of is None}
    if len(alone) > 1:
        hint = f"Name one by its digest: {', '.join(f'oci:{where}@{digest}' for digest in list(alone)[:3])}"
        raise NotFoundError(f"{name!r} in {where} may be any of {len(alone)} images", hint=hint)
    return found


def _names(entry: Entry) -> list[str]:
    return [name for name in (entry.name, entry.pulled_as, entry.ref_name, entry.digest) if name]


def _short_names(entry: Entry) -> Iterator[str]:
    """Give the names as docker prints them."""
    for name in {entry.name, entry.pulled_as}:
        try:
            yield Reference(name or "").familiar
        except InvalidError:
            continue


def _missing(kept: Sequence[Kept], name: str, where: str) -> NotFoundError:
    names = list(dict.fromkeys(one.entry.pulled_as for one in kept if one.entry.pulled_as))
    if not names:
        return NotFoundError(f"there is no image with a name in {where}")
    near = near_names(name, names)
    shown = near or [shorten(one, 200) for one in names[:SHOWN_NAMES]]
    more = f" and {len(names) - len(shown):,} more" if not near and len(names) > len(shown) else ""
    hint = f"Did you mean {' or '.join(shown)}?" if near else f"There are: {', '.join(shown)}{more}"
    return NotFoundError(f"there is no image {name!r} in {where}", hint=hint)
