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
