"""Entries keep their order, and are found by what they are called, whatever was put or dropped before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocinb.spec.digest import Digest
from ocinb.storage.index_file import REF_NAME, SUBJECT, Entry, Register

SUBJECTS = [Digest.of(text) for text in (b"a", b"b")]
NAMES = ["app:1", "app:2", *(f"app:{subject.replace(':', '-')}" for subject in SUBJECTS)]


def entry(name: str | None, number: int = 0) -> Entry:
    notes = {REF_NAME: name} if name else {}
    about = {subject.replace(":", "-"): subject for subject in SUBJECTS}.get((name or "").rpartition(":")[2])
    return Entry({"number": number, "annotations": {**notes, **({SUBJECT: about} if about else {})}})


def test_what_is_put_stands_where_the_first_of_its_name_stood() -> None:
    entries = [entry("app:1"), entry(None), entry("app:2"), entry("app:1", 1)]
    register = Register(entries)
    register.put("app:1", entry("app:1", 2))
    register.put("app:3", entry("app:3", 3))
    assert register.entries == [entry("app:1", 2), entries[1], entries[2], entry("app:3", 3)]
    register.drop(entries[2])
    assert register.called("app:2") == []
    assert register.entries == [entry("app:1", 2), entries[1], entry("app:3", 3)]


def test_what_only_came_along_was_pulled_as_nothing() -> None:
    along = entry(NAMES[2])
    register = Register([along, entry("app:1")])
    assert register.called(NAMES[2]) == register.about(SUBJECTS[0]) == [along]
    assert register.pulled_as(NAMES[2]) == register.about(SUBJECTS[1]) == []
    assert register.pulled_as("app:1") == [entry("app:1")]


@given(st.lists(st.sampled_from([*NAMES, None])), st.lists(st.tuples(st.sampled_from(NAMES), st.booleans())))
def test_whatever_happens_it_finds_what_a_list_would_find(
    names: list[str | None], steps: list[tuple[str, bool]]
) -> None:
    register = Register([entry(name, number) for number, name in enumerate(names)])
    for number, (name, puts) in enumerate(steps):
        if puts:
            register.put(name, entry(name, -number))
        else:
            for one in register.called(name)[:1]:
                register.drop(one)
        listed = register.entries
        for called in NAMES:
            assert register.called(called) == [one for one in listed if one.name == called]
            assert register.pulled_as(called) == [one for one in listed if one.name == called and not one.subject]
        for subject in SUBJECTS:
            assert register.about(subject) == [one for one in listed if one.subject == subject]
