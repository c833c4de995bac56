"""Pruning takes what is old or too much, and never what an image needs or somebody is at work on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.errors import IntegrityError, TransportError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_MANIFEST
from ocinb.storage.blob_locks import lock_part
from ocinb.storage.garbage_collection import Aim, choose, choose_images, prune
from ocinb.storage.index_file import Entry
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import LAYER, Need, Piece
from ocinb.storage.usage import READ_ENDINGS, Item, Kept
from tests.storage.stores import DAY, LIMITS, put, stands

HOLD = """
import sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import LAYER, Need, Piece
from ocinb.storage.blob_locks import lock_part

layout = Layout(Path(sys.argv[1]), private=True)
with layout.in_use(), lock_part(layout.root, Digest.of(b"theirs"), 1000) as part:
    part.file.write(b"half")
    part.file.flush()
    print("at work", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def clean(layout: Layout, *, older_than: float | None = None, keep_bytes: int | None = None) -> list[Item]:
    aim = Aim(None if older_than is None else time.time() - older_than, keep_bytes)
    return prune(layout, layout.root / "no-cache", aim, limits=LIMITS).items


def item(size: int, used: float) -> Item:
    return Item("blobs", Digest.of(f"{size} {used}".encode()), size, used)


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), unique=True),
    st.integers(0, 3000),
    st.one_of(st.none(), st.integers(0, 100)),
)
def test_enough_goes_and_nothing_too_much(sizes: list[tuple[int, int]], keep: int, since: int | None) -> None:
    items = [item(size, used) for size, used in sizes]
    total = sum(one.size for one in items)
    gone = choose(items, total=total, unused_since=since, keep_bytes=keep)
    left = [one for one in items if one not in gone]
    assert sum(one.size for one in left) <= keep
    assert not [one for one in left if since is not None and one.used < since]
    young = [one for one in gone if since is None or one.used >= since]
    assert not young or sum(one.size for one in left) + young[-1].size > keep


ODD: dict[str, bytes] = {
    "fields of other types": b'{"config": 5, "layers": [null, {"digest": 5}, {"digest": "sha256:z"}], "subject": 3}',
    "no fields at all": b"{}",
}


@pytest.mark.parametrize("raw", ODD.values(), ids=ODD)
def test_odd_documents_behind_a_name_stop_nothing(layout: Layout, raw: bytes) -> None:
    image = Descriptor(OCI_MANIFEST, put(layout, raw, age=DAY).digest, len(raw))
    other = put(layout, b"other", age=DAY)
    layout.name({"app:1": image})
    clean(layout, keep_bytes=0)
    assert not stands(layout, other)
    assert stands(layout, image)


def make_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


UNKNOWN: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "is missing": (b"{}", Path.unlink),
    "is damaged": (b"{}", lambda path: path.write_bytes(b"[]")),
    "is a link": (b"{}", make_link),
    "is no document": (b"x" * 50, lambda path: path),
    "is too large": (b'{"x": "%s"}' % (b"x" * LIMITS.document), lambda path: path),
    "names a manifest by no digest": (b'{"manifests": [{"digest": "blake3:00"}]}', lambda path: path),
}


@pytest.mark.parametrize(("raw", "spoil"), UNKNOWN.values(), ids=UNKNOWN)
def test_where_nobody_can_tell_what_an_image_needs_nothing_goes(
    layout: Layout, raw: bytes, spoil: Callable[[Path], object]
) -> None:
    image = Descriptor(OCI_MANIFEST, put(layout, raw, age=DAY).digest, len(raw))
    layout.name({"app:1": image})
    spoil(layout.blobs.path(image.digest))
    other = put(layout, b"perhaps its layer", age=400 * DAY)
    before = sorted(path.name for path in (layout.root / "blobs").rglob("*"))
    with pytest.raises(IntegrityError, match=r"nothing can be removed, since 'app:1' stays.*or remove app:1 too"):
        clean(layout, keep_bytes=0)
    assert sorted(path.name for path in (layout.root / "blobs").rglob("*")) == before
    assert stands(layout, other)


def test_what_was_read_is_of_use(layout: Layout) -> None:
    read, held, unread = (put(layout, raw, age=10 * DAY) for raw in (b"read", b"held", b"unread"))
    layout.blobs.read(read.digest, LIMITS.document)
    layout.blobs.holds(held.digest, held.size)
    before = layout.blobs.path(held.digest).stat().st_mtime
    assert before < time.time() - 9 * DAY, "what it looks like does not change"
    assert [one.name for one in clean(layout, older_than=DAY)] == [unread.digest]


@pytest.mark.parametrize("ending", READ_ENDINGS)
def test_what_was_read_of_a_layer_goes_with_it_and_is_told(layout: Layout, ending: str) -> None:
    layer, kept = put(layout, b"layer", age=3 * DAY), put(layout, b"kept")
    tables = [layout.root / "index" / "sha256" / f"{blob.digest.hex}{ending}" for blob in (layer, kept)]
    tables[0].parent.mkdir(parents=True)
    for table in tables:
        table.write_bytes(b"read of a layer")
    assert [(one.kind, one.size) for one in clean(layout, older_than=DAY)] == [("blobs", 5), ("index", 15)]
    assert [table.exists() for table in tables] == [False, True]
    assert sorted(one.kind for one in clean(layout, keep_bytes=0)) == ["blobs", "index"]


def test_a_part_of_this_very_process_goes_when_it_is_left(layout: Layout) -> None:
    with lock_part(layout.root, Digest.of(b"blob"), 1000) as part:
        part.path.write_bytes(b"half")
        assert clean(layout, keep_bytes=0) == []
    assert [one.kind for one in clean(layout, keep_bytes=0)] == ["parts"]
    assert not part.path.exists()


def test_what_cannot_be_removed_is_an_error_that_says_where(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = put(layout, b"blob")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(TransportError, match="Permission denied") as caught:
        clean(layout, keep_bytes=0)
    assert blob.digest.hex in str(caught.value)


def image(name: str | None, blobs: str, *, subject: str | None = None) -> Kept:
    """Make an image of blobs of one byte each; the first is its manifest."""
    parts = tuple(Piece(Digest.of(letter.encode()), 1, "", LAYER) for letter in blobs)
    entry = Entry({"digest": str(parts[0].digest), "annotations": {"org.opencontainers.image.ref.name": name}})
    return Kept(entry, Need(parts, {}, Digest.of(subject.encode()) if subject else None))


# From a (the oldest) to f; all share the blob "s". What speaks of c speaks of no other one, and so on.
IMAGES = [
    image("a", "as"),
    image("b", "bs"),
    image("c", "cs"),
    image("signature of c", "d", subject="c"),
    image("signature of the signature", "e", subject="d"),
    image("alias of c", "cs"),
    image(None, "fs"),
]
ITEMS = [Item("blobs", Digest.of(letter.encode()), 10, used) for used, letter in enumerate("abcdefs")]
LEFT: dict[str, tuple[set[int], Aim, set[int]]] = {
    "all others": ({1}, Aim(None, None), {1}),
    "what speaks of it": ({2}, Aim(None, None), {2, 3, 4}),
    "what is spoken of": ({4}, Aim(None, None), {3, 4}),
    "what is spoken of, by all its names": ({3}, Aim(None, None), {2, 3, 4, 5}),
    "the young": ({0}, Aim(2, None), {0, 2, 3, 4, 5, 6}),
    "those that there is room for": (set(), Aim(None, 60), {1, 2, 3, 4, 5, 6}),
    "fewer": (set(), Aim(None, 59), {2, 3, 4, 5, 6}),
    "the kept though they are old and too much": ({0, 1}, Aim(99, 0), {0, 1}),
    "all": (set(range(7)), Aim(99, 0), set(range(7))),
    "all that there is room for": (set(), Aim(None, 70), set(range(7))),
}


@pytest.mark.parametrize(("keep", "aim", "left"), LEFT.values(), ids=LEFT)
def test_of_images_these_are_left(keep: set[int], aim: Aim, left: set[int]) -> None:
    assert set(range(7)) - choose_images(IMAGES, keep, ITEMS, aim) == left
