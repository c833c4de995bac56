"""Who needs what: a blob is lost when the last image that needs it goes, and what speaks of that goes along."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage.index_file import OUT_OF, REF_NAME, SUBJECT, Entry
from ocinb.storage.index_updates import Companion, Pulled
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import LAYER, Need, Piece
from ocinb.storage.usage import Kept, Shares, needed_by, survey
from tests.storage.stores import LIMITS, put_image, put_index

LETTERS = {letter: Digest.of(letter.encode()) for letter in "abcdef"}


def kept(letters: str, *, subject: str | None = None) -> Kept:
    parts = tuple(Piece(LETTERS[letter], 1, "", LAYER) for letter in letters)
    return Kept(Entry({}), Need(parts, {}, LETTERS[subject] if subject else None))


def lost(*letters: str) -> set[Digest]:
    return {LETTERS[letter] for letter in letters}


def test_a_blob_is_lost_with_the_last_that_needs_it() -> None:
    shares = Shares([kept("ab"), kept("bc"), kept("c")])
    assert shares.take([0]) == lost("a")
    assert shares.take([0]) == set(), "it went before"
    assert shares.take([1, 2]) == lost("b", "c")
    assert shares.gone == {0, 1, 2}


def test_what_speaks_about_what_is_lost_goes_along() -> None:
    images = [kept("a"), kept("b", subject="a"), kept("c", subject="b"), kept("d", subject="e"), kept("a")]
    shares = Shares(images)
    assert shares.take([0]) == set()
    assert shares.take([4]) == lost("a", "b", "c")
    assert shares.gone == {0, 1, 2, 4}, "what speaks about something that never was here stays"


def test_trying_changes_nothing() -> None:
    shares = Shares([kept("ab"), kept("b"), kept("c", subject="a")])
    for _ in range(2):
        assert shares.try_taking([0]) == lost("a", "c")
        assert shares.gone == set()
    assert shares.take([1]) == set()
    assert shares.try_taking([0]) == lost("a", "b", "c")
    assert shares.gone == {1}


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=6), st.data())
def test_lost_is_what_none_that_stays_needs(images: list[set[str]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(images) - 1))) if images else set()
    shares = Shares([kept("".join(letters)) for letters in images])
    needed = set[str]().union(*(letters for place, letters in enumerate(images) if place not in gone))
    went = set[str]().union(*(images[place] for place in gone))
    assert shares.try_taking(gone) == shares.take(gone) == lost(*(went - needed))


def test_what_came_along_with_something_that_is_gone_is_an_orphan() -> None:
    name = f"h/app:sha256-{LETTERS['a'].hex}"
    came_along = Entry({"annotations": {REF_NAME: name, SUBJECT: LETTERS["a"]}})
    assert came_along.subject == LETTERS["a"]
    companion = Kept(came_along, kept("b").need)
    assert Shares([companion]).orphans == {0}
    assert Shares([companion, kept("a")]).orphans == set()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def test_an_index_that_an_image_was_chosen_out_of_is_needed_by_itself(layout: Layout) -> None:
    image, other = put_image(layout, b"layer"), put_image(layout, b"never pulled")
    index = put_index(layout, image, other)
    layout.name({"app:1": Pulled(image, out_of=index.digest)})
    [one] = survey(layout, LIMITS)
    assert one.entry.raw["annotations"][OUT_OF] == index.digest
    assert index.digest in one.digests
    assert other.digest not in one.digests


def test_one_document_that_cannot_be_read_is_enough_not_to_know(layout: Layout) -> None:
    good, bad = put_image(layout, b"good"), put_image(layout, b"bad")
    layout.name({"app:1": good, "app:2": put_index(layout, bad)})
    layout.blobs.path(bad.digest).write_bytes(b"damaged")
    images = survey(layout, LIMITS)
    assert Digest.of(b"good") in needed_by(images[:1])
    why = f"'app:2' stays and its document {bad.digest}, which names its blobs, cannot be used: its bytes do not match"
    with pytest.raises(IntegrityError, match=why):
        needed_by(images)


def damaged(layout: Layout, pulled: Pulled | Descriptor, name: str, bad: Descriptor) -> str:
    layout.name({name: pulled})
    layout.blobs.path(bad.digest).write_bytes(b"damaged")
    with pytest.raises(IntegrityError) as caught:
        needed_by([one for one in survey(layout, LIMITS) if one.need and one.need.unknown])
    return caught.value.hint or ""


def test_what_is_damaged_is_mended_by_whoever_wrote_it(layout: Layout) -> None:
    ours, theirs = put_image(layout, b"ours"), put_image(layout, b"theirs")
    along = Companion(f"{ours.digest.replace(':', '-')}.sig", put_image(layout, b"signature"), ours.digest)
    pulled = Pulled(ours, "h.example/app", companions=(along,))
    assert damaged(layout, pulled, "h.example/app:1", along.descriptor).startswith("Pull again with referrers=True")
    layout.remove(lambda entry: entry.subject is not None, LIMITS.document)
    assert damaged(layout, ours, "h.example/app:1", ours).startswith("Pull h.example/app:1 again as it was pulled, ")
    layout.remove(lambda _: True, LIMITS.document)
    assert damaged(layout, theirs, "latest", theirs).endswith("by the tool that wrote it, or remove latest too")
