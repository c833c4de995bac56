"""The final file system is the one that umoci unpacks: each path, each owner, each byte, and each link followed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb.errors import OcinbError
from tests.real.realimages import Layout
from tests.real.trees import Facts, assert_same_rows, opened_in_root, told, unpacked, walked

pytestmark = pytest.mark.real

IMAGES = ["busybox", "debian", "built", "odd", "names", "unpadded"]
READ_OF_EACH = 6  # of larger images so many files are read, one by one: each from the beginning of its layer


@dataclass(frozen=True)
class Unpacked:
    name: str
    reference: str
    root: Path
    begun: int  # when umoci began, in microseconds

    def tree(self) -> dict[str, Facts]:
        """Give what layers store: a folder that none does umoci makes up, and sets no clock back to a whole second."""
        rows = walked(self.root)
        return {path: row for path, row in rows.items() if row.type != "directory" or not self._is_made_up(row.mtime)}

    def _is_made_up(self, mtime: int | None) -> bool:
        return mtime is not None and mtime >= self.begun and mtime % 10**6 > 0


@pytest.fixture(scope="module", params=IMAGES)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Unpacked:
    layout: Layout = request.getfixturevalue(f"{request.param}_layout")
    begun = time.time_ns() // 1000
    root = unpacked(layout, tmp_path_factory.mktemp("tree") / "root")
    return Unpacked(request.param, layout.reference, root, begun)


@pytest.fixture(scope="module")
def odd_root(odd_layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked(odd_layout, tmp_path_factory.mktemp("odd-tree") / "root")


def test_the_file_system_is_the_tree(image: Unpacked) -> None:
    assert_same_rows(told(ocinb.filesystem(image.reference)), image.tree())


def test_visible_entries_are_what_the_tree_shows(image: Unpacked) -> None:
    frame = ocinb.files(image.reference)
    shown = frame[frame["visible"]]
    theirs = image.tree()
    places = [_place(image.root, path) for path in shown["path"]]
    assert set(places) - {""} == theirs.keys()
    assert len(places) == len(set(places)), "of one path one entry is visible"
    for place, digest in zip(places, shown["sha256"], strict=True):
        if pd.notna(digest):
            assert theirs[place].sha256 == digest, place


def test_a_folder_that_no_layer_stores_has_no_row(odd_layout: Layout) -> None:
    paths = set(ocinb.filesystem(odd_layout.reference)["path"])
    assert "implied/one" in paths
    assert "implied" not in paths


def test_regular_content_is_as_long_as_the_tree(image: Unpacked) -> None:
    [figures] = ocinb.efficiency(image.reference).to_dict("records")
    sizes = {(found.st_dev, found.st_ino): found.st_size for found in _regular_files(image.root)}
    stored = ocinb.files(image.reference).query("type == 'file'")["size_bytes"].sum()
    assert figures["visible_bytes"] == sum(sizes.values())
    assert figures["stored_bytes"] == stored
    assert figures["hidden_bytes"] == stored - sum(sizes.values())
    assert ocinb.hidden(image.reference)["hidden_bytes"].sum() == figures["hidden_bytes"]


def test_each_file_reads_as_in_the_tree(image: Unpacked) -> None:
    frame = ocinb.filesystem(image.reference)
    paths = frame.loc[frame["type"].isin(["file", "hardlink"]), "path"].tolist()
    step = len(paths) // READ_OF_EACH + 1
    for path in paths[::step]:
        assert ocinb.read(image.reference, path) == (image.root / _on_disk(path)).read_bytes(), path


def test_links_lead_where_the_kernel_goes(image: Unpacked) -> None:
    frame = ocinb.filesystem(image.reference)
    links = frame.loc[frame["type"] == "symlink", "path"].tolist()
    step = len(links) // READ_OF_EACH + 1
    for path in links[::step]:
        assert _ours(image.reference, path) == _theirs(image.root, _on_disk(path)), path


@pytest.mark.parametrize(
    "path",
    [
        "bin/sh",
        "/bin/../bin/tool",
        "lib64/a.so",
        "lib/./a.so",
        "etc/above",
        "etc/absolute",
        "etc/loop-a",
        "etc/nowhere",
        "../../etc/passwd",
        "etc/passwd/x",
        "etc",
        "lib64",
        "etc/../lib64/../bin/sh",
        "srv/one",
        "usr/bin/shell",
    ],
)
def test_paths_lead_where_the_kernel_goes(path: str, odd_layout: Layout, odd_root: Path) -> None:
    assert _ours(odd_layout.reference, path) == _theirs(odd_root, path)


def test_the_last_entry_of_a_path_counts(names_layout: Layout) -> None:
    frame = ocinb.files(names_layout.reference)
    twice = frame[frame["path"] == "gnu/twice"]
    assert twice["visible"].tolist() == [False, True]
    assert ocinb.read(names_layout.reference, "gnu/twice") == b"the last entry of a path counts"
    assert ocinb.read(names_layout.reference, "gnu/twice", layer=0) == b"the last entry of a path counts"
    hidden = ocinb.hidden(names_layout.reference)
    again = hidden[hidden["path"] == "gnu/twice"]
    assert again[["hidden_bytes", "reason", "stored_in", "hidden_in"]].to_numpy().tolist() == [[5, "overwritten", 0, 0]]


def test_a_layer_gives_what_it_stored_also_if_that_is_hidden(odd_layout: Layout) -> None:
    def read(path: str, layer: int) -> bytes:
        return ocinb.read(odd_layout.reference, path, layer=layer)

    assert read("srv/one", 0) == b"one" * 50
    assert read("etc/motd", 0) == b"one\n"
    assert [read("etc/passwd", layer) for layer in (0, 1)] == [b"root:x:0:0\n", b"root:x:0:0\nshop:x:1:1\n"]
    assert read("srv/old/deep/kept", 0) == b"deep/kept"
    assert [read("srv/two", layer) for layer in (0, 2)] == [b"two" * 50, b"again in the same layer"]
    assert [read("usr/bin/tool", layer) for layer in (0, 3)] == [b"tool" * 300, b"another tool"]


def _place(root: Path, path: str) -> str:
    """Give where an entry ends up when folders above it are links."""
    folder, slash, name = _on_disk(path).rpartition("/")
    parent = os.path.realpath(root / folder)
    if folder and not parent.startswith(f"{root}"):  # an absolute link, which means the image's own root
        parent = f"{root}{parent}"
    return _in_frame(f"{parent}{slash or '/'}{name}"[len(f"{root}") + 1 :])


def _regular_files(root: Path) -> Iterator[os.stat_result]:
    for path in root.rglob("*"):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            yield found


def _ours(reference: str, path: str) -> bytes | None:
    try:
        return ocinb.read(reference, path)
    except OcinbError:
        return None


def _theirs(root: Path, path: str) -> bytes | None:
    try:
        return opened_in_root(root, path)
    except OSError:
        return None


def _on_disk(path: str) -> str:
    """Give the name on the disk of a path in a frame."""
    return path.replace("\\\\x", "\\x")


def _in_frame(path: str) -> str:
    return path.replace("\\x", "\\\\x")
