"""Which image a name means, decided without looking at any file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb._suggestions import COMPARED_NAMES
from ocinb.errors import NotFoundError
from ocinb.sources.name_lookup import Entries, Entry
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


def test_only_what_is_asked_for_is_described() -> None:
    asked: list[int] = []

    def describe(number: int) -> Descriptor:
        asked.append(number)
        return described(number)

    entries = Entries("oci:x", [Entry((f"n{number}",), partial(describe, number)) for number in range(5)])
    assert (choose(entries, "n3"), choose(entries, "@2"), choose(entries, "n9")) == (3, 2, None)
    assert asked == [3, 2]
    assert entries.names == ["n0", "n1", "n2", "n3", "n4"]
    assert asked == [3, 2]


def test_aliases_are_found_and_not_listed() -> None:
    entries = Entries("oci:x", [entry(0, "full", aliases=("short",)), entry(1), entry(2, "a", "b")])
    assert entries.names == ["full", "a", "b"]
    assert [choose(entries, name) for name in ("full", "short", "a", "b", "@1")] == [0, 0, 2, 2, 1]


def test_a_name_counts_before_the_alias_of_another() -> None:
    entries = Entries("oci:x", [entry(0, "1", aliases=("app:1",)), entry(1, "app:1")])
    assert choose(entries, "app:1") == 1


def test_the_only_one_may_be_chosen_by_somebody_else() -> None:
    entries = Entries("oci:x", [entry(0, "a"), entry(1, "b")])
    chosen = entries.choose("", lambda several: several[1])
    assert chosen == described(1)
    with pytest.raises(NotFoundError, match=r"there are 2 images in oci:x. Name one, oci:x:NAME; there are: a, b"):
        entries.choose("", nobody)


def test_a_name_that_two_images_have_is_nobodys_to_choose() -> None:
    entries = Entries("oci:x", [entry(0, "a"), entry(1, "a")])
    with pytest.raises(NotFoundError, match=r"'a' in oci:x may be any of 2 images\. Name one by its digest: oci:x@"):
        entries.choose("a", lambda several: several[0])


def test_a_place_that_is_not_there_is_told_the_last_one_if_there_is_one() -> None:
    for names, hint in ((["a", "b"], "The last one is @1"), ([], None)):
        with pytest.raises(NotFoundError, match="no image at @2 in oci:x") as caught:
            choose(Entries("oci:x", [entry(number, name) for number, name in enumerate(names)]), "@2")
        assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("names", "wanted", "guess"),
    [
        (["docker.io/library/python:3.12"], "python:3.12", "docker.io/library/python:3.12"),
        (["docker.io/library/python:latest"], "python", "docker.io/library/python:latest"),
        (["3.12-slim", "3.12"], "3.12-slin", "3.12-slim"),
        (["one", "two"], "One", "one"),
        (["docker.io/library/app:1"], "docker.io/library/nothing:1", None),
        (["quay.io/org/a:1", "quay.io/org/b:1"], "quay.io/org/completely-other:7", None),
        ([f"n{number}" for number in range(COMPARED_NAMES)] + ["needle"], "needles", None),
    ],
)
def test_the_nearest_name_is_suggested_if_it_is_near(names: list[str], wanted: str, guess: str | None) -> None:
    error = Entries("oci:x", [entry(number, name) for number, name in enumerate(names)]).missing(wanted)
    assert f"there is no image {wanted!r} in oci:x" in str(error)
    assert (error.hint == f"Did you mean oci:x:{guess}?") == bool(guess)


def test_what_a_stranger_wrote_moves_no_terminal() -> None:
    error = Entries("oci:x", [entry(0, "evil\x1b[2J"), entry(1, "x" * 5000)]).missing("1")
    assert str(error).isprintable()
    assert len(str(error)) < 2001


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=3), max_size=6), st.sampled_from(["", "a", "b", "@0", "@3"]))
def test_a_choice_is_the_only_one_that_was_meant_or_none(names: list[list[str]], wanted: str) -> None:
    entries = Entries("oci:x", [entry(number, *own) for number, own in enumerate(names)])
    meant = [number for number, own in enumerate(names) if not wanted or wanted in own or wanted == f"@{number}"]
    try:
        assert choose(entries, wanted) == (meant[0] if meant else None)
    except NotFoundError:
        assert len(meant) != 1


def test_a_tag_is_found_at_the_end_of_full_names() -> None:
    entries = Entries("oci:x", [entry(0, "a.b/c:1"), entry(1, "d:1", aliases=("1",)), entry(2, "c:2"), entry(3)])
    assert entries.tagged("1") == ["a.b/c:1", "d:1", "1"]
    assert entries.tagged("2") == ["c:2"]
    assert entries.tagged("a.b/c:1") == []


def test_what_is_called_by_the_digest_of_another_is_beside_it() -> None:
    tag = f"sha256-{'0' * 64}"
    entries = Entries("oci:x", [entry(0, f"a.b/c:{tag}"), entry(1, f"{tag}.sig"), entry(2, "1"), entry(3)])
    assert entries.beside == {described(0).digest, described(1).digest}
    assert entries.there() == "Name one, oci:x:NAME; there are: 1, @3"
    assert tag in Entries("oci:x", [entry(0, tag)]).there(), "if there is nothing else"
    named_twice = Entries("oci:x", [Entry((tag, "mine"), partial(described, 0))])
    assert named_twice.beside == set()
