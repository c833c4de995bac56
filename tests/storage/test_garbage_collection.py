"""Pruning takes what is old or too much, and never what an image needs or somebody is at work on."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_MANIFEST
from ocinb.storage.blob_locks import lock_part
from ocinb.storage.garbage_collection import (
    Aim,
    Removed,
    choose,
    choose_images,
    note_pending,
    prune,
    remove_blob,
    remove_images,
)
from ocinb.storage.index_file import Entry
from ocinb.storage.layout import Layout
from ocinb.storage.reachability import LAYER, Need, Piece
from ocinb.storage.usage import READ_ENDINGS, Item, Kept
from tests.storage.stores import DAY, LIMITS, all_blobs, named, put, put_document, put_image, put_index, stands

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


def clean_folder(layout: Layout, **keep: Any) -> set[object]:
    return {item.name for item in prune(layout, None, Aim(None, 0), limits=LIMITS, **keep).items}


def foreign_layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "foreign")
    (layout.root / "blobs" / "sha256").mkdir(parents=True)
    (layout.root / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout


def write_index(layout: Layout, *entries: dict[str, Any]) -> None:
    (layout.root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))


def age_all(layout: Layout) -> None:
    """Make it look as if another tool had written it long ago."""
    shutil.rmtree(layout.root / ".ocinb", ignore_errors=True)
    for path in (layout.root / "blobs").glob("*/*"):
        os.utime(path, (time.time() - 2 * DAY,) * 2)


def test_what_loses_its_name_takes_nothing_along_that_speaks_of_what_stays(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    stays, goes = put_image(layout, b"stays", config=b'{"of": 1}'), put_image(layout, b"goes", b"shared")
    speaking = put_image(layout, b"shared", subject=named(stays))
    write_index(layout, named(stays), named(goes))
    age_all(layout)
    assert clean_folder(layout, keep=lambda _: [0]) == {goes.digest, Digest.of(b"goes")}
    assert stands(layout, speaking)


def test_where_nothing_goes_nothing_is_made(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    image = put_image(layout, b"layer")
    write_index(layout, named(image))
    age_all(layout)
    for keep in ({}, {"keep": lambda kept: range(len(kept))}):
        assert clean_folder(layout, **keep) == set()
        assert not (layout.root / ".ocinb").exists()
    assert clean_folder(layout, keep=lambda _: []) == {image.digest, *map(Digest.of, (b"layer", b"{}"))}


def test_an_entry_that_cannot_be_followed_stops_all_and_goes_with_none(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    image = put_image(layout, b"layer")
    write_index(layout, named(image), {"mediaType": OCI_MANIFEST, "digest": "blake3:00", "size": 1})
    age_all(layout)
    before = (layout.root / "index.json").read_bytes()
    keeps: list[dict[str, Any]] = [{}, {"keep": lambda _: []}]
    for keep in keeps:
        with pytest.raises(InvalidError, match="nothing can be removed, since the layout names 'blake3:00'"):
            clean_folder(layout, **keep)
    assert (layout.root / "index.json").read_bytes() == before
    assert stands(layout, image)


def test_what_a_document_of_an_unknown_kind_names_stays(tmp_path: Path) -> None:
    layout = foreign_layout(tmp_path)
    part = put(layout, b"a part")
    model = put_document(layout, {"parts": [{"inner": named(part)}]}, "application/vnd.example.model+json")
    write_index(layout, named(model))
    age_all(layout)
    assert clean_folder(layout) == set()
    assert stands(layout, part)


ROOT = Path(__file__).parent.parent.parent
# Dies at its n-th step: each file that goes is one, and so is the writing of the index.
KILLED = """
import os, signal, sys
from pathlib import Path
from ocinb.storage import garbage_collection, layout as layouts
from ocinb.storage.layout import Layout
from tests.storage.stores import LIMITS

left = int(sys.argv[2])

def step(function):
    def stepped(*arguments, **more):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return function(*arguments, **more)
    return stepped

Path.unlink = step(Path.unlink)
Path.replace = step(Path.replace)
Path.write_bytes = step(Path.write_bytes)
names = set(sys.argv[3:])
garbage_collection.remove_images(
    Layout(Path(sys.argv[1])), lambda kept: [n for n, one in enumerate(kept) if one.entry.name in names], LIMITS
)
print("done", flush=True)
"""


def remove(layout: Layout, *names: str) -> tuple[list[str | None], Removed]:
    def choose(kept: Sequence[Kept]) -> list[int]:
        return [place for place, one in enumerate(kept) if one.entry.name in names]

    images, removed = remove_images(layout, choose, LIMITS)
    return [one.entry.name for one in images], removed


def names(layout: Layout) -> list[str | None]:
    return [entry.name for entry in layout.entries()]


def notes(layout: Layout) -> list[Path]:
    return list(layout.root.glob(".ocinb/pending/*"))


@pytest.mark.parametrize("there", [[], ["oci-layout"], ["oci-layout", "index.json"]], ids=str)
def test_where_nothing_is_found_nothing_is_made(tmp_path: Path, there: list[str]) -> None:
    layout = Layout(tmp_path / "layout")
    for name in there:
        layout.root.mkdir(exist_ok=True)
        (layout.root / name).write_text('{"imageLayoutVersion": "1.0.0", "manifests": []}')
    before = sorted(tmp_path.rglob("*"))
    assert remove(layout, "app:1") == ([], Removed({}, {}))
    assert sorted(tmp_path.rglob("*")) == before


@dataclass(frozen=True)
class Drawn:
    """A store as it was drawn: images as lists of layers, indexes as lists of earlier things, names, what goes."""

    images: list[list[int]]
    indexes: list[list[int]]
    names: list[int]
    gone: list[bool]


@st.composite
def drawn_stores(draw: st.DrawFn) -> Drawn:
    images = draw(st.lists(st.lists(st.integers(0, 5), max_size=4), min_size=1, max_size=4))
    count = draw(st.integers(0, 3))
    below = len(images)
    indexes = [draw(st.lists(st.integers(0, below + place - 1), max_size=3)) for place in range(count)]
    tops = draw(st.lists(st.integers(0, below + count - 1), min_size=1, max_size=5))
    return Drawn(images, indexes, tops, draw(st.lists(st.booleans(), min_size=len(tops), max_size=len(tops))))


def write(layout: Layout, drawn: Drawn) -> tuple[list[Descriptor], list[set[str]]]:
    """Write a drawn store, and say by digest what each thing in it consists of."""
    things: list[Descriptor] = []
    closures: list[set[str]] = []
    for number, layers in enumerate(drawn.images):
        raws, config = [b"layer %d" % layer for layer in layers], b'{"image": %d}' % (number % 2)
        things.append(put_image(layout, *raws, config=config))
        closures.append({things[-1].digest, *map(Digest.of, [*raws, config])})
    for children in drawn.indexes:
        things.append(put_index(layout, *(things[child] for child in children)))
        closures.append({things[-1].digest}.union(*(closures[child] for child in children)))
    return things, closures


@given(drawn_stores())
@hypothesis_settings(max_examples=60)
def test_nothing_that_an_image_needs_goes_and_nothing_else_is_left(drawn: Drawn) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder))
        layout.prepare()
        things, closures = write(layout, drawn)
        layout.name({f"app:{number}": things[top] for number, top in enumerate(drawn.names)})
        stays = [number for number, gone in enumerate(drawn.gone) if not gone]
        needed = set[str]().union(*(closures[drawn.names[number]] for number in stays))
        lost = set[str]().union(*(closures[top] for top, gone in zip(drawn.names, drawn.gone, strict=True) if gone))
        before, size = all_blobs(layout), used(layout)
        _, removed = remove(layout, *(f"app:{number}" for number, gone in enumerate(drawn.gone) if gone))
        assert names(layout) == [f"app:{number}" for number in stays]
        assert all_blobs(layout) == before - (lost - needed)
        assert set(removed.gone) == lost - needed
        assert sum(removed.gone.values()) == size - used(layout)


def used(layout: Layout) -> int:
    return sum(path.stat().st_size for path in (layout.root / "blobs").glob("*/*"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


UNKNOWN_REMOVAL: dict[str, Callable[[Path], object]] = {
    "damaged": lambda path: path.write_bytes(b"{}"),
    "missing": Path.unlink,
    "a folder": make_folder,
}


@pytest.mark.parametrize("spoil", UNKNOWN_REMOVAL.values(), ids=UNKNOWN_REMOVAL)
def test_while_nobody_can_tell_what_another_image_needs_nothing_goes(
    layout: Layout, spoil: Callable[[Path], object]
) -> None:
    spoiled = put_image(layout, b"other")
    layout.name({"app:1": put_image(layout, b"layer"), "app:2": spoiled})
    spoil(layout.blobs.path(spoiled.digest))
    before, index = all_blobs(layout), (layout.root / "index.json").read_bytes()
    with pytest.raises(IntegrityError, match=r"nothing can be removed, since 'app:2' stays.*or remove app:2 too"):
        remove(layout, "app:1")
    assert (all_blobs(layout), (layout.root / "index.json").read_bytes()) == (before, index)
    assert notes(layout) == []
    # The damaged one itself may go, and what it is known to need.
    assert remove(layout, "app:2")[0] == ["app:2"]
    assert remove(layout, "app:1")[0] == ["app:1"]


def test_an_entry_of_an_unknown_algorithm_may_need_anything(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    index = json.loads((layout.root / "index.json").read_bytes())
    index["manifests"].append({"mediaType": OCI_MANIFEST, "digest": "blake3:00", "size": 3})
    (layout.root / "index.json").write_text(json.dumps(index))
    with pytest.raises(InvalidError, match="nothing can be removed, since the layout names 'blake3:00'"):
        remove(layout, "app:1")
    assert Digest.of(b"layer") in all_blobs(layout)


def test_an_index_of_a_hundred_megabytes_is_refused_before_it_is_read(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    with (layout.root / "index.json").open("ab") as file:
        file.truncate(100 * 1024 * 1024)
    with pytest.raises(InvalidError, match="104,857,600 bytes, more than max_list_bytes"):
        remove(layout, "app:1")


def outside(layout: Layout) -> Path:
    folder = layout.root.with_name("outside")
    folder.mkdir()
    return folder


def test_a_folder_in_the_place_of_a_blob_stays(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    path = layout.blobs.path(Digest.of(b"layer"))
    path.unlink()
    path.mkdir()
    remove(layout, "app:1")
    assert path.is_dir()
    assert not remove_blob(layout, Digest.of(b"layer"))


def test_a_store_that_cannot_be_written_keeps_all(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    opened = Path.open

    def read_only(self: Path, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        if mode != "rb":
            raise OSError(30, "Read-only file system")
        return opened(self, mode, *arguments, **more)

    monkeypatch.setattr(Path, "open", read_only)
    with pytest.raises(TransportError, match="Read-only file system"):
        remove(layout, "app:1")
    monkeypatch.undo()
    assert names(layout) == ["app:1"]
    assert len(all_blobs(layout)) == 3


DIGESTS = {Digest.of(b"a"), Digest.of(b"b"), Digest.of(b"c", "sha512")}


def test_a_note_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".ocinb").write_bytes(b"no folder")
    with pytest.raises(TransportError, match="cannot be used"):
        note_pending(tmp_path, DIGESTS)
