"""What was read becomes columns of one length, row by row as the overlay says."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.archive.entries import FILE, HARDLINK, SYMLINK, Columns
from ocinb.frames.contents import files_columns, filesystem_columns
from ocinb.rootfs.filesystem import overlay


def layer(*entries: tuple[str, str, int, str | None]) -> Columns:
    made = Columns()
    for place, (path, kind, size, target) in enumerate(entries):
        digest = bytes([size]) * 32 if kind == FILE else None
        made.extend(Columns([place], [path], [kind], [size], [0o600], [1], [2], [3], [target], [digest], [None]))
    return made


LAYERS = [
    layer(("b", FILE, 7, None), ("s", SYMLINK, 0, "b")),
    layer(),
    layer(("a", HARDLINK, 0, "b"), ("c", HARDLINK, 0, "b"), ("t", HARDLINK, 0, "s"), ("d", FILE, 7, None)),
]


@pytest.mark.parametrize("layers", [LAYERS, LAYERS[:1], [layer()], []])
def test_all_columns_have_one_length(layers: list[Columns]) -> None:
    result = overlay(layers)
    files, left = files_columns(layers, result), filesystem_columns(layers, result)
    assert {len(values) for values in files.values()} == {sum(map(len, layers))}
    assert {len(values) for values in left.values()} == {len(result.paths)}


def test_entries_come_in_the_order_of_the_layers() -> None:
    columns = files_columns(LAYERS, overlay(LAYERS))
    assert list(zip(columns["layer"], columns["path"], strict=True)) == [
        (0, "b"),
        (0, "s"),
        (2, "a"),
        (2, "c"),
        (2, "t"),
        (2, "d"),
    ]
    assert columns["sha256"] == ["07" * 32, None, None, None, None, "07" * 32]


def test_a_file_is_its_first_name_and_equal_files_are_none() -> None:
    columns = filesystem_columns(LAYERS, overlay(LAYERS))
    rows: list[tuple[Any, ...]] = list(
        zip(*(columns[name] for name in ("path", "type", "size_bytes", "link_target", "layer")), strict=True)
    )
    assert rows == [
        ("a", "file", 7, None, 2),
        ("b", "hardlink", 7, "a", 0),
        ("c", "hardlink", 7, "a", 2),
        ("d", "file", 7, None, 2),
        ("s", "symlink", 0, "b", 0),
        ("t", "symlink", 0, "b", 2),
    ]


def test_the_lists_of_a_layer_stay_what_they_were() -> None:
    before = [len(one) for one in LAYERS]
    files_columns(LAYERS, overlay(LAYERS))
    filesystem_columns(LAYERS, overlay(LAYERS))
    assert [len(one) for one in LAYERS] == before
