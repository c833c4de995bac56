"""Who needs what: a blob is lost when the last image that needs it goes, and what speaks of that goes along."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage.index_file import Entry
from ocinb.storage.index_updates import Companion, Pulled
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import LAYER, Need, Piece
from ocinb.storage.usage import Kept, Shares, needed_by, survey
from tests.storage.stores import LIMITS, put_image

LETTERS = {letter: Digest.of(letter.encode()) for letter in "abcdef"}


def kept(letters: str, *, subject: str | None = None) -> Kept:
    parts = tuple(Piece(LETTERS[letter], 1, "", LAYER) for letter in letters)
    return Kept(Entry({}), Need(parts, {}, LETTERS[subject] if subject else None))


def lost(*letters: str) -> set[Digest]:
    return {LETTERS[letter] for letter in letters}


@given(st.lists(st.sets(st.sampled_from("abcdef")), max_size=6), st.data())
def test_lost_is_what_none_that_stays_needs(images: list[set[str]], data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(images) - 1))) if images else set()
    shares = Shares([kept("".join(letters)) for letters in images])
    needed = set[str]().union(*(letters for place, letters in enumerate(images) if place not in gone))
    went = set[str]().union(*(images[place] for place in gone))
    assert shares.try_taking(gone) == shares.take(gone) == lost(*(went - needed))


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


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
