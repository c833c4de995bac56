"""The index of a layout is read whoever wrote it, and what is odd in it says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.spec.digest import Digest
from ocinb.spec.platforms import Platform
from ocinb.storage.index_file import Entry, is_ref_name

REF_NAME = "org.opencontainers.image.ref.name"
DIGEST = Digest.of(b"image")
SUBJECT = Digest.of(b"subject")
TAG = f"sha256-{SUBJECT.hex}"


def entry(digest: str = DIGEST, name: str | None = None, **more: Any) -> Entry:
    notes = {REF_NAME: name} if name else {}
    return Entry({"digest": digest, "annotations": {**notes, **more.pop("notes", {})}, **more})


def test_an_entry_says_what_stands_in_it() -> None:
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    read = entry(name="app:1", mediaType="a/b", size=5, platform=platform)
    assert (read.digest, read.media_type, read.size) == (DIGEST, "a/b", 5)
    assert read.platform == Platform("linux", "arm", "v7")
    assert (read.name, read.ref_name, read.pulled_as) == ("app:1", "app:1", "app:1")
    assert (read.part_of, read.subject, read.out_of) == (None, None, None)


ODD: list[dict[str, Any]] = [
    {},
    {"digest": 5, "mediaType": [], "size": "5", "platform": "linux", "annotations": []},
    {"digest": "sha256:x", "mediaType": "", "size": -1, "platform": None, "annotations": {REF_NAME: 5}},
    {"digest": None, "size": True, "annotations": {"dev.ocinb.subject": "x", "dev.ocinb.index": ["y"]}},
    {"annotations": {"dev.ocinb.reference": {}, "dev.ocinb.part-of": "@", REF_NAME: ""}},
]


@pytest.mark.parametrize("raw", ODD)
def test_what_has_another_form_says_nothing(raw: dict[str, Any]) -> None:
    read = Entry(raw)
    assert (read.digest, read.media_type, read.size) == (None, None, None)
    assert (read.platform, read.name, read.ref_name, read.part_of, read.subject, read.out_of) == (None,) * 6


def test_a_platform_that_is_odd_inside_says_what_is_not() -> None:
    assert entry(platform={"os": 5, "architecture": "arm64"}).platform == Platform("", "arm64")


@pytest.mark.parametrize(
    ("notes", "name"),
    [
        ({"dev.ocinb.reference": "a__b:1"}, "a__b:1"),
        ({"dev.ocinb.reference": "a__b:1", REF_NAME: DIGEST}, "a__b:1"),
        ({"dev.ocinb.reference": "a__b:1", REF_NAME: "another tool's"}, "another tool's"),
    ],
)
def test_the_name_that_others_refuse_counts_until_another_tool_gives_one(notes: dict[str, str], name: str) -> None:
    assert entry(notes=notes).name == name


@pytest.mark.parametrize(
    ("name", "part_of"),
    [
        ("app:1-arm64", "app:1"),
        (f"app@{DIGEST}", "app:1"),
        ("app:1-amd64", None),
        ("app:1-arm64-mine", None),
        ("mine", None),
        (None, None),
    ],
)
def test_a_mark_counts_beside_the_name_that_it_was_made_for(name: str | None, part_of: str | None) -> None:
    read = entry(
        name=name,
        notes={"dev.ocinb.part-of": f"app:1@{DIGEST}"},
        platform={"os": "linux", "architecture": "arm64", "variant": "v8"},
    )
    assert read.part_of == part_of
    assert read.pulled_as == (part_of or name)


@pytest.mark.parametrize(
    ("name", "subject"),
    [(f"app:{TAG}", SUBJECT), (TAG, SUBJECT), (f"app:{TAG}.att", SUBJECT), ("app:1", None), (None, None)],
)
def test_what_came_along_is_called_as_tools_call_it(name: str | None, subject: Digest | None) -> None:
    assert entry(name=name, notes={"dev.ocinb.subject": SUBJECT}).subject == subject


def test_notes_are_changed_and_taken_away() -> None:
    read = Entry({"x": 1, "annotations": ["odd"]}).noted({"a": "1", "b": None})
    assert read.raw == {"x": 1, "annotations": {"a": "1"}}
    assert read.noted({"a": None}).raw == {"x": 1}


def test_the_grammar_of_names() -> None:
    assert is_ref_name("docker.io/library/python:3.12@sha256")
    assert not any(map(is_ref_name, ["", "a__b", "a:", "[::1]:5000/a", "a//b", "a\n"]))
