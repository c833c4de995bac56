"""The inventory counts what is kept here, by kind, and nothing behind a link."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.usage import KINDS, READ_ENDINGS, Amount, Item, count, is_at_work, list_items
from tests.storage.stores import put


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "layout")
    layout.prepare()
    return layout


def listed(layout: Layout) -> list[Item]:
    return list_items(layout, layout.root / "no-cache")


def test_each_kind_is_counted_also_where_there_is_nothing() -> None:
    items = [Item("blobs", Digest.of(b"a"), 3, 0), Item("parts", Path("x"), 4, 0), Item("parts", Path("y"), 5, 0)]
    assert count(items) == [Amount("blobs", 1, 3), Amount("index", 0, 0), Amount("parts", 2, 9), Amount(KINDS[3], 0, 0)]


def test_a_blob_is_an_item_and_what_is_none_is_not(layout: Layout) -> None:
    blob = put(layout, b"blob", age=1000)
    (layout.root / "blobs" / "sha256" / "notes.txt").write_bytes(b"somebody's")
    layout.blobs.path(Digest.of(b"folder")).mkdir()
    [item] = listed(layout)
    assert (item.kind, item.name, item.size) == ("blobs", blob.digest, 4)
    assert item.used == pytest.approx(layout.blobs.path(blob.digest).stat().st_mtime)
    assert not is_at_work(item)


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


def test_what_was_read_of_layers_counts_as_index(layout: Layout) -> None:
    shelf = layout.root / "index" / "sha256"
    shelf.mkdir(parents=True)
    paths = {shelf / f"{Digest.of(b'layer').hex}{ending}" for ending in READ_ENDINGS}
    for path in paths:
        path.write_bytes(b"read")
    assert {(item.kind, item.name, item.size) for item in listed(layout)} == {("index", path, 4) for path in paths}


def test_a_link_in_the_place_of_a_blob_is_as_large_as_itself(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"x" * 10_000)
    path = layout.blobs.path(Digest.of(b"link"))
    path.symlink_to(tmp_path / "target")
    [item] = listed(layout)
    assert item.size == os.lstat(path).st_size < 10_000
