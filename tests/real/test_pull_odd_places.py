"""Stores in places that are not as one would like: read-only, oddly named, behind a link, with other rights."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.real import aftermath, children, mischief
from tests.real.children import Pull
from tests.real.places import in_memory, read_only
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

NOBODY = (partial(mischief.become_nobody),)


def is_refused(pull: Pull, *, naming: Path, reason: str) -> bool:
    """Say whether a pull ends with an error that names the folder, says why, and what to try."""
    told = children.pull_in_child(pull)
    says = (str(naming) in str(told.error), reason in str(told.error), "destination=" in str(told.hint))
    return told.kind == "TransportError" and all(says)


def check_lent(pull: Pull, before: dict[str, bytes], images: RealImages, *, reason: str) -> None:
    """See that what is all there is found, that nothing else is, and that both change nothing."""
    for verify in ("size", "full"):
        assert children.pull_in_child(replace(pull, verify=verify)).outcomes == ["present"] * 4
    another_name, another_image = (images.index_children[name] for name in ("amd64", "arm64"))
    for reference in (another_name, another_image):
        assert is_refused(replace(pull, reference=reference), naming=pull.layout, reason=reason)
    assert aftermath.contents_of(pull.layout) == before


@pytest.mark.parametrize("folder", [None, "lent"])
def test_a_store_that_is_lent_read_only_gives_what_it_has(
    real_images: RealImages, tmp_path: Path, folder: str | None
) -> None:
    pull = Pull(real_images.busybox_oci, tmp_path / "home", tmp_path / folder if folder else None)
    assert children.pull_in_child(pull).error is None
    before = aftermath.contents_of(pull.layout)
    with read_only(pull.layout):
        check_lent(pull, before, real_images, reason="Read-only file system")
    assert aftermath.only_whole_blobs(pull.layout)


@pytest.mark.parametrize("folder", ["empty", "empty/below", "empty/far/below"])
def test_a_folder_where_nobody_may_write_is_refused_before_a_layer_comes(
    real_images: RealImages, tmp_path: Path, folder: str
) -> None:
    (tmp_path / "empty").mkdir()
    with read_only(tmp_path / "empty"):
        wanted = Pull(real_images.busybox_oci, tmp_path / "home", tmp_path / folder)
        assert is_refused(wanted, naming=tmp_path / folder, reason="Read-only file system")


@contextmanager
def open_to_all(otherwise: Path) -> Iterator[Path]:
    """Give a folder that others may enter, unlike those of pytest."""
    with in_memory(otherwise) as folder:
        folder.chmod(0o755)
        yield folder


def test_a_store_of_somebody_else_gives_what_it_has(real_images: RealImages, tmp_path: Path) -> None:
    with open_to_all(tmp_path) as folder:
        if os.geteuid() or not may_nobody_enter(folder):
            pytest.skip("only root becomes somebody else, who has to reach this folder")
        pull = Pull(real_images.busybox_oci, folder / "own", folder / "layout")
        assert children.pull_in_child(pull).error is None
        before = aftermath.contents_of(pull.layout)
        (folder / "others").mkdir()
        (folder / "others").chmod(0o777)
        check_lent(replace(pull, home=folder / "others", first=NOBODY), before, real_images, reason="Permission denied")
        unwritable = replace(pull, home=folder / "others", destination=folder / "new", first=NOBODY)
        assert is_refused(unwritable, naming=folder / "new", reason="Permission denied")


def may_nobody_enter(folder: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def test_a_folder_below_a_file(real_images: RealImages, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("this is no folder", encoding="utf-8")
    for folder in (file / "below", file / "far" / "below"):
        wanted = Pull(real_images.busybox_oci, tmp_path / "home", folder)
        assert is_refused(wanted, naming=folder, reason="Not a directory")
    store = Pull(real_images.busybox_oci, file)
    assert is_refused(store, naming=file / "store", reason="Not a directory")
    assert file.read_text(encoding="utf-8") == "this is no folder"


def test_a_name_that_no_disk_takes_is_refused(real_images: RealImages, tmp_path: Path) -> None:
    for folder in (tmp_path / ("x" * 256), None):
        wanted = Pull(real_images.busybox_oci, tmp_path / ("x" * 256), folder)
        assert is_refused(wanted, naming=wanted.layout, reason="File name too long")


@pytest.mark.parametrize(
    "name", ["with two words", "ünïcödé 容器 🐳", "n" * 200, "-rf", "~", "two\nlines", "100%25 #1?&*[x]{y}'\"`$(x)\\"]
)
def test_a_folder_with_any_name(real_images: RealImages, tmp_path: Path, name: str) -> None:
    for folder in (tmp_path / name, None):
        pull = Pull(real_images.busybox_oci, tmp_path / "home" / name, folder)
        pulled = children.pull_in_child(pull)
        assert pulled.outcomes == ["downloaded"] * 4
        assert all(Path(row["path"]).is_relative_to(pull.layout) for row in pulled.rows)
        assert set(children.pull_in_child(pull).outcomes) == {"present"}
        assert aftermath.only_whole_blobs(pull.layout)
        assert aftermath.names_in(pull.layout) == [real_images.busybox_oci]
    assert aftermath.accepted_by_peers(tmp_path / name, real_images.busybox_oci)


def test_a_link_to_a_folder_on_another_disk(real_images: RealImages, tmp_path: Path) -> None:
    with in_memory(tmp_path) as elsewhere:
        layout = tmp_path / "layout"
        layout.symlink_to(elsewhere)
        pull = Pull(real_images.busybox_oci, tmp_path / "home", layout)
        assert children.pull_in_child(pull).outcomes == ["downloaded"] * 4
        assert layout.is_symlink()
        assert set(children.pull_in_child(pull).outcomes) == {"present"}
        assert aftermath.only_whole_blobs(layout)
        assert aftermath.no_parts(layout)
        assert aftermath.verified(layout)
        assert aftermath.accepted_by_peers(layout, real_images.busybox_oci)


@pytest.mark.parametrize("inner", ["blobs", "blobs/sha256"])
def test_a_link_to_another_disk_inside_a_layout_is_refused(real_images: RealImages, tmp_path: Path, inner: str) -> None:
    # A file gets its name by being moved, which only works on one disk; nothing else is sure to be whole.
    with in_memory(tmp_path) as elsewhere:
        if elsewhere.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("this machine has one disk only")
        layout = tmp_path / "layout"
        (layout / inner).parent.mkdir(parents=True)
        (layout / inner).symlink_to(elsewhere)
        wanted = Pull(real_images.busybox_oci, tmp_path / "home", layout)
        assert is_refused(wanted, naming=layout, reason="Invalid cross-device link")
        assert aftermath.only_whole_blobs(layout)
        assert aftermath.names_in(layout) == []


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_who_may_read_is_what_the_umask_says_and_the_store_is_for_its_owner(
    real_images: RealImages, tmp_path: Path, mask: int
) -> None:
    first = (partial(mischief.set_umask, mask),)
    shared = Pull(real_images.busybox_oci, tmp_path, tmp_path / "layout", first=first)
    own = replace(shared, destination=None)
    for pull in (shared, own):
        assert children.pull_in_child(pull).error is None
    assert modes_in(shared.layout) == {0o777 & ~mask, 0o666 & ~mask}
    assert stat.S_IMODE(shared.layout.stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE(own.layout.stat().st_mode) == 0o700
    assert aftermath.accepted_by_peers(shared.layout, real_images.busybox_oci)


def modes_in(layout: Path) -> set[int]:
    """Give the rights of what a reader of a layout sees."""
    seen = [layout / "oci-layout", layout / "index.json", *(layout / "blobs").rglob("*")]
    return {stat.S_IMODE(path.stat().st_mode) for path in seen}
