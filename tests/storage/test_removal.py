"""Removal takes names, then what nothing needs any more, and never anything that an image still needs."""

from __future__ import annotations

import json
import tempfile
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
from ocinb.storage.garbage_collection import Removed, remove_blob, remove_images
from ocinb.storage.layout import Layout
from ocinb.storage.usage import Kept
from tests.storage.stores import LIMITS, all_blobs, put_image, put_index

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


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


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


UNKNOWN: dict[str, Callable[[Path], object]] = {
    "damaged": lambda path: path.write_bytes(b"{}"),
    "missing": Path.unlink,
    "a folder": make_folder,
}


@pytest.mark.parametrize("spoil", UNKNOWN.values(), ids=UNKNOWN)
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
