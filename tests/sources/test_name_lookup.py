"""Which image a name means, decided without looking at any file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import InvalidError, NotFoundError
from ocinb.sources.name_lookup import Entries, Entry, local_path
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor

TYPE = "application/vnd.oci.image.manifest.v1+json"


def described(number: int) -> Descriptor:
    return Descriptor(TYPE, Digest.of(b"%d" % number), number)


def entry(number: int, *names: str, aliases: tuple[str, ...] = ()) -> Entry:
    return Entry(names, partial(described, number), aliases)


def nobody(_: Sequence[Descriptor]) -> None:
    return None


def choose(entries: Entries, wanted: str) -> int | None:
    found = entries.choose(wanted, nobody)
    return None if found is None else found.size


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=3), max_size=6), st.sampled_from(["", "a", "b", "@0", "@3"]))
def test_a_choice_is_the_only_one_that_was_meant_or_none(names: list[list[str]], wanted: str) -> None:
    entries = Entries("oci:x", [entry(number, *own) for number, own in enumerate(names)])
    meant = [number for number, own in enumerate(names) if not wanted or wanted in own or wanted == f"@{number}"]
    try:
        assert choose(entries, wanted) == (meant[0] if meant else None)
    except NotFoundError:
        assert len(meant) != 1


def test_a_nul_is_no_part_of_a_path() -> None:
    with pytest.raises(InvalidError, match="is no path: it has a NUL in it"):
        local_path("folder\0elsewhere")
    with pytest.raises(InvalidError, match="is no path: it has half a character in it"):
        local_path("\ud800")
