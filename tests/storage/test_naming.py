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


def test_an_index_has_its_name_and_each_image_of_it_one_of_its_own() -> None:
    assert names(pull(everything(1))) == {
        NAME: index(1).digest,
        f"{NAME}-amd64": image(1, "amd64").digest,
        f"{NAME}-arm64": image(1, "arm64").digest,
    }


@pytest.mark.parametrize("later", [one(2, "amd64"), both(2), everything(2)], ids=["one", "both", "all"])
def test_what_a_tag_no_longer_points_at_goes(later: Pulled) -> None:
    assert names(pull(everything(1), later)) == names(pull(later))


def test_one_platform_after_the_other_of_one_index_keeps_both() -> None:
    entries = pull(one(1, "amd64"), one(1, "arm64"))
    assert names(entries) == {NAME: image(1, "arm64").digest, f"{NAME}-amd64": image(1, "amd64").digest}
    assert [entry.pulled_as for entry in entries] == [NAME, NAME]
    again = pull(one(1, "amd64"), before=entries)
    assert names(again) == {NAME: image(1, "amd64").digest, f"{NAME}-arm64": image(1, "arm64").digest}
    whole = pull(everything(1), before=again)
    assert names(whole) == names(pull(everything(1)))


def test_one_platform_after_all_of_one_index_keeps_the_other_names() -> None:
    entries = pull(everything(1), one(1, "amd64"))
    assert names(entries) == {NAME: image(1, "amd64").digest, f"{NAME}-arm64": image(1, "arm64").digest}


def test_several_platforms_leave_the_name_to_what_still_is_behind_it() -> None:
    kept = pull(one(1, "amd64"), both(1))
    assert names(kept)[NAME] == image(1, "amd64").digest
    assert names(pull(one(1, "amd64"), both(2))) == names(pull(both(2)))


@pytest.mark.parametrize("order", [("index", "tag"), ("tag", "index")])
def test_a_tag_that_is_called_as_a_part_would_be_has_the_name(order: tuple[str, str]) -> None:
    steps = {"index": (NAME, everything(1)), "tag": (f"{NAME}-arm64", lone("other"))}
    entries = named_anew([], dict(steps[step] for step in order))
    assert names(entries) == {
        NAME: index(1).digest,
        f"{NAME}-amd64": image(1, "amd64").digest,
        f"{NAME}-arm64": Digest.of(b"other"),
        by_digest(image(1, "arm64")): image(1, "arm64").digest,
    }
    assert named_anew(entries, dict(steps.values())) == entries, "and nothing changes any more"
    moved = pull(everything(2), before=entries)
    assert names(moved)[f"{NAME}-arm64"] == Digest.of(b"other")
    assert by_digest(image(1, "arm64")) not in names(moved)


def test_a_tag_that_was_a_part_is_one_no_longer() -> None:
    """The very same image: also then it stays when the other name moves away."""
    tag = f"{NAME}-arm64"
    own = Pulled(image(1, "arm64"), REPOSITORY, (), frozenset({image(1, "arm64").digest}))
    entries = named_anew(pull(everything(1)), {tag: own})
    assert names(pull(everything(2), before=entries))[tag] == image(1, "arm64").digest


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


@pytest.mark.parametrize("name", [f"{NAME}-arm64", f"{NAME}-amd64", "3.12", None, f"{NAME}-riscv64"])
def test_what_another_tool_named_stays_as_it_is_and_where_it_is(name: str | None) -> None:
    theirs = foreign(name, "theirs")
    entries = pull(everything(1), everything(2), before=[foreign("a", "a"), theirs, foreign("b", "b")])
    assert [entry.raw for entry in entries[:3]] == [foreign("a", "a").raw, theirs.raw, foreign("b", "b").raw]
    assert {one.digest for one in entries[3:]} == behind(2)


def test_marks_that_another_tool_copied_say_nothing() -> None:
    """The command ``umoci tag`` copies all annotations, and ``umoci repack`` keeps them beside another digest."""
    [_, amd64, arm64] = pull(everything(1))
    tagged = amd64.noted({REF_NAME: "mine"})
    repacked = Entry({**arm64.raw, "digest": str(Digest.of(b"repacked"))})
    entries = pull(one(2, "amd64"), before=[*pull(everything(1))[:2], repacked, tagged])
    assert names(entries) == {
        NAME: image(2, "amd64").digest,
        f"{NAME}-arm64": Digest.of(b"repacked"),
        "mine": image(1, "amd64").digest,
    }


def test_what_is_new_stands_where_the_old_stood() -> None:
    other = foreign("other", "other")
    entries = pull(one(2, "arm64"), before=[*pull(one(1, "amd64")), other])
    assert [entry.name for entry in entries] == [NAME, "other"]


def test_two_names_that_others_refuse_are_one_image_to_them() -> None:
    found = describe("image", "amd64")
    entries = named_anew([], {"registry.example/a__b:1": found, "registry.example/a__b:2": found})
    assert [entry.name for entry in entries] == ["registry.example/a__b:1", "registry.example/a__b:2"]
    assert [entry.ref_name for entry in entries] == [found.digest, None]
    moved = named_anew(entries, {"registry.example/a__b:1": describe("new", "amd64")})
    assert [entry.ref_name for entry in moved] == [Digest.of(b"new"), found.digest]


def test_a_digest_that_another_tool_took_for_a_name_stands_once() -> None:
    found = describe("image", "amd64")
    entries = named_anew([foreign(str(found.digest), "image")], {"registry.example/a__b:1": found})
    assert [entry.ref_name for entry in entries] == [found.digest, None]
    assert names(entries)["registry.example/a__b:1"] == found.digest


def test_a_name_that_a_tool_gave_to_what_others_refuse_counts() -> None:
    [entry] = named_anew([], {"registry.example/a__b:1": describe("image", "amd64")})
    retagged = entry.noted({REF_NAME: "mine"})
    entries = named_anew([entry, retagged], {"registry.example/a__b:1": describe("new", "amd64")})
    assert names(entries) == {"registry.example/a__b:1": Digest.of(b"new"), "mine": Digest.of(b"image")}


def test_all_that_a_platform_says_stands_beside_the_image() -> None:
    windows = Platform("windows", "amd64", None, "10.0.1")
    [entry] = named_anew([], {NAME: Descriptor(OCI_MANIFEST, Digest.of(b"x"), 1, windows)})
    assert entry.raw["platform"] == {"os": "windows", "architecture": "amd64", "os.version": "10.0.1"}
    assert entry.platform == windows


def tag_of(descriptor: Descriptor, end: str = "") -> str:
    return f"{descriptor.digest.replace(':', '-')}{end}"


def along(version: int, text: str, end: str = "") -> Companion:
    return Companion(tag_of(index(version), end), describe(text), index(version).digest)


def test_what_comes_along_is_called_as_in_its_repository() -> None:
    pulled = everything(1, companions=(along(1, "list"), along(1, "signature", ".sig")), asked=behind(1))
    entries = pull(pulled)
    assert [entry.name for entry in entries[3:]] == [
        f"{REPOSITORY}:{tag_of(index(1))}",
        f"{REPOSITORY}:{tag_of(index(1), '.sig')}",
    ]
    assert [entry.subject for entry in entries[3:]] == [index(1).digest] * 2
    assert pull(pulled, before=entries) == entries


def test_what_no_longer_comes_along_goes_only_where_it_was_looked_for() -> None:
    first = everything(1, companions=(along(1, "list"), along(1, "signature", ".sig")), asked=behind(1))
    entries = pull(first)
    assert pull(everything(1), before=entries) == entries, "nobody asked for referrers"
    newer = everything(1, companions=(along(1, "newer"),), asked=behind(1))
    assert [entry.digest for entry in pull(newer, before=entries)[3:]] == [Digest.of(b"newer")]
    elsewhere = Pulled(index(1), "other.example/app", (), behind(1), asked=behind(1))
    assert [entry.subject for entry in pull(elsewhere, name="other.example/app:1", before=entries)[3:5]] == [
        index(1).digest,
        index(1).digest,
    ]


def test_what_was_pulled_for_its_own_sake_is_nobodys_companion() -> None:
    tag = f"{REPOSITORY}:{tag_of(index(1), '.sig')}"
    signature = along(1, "signature", ".sig")
    pulled = everything(1, companions=(signature,), asked=behind(1))
    own = Pulled(signature.descriptor, REPOSITORY, (), frozenset({signature.descriptor.digest}))
    for steps in ({tag: own, NAME: pulled}, {NAME: pulled, tag: own}):
        [entry] = [entry for entry in named_anew([], steps) if entry.name == tag]
        assert entry.subject is None
        assert entry.digest == signature.descriptor.digest


def test_an_index_that_stays_for_its_referrers_goes_on_staying() -> None:
    entries = pull(one(1, "amd64", out_of=index(1).digest), one(1, "amd64"), one(1, "arm64"))
    assert [(entry.name, entry.out_of) for entry in entries] == [
        (NAME, None),
        (f"{NAME}-amd64", index(1).digest),
    ]


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


def test_an_image_of_two_names_that_has_its_digest_for_a_name_stays_when_one_of_them_moves_on() -> None:
    theirs = [foreign(f"{REPOSITORY}:{tag}-{name}", f"{tag} {name}") for tag in ("1", "2") for name in PLATFORMS]
    entries = list(theirs)
    for tag in ("1", "2"):
        entries = named_anew(entries, {f"{REPOSITORY}:{tag}": both(1)})
    shared = {by_digest(image(1, name)): image(1, name).digest for name in PLATFORMS}
    assert names(entries) == names(theirs) | shared
    moved = names(named_anew(entries, {f"{REPOSITORY}:1": both(2)}))
    assert moved == names(theirs) | shared | {by_digest(image(2, name)): image(2, name).digest for name in PLATFORMS}


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
