"""Naming: how the entries of a layout's index change when something was pulled, without any I/O.

A name stands once, for what was pulled last. Of several images of one name each has an entry of its own, since umoci
looks behind no index; these go when the name no longer leads to them. What bears a name by itself, also if another tool
gave it, is never taken for one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage.index_file import OUT_OF, OWN_NAME, PART_OF, REF_NAME, SUBJECT, Entry, Register, is_ref_name, suffix
from ocinb.storage.reachability import Need


@dataclass(frozen=True, slots=True)
class Companion:
    """What lists the referrers of a manifest, or signs it in cosign's way, and came along with it.

    ``tag`` is what it is called in the repository of the manifest.
    """

    tag: str
    descriptor: Descriptor
    subject: Digest


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a name stands for in a layout, once it was pulled.

    Attributes
    ----------
    main
        What bears the name itself: an image, or an index. None if several images came without their index.
    repository
        Where it is from: what can have no other name is called ``repository@digest``.
    parts
        Images that have a name of their own beside it, ``…:3.12-arm64``.
    behind
        All that the name leads to now.
    out_of
        The index that the images were chosen out of, if that has to stay.
    companions
        What came along.
    asked
        The manifests of which all companions are told; what else there was of them is gone.
    """

    main: Descriptor | None
    repository: str = ""
    parts: tuple[Descriptor, ...] = ()
    behind: frozenset[Digest] = frozenset()
    out_of: Digest | None = None
    companions: tuple[Companion, ...] = ()
    asked: frozenset[Digest] = frozenset()


def named_anew(entries: Sequence[Entry], names: Mapping[str, Pulled | Descriptor]) -> list[Entry]:
    """Give the entries that an index has when some names stand for what was pulled."""
    register = Register(entries)
    for name, pulled in names.items():
        _name(register, name, pulled if isinstance(pulled, Pulled) else Pulled(pulled))
    return _told_apart(register.entries)


def without_orphans(entries: Sequence[Entry], need_of: Callable[[Entry], Need | None]) -> list[Entry]:
    """Leave out what came along with something that no other entry needs any more; nothing if nobody can tell."""
    waiting = {entry.subject for entry in entries} - {None}
    subjects: set[Digest | None] = {None}  # what needs no other to stay
    while waiting and subjects:
        needs = [need_of(entry) for entry in entries if entry.subject in subjects]
        if any(need is None or need.unknown for need in needs):
            return list(entries)
        subjects = waiting & {digest for need in needs if need for digest in need.digests}
        waiting -= subjects
    return [entry for entry in entries if entry.subject not in waiting]


def _name(register: Register, name: str, pulled: Pulled) -> None:
    _move_away(register, name, pulled.repository)
    before = register.pulled_as(name)
    fresh: dict[str, Entry] = {}
    if pulled.main is not None:
        fresh[name] = _bare(pulled.main, _out_of(pulled.main.digest, before, pulled)).noted(_name_notes(name))
    else:  # it goes on standing for what it stood for, if it leads there still
        fresh.update((name, entry) for entry in before if entry.name == name and entry.digest in pulled.behind)
    for part in _parts(before, fresh.get(name), pulled):
        for called in (f"{name}{suffix(part.platform)}", f"{pulled.repository}@{part.digest}"):
            if called not in {name, *fresh} and all(entry.part_of == name for entry in register.called(called)):
                fresh[called] = part.noted({**_name_notes(called), PART_OF: f"{name}@{part.digest}"})
                break
        else:  # another name has it by this very digest
            _share(register, f"{pulled.repository}@{part.digest}")
    fresh |= _companions(register, pulled)
    companions = [entry for subject in pulled.asked for entry in register.about(subject)]
    for entry in (*before, *(one for one in companions if _is_from(one, pulled.repository))):
        if entry.name not in fresh:
            register.drop(entry)
    for called, entry in fresh.items():
        register.put(called, entry)


def _move_away(register: Register, name: str, repository: str) -> None:
    """Name parts of other names by their digest if they are called as what was pulled is."""
    for entry in register.called(name):
        if entry.part_of in {None, name}:
            continue
        by_digest = f"{repository}@{entry.digest}"
        register.drop(entry)
        if register.called(by_digest):
            _share(register, by_digest)
        else:
            register.put(by_digest, entry.noted(_name_notes(by_digest)))


def _share(register: Register, by_digest: str) -> None:
    """Let an image that is a part of two names stand for itself: what one of them loses the other one may need."""
    for entry in register.called(by_digest):
        register.put(by_digest, entry.noted({PART_OF: None}))


def _parts(before: Sequence[Entry], main: Entry | None, pulled: Pulled) -> Iterator[Entry]:
    """Give the images that have names of their own: those that came now, then those that came before and remain.

    So does the one that bore the name until now, if the name leads to it still: nobody asked to lose it.
    """
    for part in pulled.parts:
        yield _bare(part, _out_of(part.digest, before, pulled))
    known = {part.digest for part in pulled.parts} | ({main.digest} if main else set())
    for entry in before:
        if entry.digest in pulled.behind - known and entry.platform is not None:
            known.add(entry.digest)
            yield Entry({key: value for key, value in entry.raw.items() if key != "annotations"}).noted(
                {OUT_OF: entry.out_of}
            )


def _companions(register: Register, pulled: Pulled) -> dict[str, Entry]:
    """Give what came along its names; what was pulled under such a name for its own sake is none of it."""
    fresh = {}
    for one in pulled.companions:
        name = f"{pulled.repository}:{one.tag}"
        mark = None if any(entry.subject is None for entry in register.called(name)) else one.subject
        fresh[name] = _bare(one.descriptor, None).noted({**_name_notes(name), SUBJECT: mark})
    return fresh


def _is_from(entry: Entry, repository: str) -> bool:
    return (entry.name or "").rpartition(":")[0] == repository


def _out_of(digest: Digest, before: Sequence[Entry], pulled: Pulled) -> Digest | None:
    """Keep the index that an image was chosen out of, for the sake of the referrers that came along once."""
    known = [entry.out_of for entry in before if entry.digest == digest and entry.out_of]
    return pulled.out_of or (known[0] if known else None)


def _told_apart(entries: Sequence[Entry]) -> list[Entry]:
    """Give other tools the digest for what they cannot name as we do, once: two of one name are ambiguous to umoci."""
    taken = {entry.ref_name for entry in entries if not entry.has_own_name}
    told = []
    for entry in entries:
        if entry.has_own_name:
            told.append(entry.noted({REF_NAME: None if entry.digest in taken else entry.digest}))
            taken.add(entry.digest)
        else:
            told.append(entry)
    return told


def _name_notes(name: str) -> dict[str, str | None]:
    return {REF_NAME: name, OWN_NAME: None} if is_ref_name(name) else {REF_NAME: None, OWN_NAME: name}


def _bare(descriptor: Descriptor, out_of: Digest | None) -> Entry:
    raw: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if descriptor.platform is not None:
        raw["platform"] = {"os": descriptor.platform.os, "architecture": descriptor.platform.architecture}
        more = {"variant": descriptor.platform.variant, "os.version": descriptor.platform.os_version}
        raw["platform"] |= {key: value for key, value in more.items() if value}
    return Entry(raw).noted({OUT_OF: out_of})
