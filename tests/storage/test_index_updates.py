"""Names in a layout: each stands once, for what was pulled last, and what another tool wrote is left alone."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from ocinb.spec.platforms import Platform
from ocinb.storage.blobs import Blobs
from ocinb.storage.index_file import REF_NAME, SUBJECT, Entry
from ocinb.storage.index_updates import Companion, Pulled, named_anew, without_orphans
from ocinb.storage.reachability import Documents, Limits, need_of

REPOSITORY = "registry.example/app"
NAME = f"{REPOSITORY}:3.12"
PLATFORMS = {name: Platform("linux", name) for name in ("amd64", "arm64")}


def describe(text: str, architecture: str | None = None) -> Descriptor:
    media_type = OCI_INDEX if architecture is None else OCI_MANIFEST
    return Descriptor(media_type, Digest.of(text.encode()), len(text), PLATFORMS.get(architecture or ""))


def image(version: int, architecture: str) -> Descriptor:
    return describe(f"{version} {architecture}", architecture)


def index(version: int) -> Descriptor:
    return describe(f"index {version}")


def behind(version: int) -> frozenset[Digest]:
    return frozenset(one.digest for one in (index(version), image(version, "amd64"), image(version, "arm64")))


def everything(version: int, **more: Any) -> Pulled:
    parts = (image(version, "amd64"), image(version, "arm64"))
    return Pulled(index(version), REPOSITORY, parts, behind(version), **more)


def one(version: int, architecture: str, **more: Any) -> Pulled:
    return Pulled(image(version, architecture), REPOSITORY, (), behind(version), **more)


def both(version: int) -> Pulled:
    return Pulled(None, REPOSITORY, (image(version, "amd64"), image(version, "arm64")), behind(version))


def lone(text: str) -> Pulled:
    """Stand for an image that is in no index."""
    found = describe(text, "arm64")
    return Pulled(found, REPOSITORY, (), frozenset({found.digest}))


def foreign(name: str | None, text: str, **notes: str) -> Entry:
    raw = {"digest": str(Digest.of(text.encode())), "size": 1, "mediaType": OCI_MANIFEST, "data": "odd", "x-mine": [1]}
    annotations = {**({REF_NAME: name} if name else {}), **notes}
    return Entry({**raw, "annotations": annotations} if annotations else raw)


def names(entries: list[Entry]) -> dict[str | None, str | None]:
    """Say what each name stands for; a name that stands twice is an error at once."""
    assert len({entry.name for entry in entries}) == len(entries)
    refs = [entry.ref_name for entry in entries if entry.ref_name]
    assert len(set(refs)) == len(refs), "two of one name are ambiguous to umoci"
    return {entry.name: entry.digest for entry in entries}


def pull(*steps: Pulled, name: str = NAME, before: list[Entry] | None = None) -> list[Entry]:
    entries = list(before or [])
    for step in steps:
        entries = named_anew(entries, {name: step})
    return entries


def by_digest(descriptor: Descriptor) -> str:
    return f"{REPOSITORY}@{descriptor.digest}"


@pytest.mark.parametrize("later", [one(2, "amd64"), both(2), everything(2)], ids=["one", "both", "all"])
def test_what_a_tag_no_longer_points_at_goes(later: Pulled) -> None:
    assert names(pull(everything(1), later)) == names(pull(later))


def test_one_platform_after_all_of_one_index_keeps_the_other_names() -> None:
    entries = pull(everything(1), one(1, "amd64"))
    assert names(entries) == {NAME: image(1, "amd64").digest, f"{NAME}-arm64": image(1, "arm64").digest}


def test_a_part_that_was_pulled_by_its_digest_has_no_second_entry_of_that_name() -> None:
    arm64 = image(1, "arm64")
    known = named_anew([], {f"{NAME}-arm64": lone("other"), by_digest(arm64): Pulled(arm64, REPOSITORY)})
    entries = pull(everything(1), before=known)
    assert names(entries)[by_digest(arm64)] == arm64.digest
    assert pull(everything(2), before=entries)[1].name == by_digest(arm64), "it is not the index's"
    parted = named_anew(pull(everything(1)), {by_digest(arm64): Pulled(arm64, REPOSITORY)})
    renamed = names(named_anew(parted, {f"{NAME}-arm64": lone("other")}))
    assert renamed[f"{NAME}-arm64"] == Digest.of(b"other")
    assert renamed[by_digest(arm64)] == arm64.digest
    assert len(renamed) == 4


def tag_of(descriptor: Descriptor, end: str = "") -> str:
    return f"{descriptor.digest.replace(':', '-')}{end}"


def along(version: int, text: str, end: str = "") -> Companion:
    return Companion(tag_of(index(version), end), describe(text), index(version).digest)


def put(blobs: Blobs, **document: Any) -> Descriptor:
    raw = json.dumps({key: said(value) for key, value in document.items()}).encode()
    digest = Digest.of(raw)
    blobs.write(raw, digest)
    return Descriptor(OCI_INDEX if "manifests" in document else OCI_MANIFEST, digest, len(raw))


def said(value: Any) -> Any:
    if isinstance(value, list):
        return [said(one) for one in value]
    return {"mediaType": value.media_type, "digest": value.digest, "size": value.size}


def test_what_came_along_stays_as_long_as_something_needs_its_subject(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path)
    image = put(blobs, config=describe("config"), layers=[])
    index, signature = put(blobs, manifests=[image]), put(blobs, layers=[describe("signed")])
    lists = put(blobs, manifests=[signature]), put(blobs, manifests=[put(blobs, layers=[describe("more")])])
    notes = [{REF_NAME: f"a:{tag_of(one)}", SUBJECT: one.digest} for one in (image, signature)]
    listed, further = (Entry({**said(one), "annotations": note}) for one, note in zip(lists, notes, strict=True))
    whole, lone, other = (
        Entry({**said(one), "annotations": {REF_NAME: one.digest}}) for one in (index, image, lists[0])
    )
    need = partial(need_of, documents=Documents(blobs, Limits(4096, 4096)))
    for entries in ([further, listed, whole], [listed, lone, further], [listed, further, whole, lone, other]):
        assert without_orphans(entries, need) == entries
    assert without_orphans([further, listed, other], need) == [further, other], "what is listed is not needed by a list"
    assert without_orphans([further, whole], need) == [whole], "its subject is in no list any more"
    blobs.path(other.digest or index.digest).write_bytes(b"damaged")
    unknown = [further, listed, other]
    assert without_orphans(unknown, partial(need_of, documents=Documents(blobs, Limits(4096, 4096)))) == unknown


STEPS = st.one_of(
    st.builds(everything, st.integers(1, 2)),
    st.builds(both, st.integers(1, 2)),
    st.builds(one, st.integers(1, 2), st.sampled_from(["amd64", "arm64"])),
    st.builds(lone, st.sampled_from("ab")),
)
NAMES = st.sampled_from(
    [NAME, f"{NAME}-arm64", f"{NAME}-amd64-arm64", f"{REPOSITORY}__x:1", f"{REPOSITORY}__x:1-amd64"]
)


@given(st.lists(st.tuples(NAMES, STEPS), max_size=8))
def test_whatever_is_pulled_names_stand_once_and_for_what_was_pulled_last(steps: list[tuple[str, Pulled]]) -> None:
    theirs = [foreign(f"{NAME}-amd64", "theirs"), foreign(None, "nameless"), foreign("b", "b")]
    entries = list(theirs)
    last: dict[str, Pulled] = {}
    for name, pulled in steps:
        entries = named_anew(entries, {name: pulled})
        last[name] = pulled
        assert named_anew(entries, {name: pulled}) == entries
        assert [entry.raw for entry in entries[:3]] == [entry.raw for entry in theirs]
        told = names(entries)
        for called, stands in last.items():
            assert stands.main is None or told[called] == stands.main.digest
        wanted = [descriptor.digest for one in last.values() for descriptor in (one.main, *one.parts) if descriptor]
        assert set(wanted) <= set(told.values()), "nothing that was pulled last is lost"
