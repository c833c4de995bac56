"""The index of a layout: which images it names, what they were pulled as, and what came along with them.

Sources: OCI image-spec image-layout.md, annotations.md; distribution-spec, "Referrers Tag Schema".
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.platforms import Platform
from ocinb.spec.tag_schema import cosign_tags, referrers_tags

REF_NAME = "org.opencontainers.image.ref.name"
# The name itself, where it is outside the grammar of that annotation.
OWN_NAME = "dev.ocinb.reference"
# Of an image that was pulled with others under one name: that name, and the image's digest. Other tools copy
# annotations; with another name or digest beside it, the mark says nothing.
PART_OF = "dev.ocinb.part-of"
# Of what lists or signs a manifest, and came along with it: the digest of that manifest.
SUBJECT = "dev.ocinb.subject"
# Of an image that was chosen out of an index whose referrers came along: the digest of the index.
OUT_OF = "dev.ocinb.index"

# annotations.md, "org.opencontainers.image.ref.name"; umoci and skopeo hold others to it.
_REF_GRAMMAR = re.compile(
    r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*"
)


@dataclass(frozen=True)
class Entry:
    """An entry of ``index.json``: the object as it stands there, whoever wrote it, and what it says.

    Whatever in it is of another form than it should be says nothing.
    """

    raw: Mapping[str, Any]

    @cached_property
    def digest(self) -> Digest | None:
        """What it names."""
        with suppress(InvalidError):
            return Digest(self.raw.get("digest"))  # type: ignore[arg-type]  # it refuses what is no text
        return None

    @property
    def media_type(self) -> str | None:
        """The type of what it names."""
        return _text(self.raw.get("mediaType"))

    @property
    def size(self) -> int | None:
        """The size of the manifest or index itself, in bytes."""
        size = self.raw.get("size")
        return size if type(size) is int and size >= 0 else None

    @property
    def platform(self) -> Platform | None:
        """The platform, if it says one."""
        said = self.raw.get("platform")
        if not isinstance(said, dict):
            return None
        os, architecture, variant, version = (
            _text(said.get(key)) for key in ("os", "architecture", "variant", "os.version")
        )
        return Platform(os or "", architecture or "", variant, version)

    @property
    def ref_name(self) -> str | None:
        """What other tools call it."""
        return self._note(REF_NAME)

    @cached_property
    def has_own_name(self) -> bool:
        """Whether its name is one that other tools would refuse, so that they call it by its digest, or not at all."""
        return self._note(OWN_NAME) is not None and self.ref_name in {None, self.digest}

    @cached_property
    def name(self) -> str | None:
        """What it is called: the canonical name that it was pulled as, or what another tool gave it."""
        return self._note(OWN_NAME) if self.has_own_name else self.ref_name

    @cached_property
    def part_of(self) -> str | None:
        """The name that it was pulled as with others, none of its own; None of what has a name of its own."""
        reference, _, digest = (self._note(PART_OF) or "").rpartition("@")
        name = self.name or ""
        is_ours = digest == self.digest and (
            name == f"{reference}{suffix(self.platform)}" or name.endswith(f"@{digest}")
        )
        return reference if reference and is_ours else None

    @cached_property
    def pulled_as(self) -> str | None:
        """The name that it was pulled as, alone or with others."""
        return self.part_of or self.name

    @cached_property
    def subject(self) -> Digest | None:
        """What it came along with, if it lists the referrers of that, or signs it in cosign's way."""
        with suppress(InvalidError):
            subject = Digest(self._note(SUBJECT) or "")
            tag = (self.name or "").rpartition(":")[2]
            return subject if tag in {*referrers_tags(subject), *cosign_tags(subject)} else None
        return None

    @cached_property
    def out_of(self) -> Digest | None:
        """The index that it was chosen out of, if that has to stay for its referrers."""
        with suppress(InvalidError):
            return Digest(self._note(OUT_OF) or "")
        return None

    def noted(self, changes: Mapping[str, str | None]) -> Entry:
        """Give the entry with some of its annotations changed; None takes one away."""
        notes = self.raw.get("annotations")
        merged = {**(notes if isinstance(notes, dict) else {}), **changes}
        left = {key: value for key, value in merged.items() if value is not None}
        bare = {key: value for key, value in self.raw.items() if key != "annotations"}
        return Entry({**bare, "annotations": left} if left else bare)

    def _note(self, key: str) -> str | None:
        notes = self.raw.get("annotations")
        return _text(notes.get(key)) if isinstance(notes, dict) else None


def is_ref_name(name: str) -> bool:
    """Say whether other tools take a text for a name.

    >>> is_ref_name("registry.example/app:1"), is_ref_name("registry.example/a__b:1")
    (True, False)
    """
    return _REF_GRAMMAR.fullmatch(name) is not None


def suffix(platform: Platform | None) -> str:
    """Tell the images of one name apart by architecture and variant.

    >>> suffix(Platform("linux", "arm64", "v8")), suffix(Platform("linux", "arm", "v7"))
    ('-arm64', '-arm-v7')
    """
    return "".join(f"-{part}" for part in str(platform).split("/")[1:])


def entries_of(index: Mapping[str, Any]) -> list[Entry]:
    """Give the entries of an index that `Layout` has checked."""
    return [Entry(entry) for entry in index["manifests"]]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


Places = dict[Hashable, dict[int, None]]


class Register:
    """Entries that are added, moved and dropped."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[int, Entry] = {}
        self._places: dict[str, Places] = {"name": {}, "pulled_as": {}, "subject": {}}
        self._next = 0
        for entry in entries:
            self._add(entry)

    @property
    def entries(self) -> list[Entry]:
        """All of them, in their order."""
        return list(self._entries.values())

    def called(self, name: str) -> list[Entry]:
        """Give those that have a name."""
        return self._found("name", name)

    def pulled_as(self, name: str) -> list[Entry]:
        """Give those that were pulled as a name, and did not just come along."""
        return [entry for entry in self._found("pulled_as", name) if entry.subject is None]

    def about(self, subject: Digest) -> list[Entry]:
        """Give those that came along with something."""
        return self._found("subject", subject)

    def put(self, name: str, entry: Entry) -> None:
        """Put an entry where the first one of a name stands, in place of all that have it; else at the end."""
        places = list(self._places["name"].get(name, ()))
        if not places:
            self._add(entry)
            return
        for place in places:
            self._forget(place)
        self._entries[places[0]] = entry
        self._note(places[0])
        for place in places[1:]:
            del self._entries[place]

    def drop(self, entry: Entry) -> None:
        """Take one away that is here, and all that are the same."""
        for place in list(self._places["name"].get(entry.name, ())):
            if self._entries[place] is entry:
                self._forget(place)
                del self._entries[place]

    def _found(self, kind: str, key: Hashable) -> list[Entry]:
        return [self._entries[place] for place in self._places[kind].get(key, ())]

    def _add(self, entry: Entry) -> None:
        self._entries[self._next] = entry
        self._note(self._next)
        self._next += 1

    def _note(self, place: int) -> None:
        for kind, places in self._places.items():
            places.setdefault(getattr(self._entries[place], kind), {})[place] = None

    def _forget(self, place: int) -> None:
        for kind, places in self._places.items():
            del places[getattr(self._entries[place], kind)][place]
