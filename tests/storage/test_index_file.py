"""The index of a layout is read whoever wrote it, and what is odd in it says nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.spec.digest import Digest
from ocinb.storage.index_file import REF_NAME as REF_NAME_REGISTER
from ocinb.storage.index_file import SUBJECT as SUBJECT_REGISTER
from ocinb.storage.index_file import Entry, Register

REF_NAME = "org.opencontainers.image.ref.name"
DIGEST = Digest.of(b"image")
SUBJECT = Digest.of(b"subject")
TAG = f"sha256-{SUBJECT.hex}"


def entry(digest: str = DIGEST, name: str | None = None, **more: Any) -> Entry:
    notes = {REF_NAME: name} if name else {}
    return Entry({"digest": digest, "annotations": {**notes, **more.pop("notes", {})}, **more})


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


SUBJECTS = [Digest.of(text) for text in (b"a", b"b")]
NAMES = ["app:1", "app:2", *(f"app:{subject.replace(':', '-')}" for subject in SUBJECTS)]


def entry_of_register(name: str | None, number: int = 0) -> Entry:
    notes = {REF_NAME_REGISTER: name} if name else {}
    about = {subject.replace(":", "-"): subject for subject in SUBJECTS}.get((name or "").rpartition(":")[2])
    return Entry({"number": number, "annotations": {**notes, **({SUBJECT_REGISTER: about} if about else {})}})


@given(st.lists(st.sampled_from([*NAMES, None])), st.lists(st.tuples(st.sampled_from(NAMES), st.booleans())))
def test_whatever_happens_it_finds_what_a_list_would_find(
    names: list[str | None], steps: list[tuple[str, bool]]
) -> None:
    register = Register([entry_of_register(name, number) for number, name in enumerate(names)])
    for number, (name, puts) in enumerate(steps):
        if puts:
            register.put(name, entry_of_register(name, -number))
        else:
            for one in register.called(name)[:1]:
                register.drop(one)
        listed = register.entries
        for called in NAMES:
            assert register.called(called) == [one for one in listed if one.name == called]
            assert register.pulled_as(called) == [one for one in listed if one.name == called and not one.subject]
        for subject in SUBJECTS:
            assert register.about(subject) == [one for one in listed if one.subject == subject]
