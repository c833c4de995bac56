from __future__ import annotations

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import COLUMNS, FILE, OPAQUE, WHITEOUT, Columns
from ocinb.errors import InvalidError
from ocinb.rootfs.whiteouts import as_layer, is_leftover, stored_files
from ocinb.samples.tars import Entry, directory, file, hardlink, opaque, symlink, whiteout
from tests.rootfs.layers import layer_of, tar_of

_NAMES = st.sampled_from(
    ["a", ".wh.a", ".wh..wh..opq", ".wh..wh.x", ".wh.", ".wh", ".prefetch.landmark", ".wh..wh.plnk"]
)


@pytest.mark.parametrize(
    ("path", "kind", "removed"),
    [
        (".wh.a", WHITEOUT, "a"),
        ("d/e/.wh.a", WHITEOUT, "d/e/a"),
        (".wh..wh..opq", OPAQUE, ""),
        ("d/e/.wh..wh..opq", OPAQUE, "d/e"),
        ("d/.wh..wh.x", WHITEOUT, "d/.wh.x"),  # a name that no file can have, so it removes nothing
        ("d/.wh..wh.plnk", WHITEOUT, "d/.wh.plnk"),  # aufs has that in the root alone
        (".wh..wh.", WHITEOUT, ".wh."),
        (".wh...a", WHITEOUT, "..a"),
        (".wh", FILE, ".wh"),
        (".wh.d/a", FILE, ".wh.d/a"),
        ("d.wh.a", FILE, "d.wh.a"),
    ],
)
def test_names_are_read_as_markers(path: str, kind: str, removed: str) -> None:
    layer = layer_of(file(path))
    assert (layer.type, layer.path) == ([kind], [removed])


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh..."])
@pytest.mark.parametrize("folder", ["", "d/e/"])
def test_a_whiteout_of_nothing_is_refused_and_says_where(name: str, folder: str) -> None:
    with pytest.raises(InvalidError, match=f"entry 1 of the layer is '{folder}{name}'".replace(".", r"\.")):
        layer_of(file("a"), file(f"{folder}{name}"))


def test_a_refusal_shows_no_control_characters() -> None:
    with pytest.raises(InvalidError) as caught:
        layer_of(file("\x1b[2J/.wh."))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_the_name_makes_a_marker_whatever_its_type_and_it_stores_nothing(kind: bytes) -> None:
    content = b"ten bytes." if kind == tarfile.REGTYPE else b""
    layer = layer_of(Entry("d/.wh.a", kind, content, 0o4755, 7, "target"))
    assert (layer.type, layer.size_bytes, layer.sha256, layer.link_target) == ([WHITEOUT], [0], [None], [None])
    assert (layer.offset, layer.mode, layer.uid) == ([None], [0o4755], [7])
    assert list(stored_files(layer)) == []


def test_what_estargz_adds_is_dropped_and_positions_stay() -> None:
    layer = layer_of(
        file(".no.prefetch.landmark", b"\x0f", mode=0),
        file("a"),
        file(".prefetch.landmark", b"\x0f", mode=0),
        file("b"),
        file("stargz.index.json", b"{}", mode=0),
    )
    assert (layer.path, layer.position) == (["a", "b"], [1, 3])


@pytest.mark.parametrize(
    "entry",
    [
        file("stargz.index.json", b"{}"),
        file("stargz.index.json", b"{}", mode=0, owner=1000),
        file("d/stargz.index.json", b"{}", mode=0),
        directory("stargz.index.json", mode=0),
        symlink("stargz.index.json", "a"),
        file(".prefetch.landmark", b"\x0f"),
        file(".prefetch.landmark", b"two", mode=0),
        file("d/.no.prefetch.landmark", b"\x0f", mode=0),
        file("stargz.index.json.txt", b"{}", mode=0),
    ],
)
def test_a_file_of_an_image_stays_whatever_it_is_called(entry: Entry) -> None:
    assert layer_of(entry) == tar_of(entry)


def test_the_columns_of_the_tar_stay_as_they_are() -> None:
    tar = tar_of(whiteout("a"), file("b"))
    as_layer(tar)
    assert tar == tar_of(whiteout("a"), file("b"))


@given(st.lists(st.lists(_NAMES, min_size=1, max_size=3).map("/".join).filter(lambda path: not path.endswith(".wh."))))
def test_batches_are_read_as_the_whole(paths: list[str]) -> None:
    tar = tar_of(*map(file, paths))
    together = Columns()
    for place in range(len(tar)):
        together.extend(as_layer(tar.chosen([place])))
    assert together == as_layer(tar)
    assert {len(getattr(together, name)) for name in COLUMNS} == {len(together)}


def test_leftovers_of_aufs_lie_in_the_root() -> None:
    names = [".wh..wh.aufs", ".wh..wh.orph", ".wh..wh.plnk", ".wh..wh.plnk/1.2", ".wh..wh.orph/a/b"]
    others = ["", "a", ".wh..wh..opq", ".wh..wh.plnks", "a/.wh..wh.plnk", ".wh.plnk", ".wh..wh."]
    assert [is_leftover(name) for name in names + others] == [True] * len(names) + [False] * len(others)
    assert layer_of(*map(file, names)).type == [FILE] * len(names)


def test_leftovers_store_nothing_but_what_a_hard_link_names() -> None:
    layer = layer_of(
        directory(".wh..wh.plnk"),
        file(".wh..wh.aufs", b"x"),
        file(".wh..wh.plnk/1.2", b"linked"),
        file(".wh..wh.plnk/3.4", b"not linked"),
        hardlink("a", ".wh..wh.plnk/1.2"),
        symlink("b", ".wh..wh.plnk/3.4"),
        file("c", b"c"),
        opaque("d"),
    )
    assert [layer.path[place] for place in stored_files(layer)] == [".wh..wh.plnk/1.2", "c"]
