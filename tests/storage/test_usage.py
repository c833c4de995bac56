"""The inventory counts what is kept here, by kind, and nothing behind a link."""

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
from ocinb.storage.reachability import LAYER, Limits, Need, Piece
from ocinb.storage.usage import Item, Kept, Shares, list_items, needed_by, speaking_of, survey
from tests.storage.stores import LIMITS, named, put, put_document, put_image


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def listed(layout: Layout) -> list[Item]:
    return list_items(layout, layout.root / "no-cache")


def test_tables_that_are_no_digests_and_the_answers_of_a_cache_are_not_those_of_a_folder(layout: Layout) -> None:
    layer = Digest.of(b"layer").hex
    for name in ("2024/sales.parquet", "sha256/x.parquet", "sha256/x.toc", f"{layer}.parquet", f"sha256/{layer}.csv"):
        (layout.root / "index" / name).parent.mkdir(parents=True, exist_ok=True)
        (layout.root / "index" / name).write_bytes(b"somebody's")
    (layout.root / "responses.sqlite.damaged-5").write_bytes(b"was damaged")
    assert [item.kind for item in list_items(layout, layout.root)] == ["responses"]
    assert list_items(layout, None) == []


@pytest.mark.parametrize("linked", ["blobs", "blobs/sha256", "index", "index/sha256", ".ocinb", ".ocinb/parts"])
def test_behind_a_link_nothing_is_ours(layout: Layout, tmp_path: Path, linked: str) -> None:
    if linked.startswith("blobs"):
        put(layout, b"blob")
    elif linked.startswith(".ocinb"):
        (layout.root / ".ocinb" / "parts").mkdir()
        (layout.root / ".ocinb" / "parts" / "half.part").write_bytes(b"somebody's")
    else:
        (layout.root / "index" / "sha256").mkdir(parents=True)
        (layout.root / "index" / "sha256" / f"{Digest.of(b'layer').hex}.parquet").write_bytes(b"somebody's")
    assert len(listed(layout)) == 1
    (layout.root / linked).rename(tmp_path / "elsewhere")
    (layout.root / linked).symlink_to(tmp_path / "elsewhere")
    assert listed(layout) == []


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


def blobs(layout: Layout) -> set[Digest]:
    return {Digest(f"sha256:{path.name}") for path in (layout.root / "blobs" / "sha256").iterdir()}


def test_what_cannot_be_read_speaks_of_nothing(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    damaged = put_document(layout, {"subject": named(image), "layers": []})
    layout.blobs.path(damaged.digest).write_bytes(b'{"subject": 1}')
    large = put_document(layout, {"subject": named(image), "x": "x" * 3000})
    other = put(layout, b'{ "no": "document"')
    (layout.root / "blobs" / "sha256" / Digest.of(b"link").hex).symlink_to("/etc/passwd")
    unnamed = {damaged.digest, large.digest, other.digest, Digest.of(b"link"), Digest.of(b"gone")}
    assert speaking_of({image.digest}, unnamed, layout, Limits(2000, 2000)) == set()
    assert large.digest in speaking_of({image.digest}, unnamed, layout, LIMITS)
