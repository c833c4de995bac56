"""Removal takes names, then what nothing needs any more, and never anything that an image still needs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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
from ocinb.storage.atomic_files import new_own_file
from ocinb.storage.garbage_collection import Removed, remove_blob, remove_images
from ocinb.storage.layout import Layout
from ocinb.storage.usage import READ_ENDINGS, Kept
from tests.storage.stores import DAY, LIMITS, all_blobs, named, put, put_image, put_index, stands

ROOT = Path(__file__).parent.parent.parent
PULLING = """
import sys
from pathlib import Path
from ocinb.storage.layout import Layout

with Layout(Path(sys.argv[1])).in_use():
    print("pulling", flush=True)
    sys.stdin.read()
"""
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


def test_what_only_it_needed_goes_and_no_more(layout: Layout) -> None:
    one, two = put_image(layout, b"shared", b"one"), put_image(layout, b"shared", b"two")
    layout.name({"app:1": one, "app:2": two})
    unnamed = put(layout, b"read by digest, and never pulled", age=400 * DAY)
    gone, removed = remove(layout, "app:1")
    assert gone == ["app:1"]
    assert removed.gone == {one.digest: one.size, Digest.of(b"one"): 3}
    assert removed.waiting == {}
    assert names(layout) == ["app:2"]
    assert all_blobs(layout) == {two.digest, unnamed.digest, *map(Digest.of, (b"shared", b"two", b"{}"))}
    assert notes(layout) == []


@pytest.mark.parametrize("there", [[], ["oci-layout"], ["oci-layout", "index.json"]], ids=str)
def test_where_nothing_is_found_nothing_is_made(tmp_path: Path, there: list[str]) -> None:
    layout = Layout(tmp_path / "layout")
    for name in there:
        layout.root.mkdir(exist_ok=True)
        (layout.root / name).write_text('{"imageLayoutVersion": "1.0.0", "manifests": []}')
    before = sorted(tmp_path.rglob("*"))
    assert remove(layout, "app:1") == ([], Removed({}, {}))
    assert sorted(tmp_path.rglob("*")) == before


def test_one_of_two_names_frees_nothing(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    layout.name({"app:1": image, "app:latest": image})
    assert remove(layout, "app:latest") == (["app:latest"], Removed({}, {}))
    assert stands(layout, image)
    assert len(remove(layout, "app:1")[1].gone) == 3
    assert all_blobs(layout) == set()


def test_an_image_in_a_named_index_stays_when_its_own_name_goes(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    layout.name({"app:1": put_index(layout, put_index(layout, image)), "app:1-amd64": image})
    assert remove(layout, "app:1-amd64")[1].gone == {}
    assert stands(layout, image)
    assert remove(layout, "app:1")[0] == ["app:1"]
    assert all_blobs(layout) == set()


def test_what_speaks_about_it_goes_along_unless_its_subject_stays(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    signature = put_image(layout, b"signature", config=b'{"of": 1}', subject=named(image))
    second = put_image(layout, b"signature of a signature", config=b'{"of": 2}', subject=named(signature))
    layout.name({"app:1": image, "app:latest": image, "app:sig": signature, "app:sigsig": second})
    assert remove(layout, "app:1")[0] == ["app:1"]
    assert remove(layout, "app:latest")[0] == ["app:latest", "app:sig", "app:sigsig"]
    assert all_blobs(layout) == set()


@pytest.mark.parametrize("ending", READ_ENDINGS)
def test_what_was_read_of_a_layer_goes_with_it(layout: Layout, ending: str) -> None:
    layout.name({"app:1": put_image(layout, b"layer"), "app:2": put_image(layout, b"other")})
    read = [layout.root / "index" / "sha256" / f"{Digest.of(layer).hex}{ending}" for layer in (b"layer", b"other")]
    read[0].parent.mkdir(parents=True)
    for path in read:
        path.write_bytes(b"rows")
    remove(layout, "app:1")
    assert [path.exists() for path in read] == [False, True]


def test_a_name_that_stands_for_another_image_by_now_stays(layout: Layout) -> None:
    old, new = put_image(layout, b"old"), put_image(layout, b"new")
    layout.name({"app:1": old})

    def choose(kept: Sequence[Kept]) -> list[int]:
        Layout(layout.root).name({"app:1": new})  # another process, at the worst moment
        return list(range(len(kept)))

    _, removed = remove_images(layout, choose, LIMITS)
    assert names(layout) == ["app:1"]
    assert set(removed.gone) == {old.digest, Digest.of(b"old")}
    assert stands(layout, new)
    assert stands(layout, Descriptor("", Digest.of(b"{}"), 2)), "both need the config"


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


def test_while_another_process_pulls_the_name_goes_and_the_blobs_wait(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    layout.name({"app:1": image, "app:2": put_image(layout, b"other")})
    with subprocess.Popen(
        [sys.executable, "-c", PULLING, str(layout.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"pulling\n"
        _, removed = remove(layout, "app:1")
        assert removed.gone == {}
        assert removed.waiting == {image.digest: image.size, Digest.of(b"layer"): 5}
        assert names(layout) == ["app:2"]
        # The other one found the layer here, and names its image now.
        kept = put_image(layout, b"layer", b"more")
        layout.name({"app:3": kept})
        other.communicate()
    gone, removed = remove(layout, "app:2")
    assert gone == ["app:2"]
    assert set(removed.gone) >= {image.digest, Digest.of(b"other")}
    assert Digest.of(b"layer") not in removed.gone
    assert all_blobs(layout) == {kept.digest, *map(Digest.of, (b"layer", b"more", b"{}"))}
    assert notes(layout) == []


PULLING_ANEW = """
import sys
from pathlib import Path
from ocinb.storage.layout import Layout

layout = Layout(Path(sys.argv[1]))
with layout.in_use():
    assert not layout.root.exists()
    layout.prepare()
    print("pulling", flush=True)
    sys.stdin.read()
"""


def test_a_pull_that_makes_its_folder_says_so_too(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "made")
    with subprocess.Popen(
        [sys.executable, "-c", PULLING_ANEW, str(layout.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"pulling\n"
        layout.name({"app:1": put_image(layout, b"layer")})
        _, removed = remove(layout, "app:1")
        assert len(removed.waiting) == 3
        other.communicate()
    with layout.unless_in_use() as free:
        assert free is True


@pytest.mark.parametrize("step", range(12))
def test_a_removal_that_is_killed_leaves_all_images_whole_and_is_completed_by_the_next(
    layout: Layout, step: int
) -> None:
    lost = put_image(layout, b"shared", b"one", b"two", config=b'{"lost": 1}')
    kept = put_image(layout, b"shared", b"three")
    other = put_image(layout, b"four", config=b'{"other": 1}')
    layout.name({"app:1": lost, "app:2": kept, "app:3": other})
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(layout.root), str(step), "app:1"], cwd=ROOT, capture_output=True, check=False
    )
    assert process.returncode in {0, -signal.SIGKILL}, process.stderr
    whole = {kept.digest, other.digest, *map(Digest.of, (b"shared", b"three", b"four", b"{}", b'{"other": 1}'))}
    assert whole <= all_blobs(layout)
    if "app:1" in names(layout):
        assert {lost.digest, *map(Digest.of, (b"one", b"two", b'{"lost": 1}'))} <= all_blobs(layout)
        remove(layout, "app:1")
    remove(layout, "app:3")
    assert all_blobs(layout) == {kept.digest, *map(Digest.of, (b"shared", b"three", b"{}"))}
    assert notes(layout) == []


def test_the_steps_of_the_test_above_reach_from_before_the_name_goes_to_after_the_last_blob(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"one", b"two", config=b'{"lost": 1}')})
    ended = []
    for step in (0, 100):
        command = [sys.executable, "-c", KILLED, str(layout.root), str(step), "app:1"]
        ended.append(subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode)
        assert ("app:1" in names(layout)) is (step == 0)
    assert ended == [-signal.SIGKILL, 0]
    assert all_blobs(layout) == set()


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


def test_a_power_cut_at_any_moment_leaves_no_name_without_its_blobs(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, steps = put_image(layout, b"layer"), Steps(layout.root)
    steps.watch(monkeypatch)
    layout.name({"app:1": image})
    index = ["sync file", "move index.json", "sync .", "sync above"]
    assert steps.seen == ["sync blobs/sha256", "sync blobs", *index], "blobs are first, then names"
    steps.seen.clear()
    (layout.root / ".ocinb" / "pending").mkdir()
    remove(layout, "app:1")
    note = ["sync file", "move .ocinb/pending/note", "sync .ocinb/pending", "sync .ocinb"]
    assert steps.seen[:8] == [*note, *index], "what shall go is noted first, then the names go, and then the blobs"
    assert {step.partition("/")[0] for step in steps.seen[8:]} == {"remove blobs", "remove .ocinb"}


class Steps:
    """What reaches the disk under a folder, and in which order."""

    def __init__(self, root: Path) -> None:
        self.seen: list[str] = []
        self._root = root

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        replaced, removed, synced = Path.replace, Path.unlink, os.fsync

        def replace(path: Path, other: Path) -> Path:
            self.seen.append(f"move {self._told(other)}")
            return replaced(path, other)

        def unlink(path: Path, *, missing_ok: bool = False) -> None:
            if os.path.lexists(path):
                self.seen.append(f"remove {self._told(path)}")
            removed(path, missing_ok=missing_ok)

        def sync(handle: int) -> None:
            folders = [path for path in (self._root.parent, self._root, *self._root.rglob("*")) if path.is_dir()]
            same = [path for path in folders if os.path.samestat(path.stat(), os.fstat(handle))]
            self.seen.append(f"sync {self._told(same[0]) if same else 'file'}")
            synced(handle)

        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(Path, "unlink", unlink)
        monkeypatch.setattr(os, "fsync", sync)

    def _told(self, path: Path) -> str:
        if path == self._root.parent:
            return "above"
        place = path.relative_to(self._root)
        return str(place.parent / "note") if place.parent.name == "pending" else str(place)


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


def test_indexes_that_lie_deep_are_followed_to_the_end(layout: Layout) -> None:
    thing = image = put_image(layout, b"layer")
    for _ in range(300):
        thing = put_index(layout, thing)
    layout.name({"app:1": thing, "app:2": put_image(layout, b"other")})
    remove(layout, "app:2")
    assert stands(layout, image)
    assert len(remove(layout, "app:1")[1].gone) == 303


def outside(layout: Layout) -> Path:
    folder = layout.root.with_name("outside")
    folder.mkdir()
    return folder


def test_a_link_goes_and_what_it_points_at_stays(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    target = outside(layout) / "precious"
    path = layout.blobs.path(Digest.of(b"layer"))
    path.rename(target)
    path.symlink_to(target)
    remove(layout, "app:1")
    assert target.read_bytes() == b"layer"
    assert not os.path.lexists(path)


def test_behind_a_linked_folder_nothing_goes(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    target = outside(layout) / "sha256"
    (layout.root / "blobs" / "sha256").rename(target)
    (layout.root / "blobs" / "sha256").symlink_to(target)
    _, removed = remove(layout, "app:1")
    assert removed.gone == {}
    assert len(list(target.iterdir())) == 3
    assert names(layout) == []


def test_a_folder_in_the_place_of_a_blob_stays(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    path = layout.blobs.path(Digest.of(b"layer"))
    path.unlink()
    path.mkdir()
    remove(layout, "app:1")
    assert path.is_dir()
    assert not remove_blob(layout, Digest.of(b"layer"))


def test_names_of_odd_bytes_among_the_blobs_are_left_alone(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    odd = [os.fsencode(layout.root / "blobs" / "sha256") + b"/" + name for name in (b"\xff\xfe", b"a\nb", b"x" * 64)]
    for path in odd:
        Path(os.fsdecode(path)).write_bytes(b"somebody's")
    remove(layout, "app:1")
    assert [Path(os.fsdecode(path)).read_bytes() for path in odd] == [b"somebody's"] * 3
    assert len(all_blobs(layout)) == 3


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


def test_a_note_that_a_stranger_wrote_takes_nothing_that_is_needed(layout: Layout) -> None:
    image = put_image(layout, b"layer")
    layout.name({"app:1": image, "app:2": put_image(layout, b"other")})
    unnamed = put(layout, b"of no name")
    note = new_own_file(layout.root, "pending")
    note.parent.mkdir()
    note.write_bytes(b"\xff\n../../x\n%s\n%s\n" % (image.digest.encode(), unnamed.digest.encode()))
    _, removed = remove(layout, "app:2")
    assert stands(layout, image)
    assert unnamed.digest in removed.gone
    assert notes(layout) == []


def test_without_anything_to_remove_nothing_is_written(layout: Layout) -> None:
    layout.name({"app:1": put_image(layout, b"layer")})
    before = (layout.root / "index.json").stat()
    assert remove(layout, "none") == ([], Removed({}, {}))
    assert (layout.root / "index.json").stat().st_ino == before.st_ino
