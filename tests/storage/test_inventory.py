"""The inventory counts what is kept here, by kind, and nothing behind a link."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.layout import Layout
from ocinb.storage.usage import Item, list_items
from tests.storage.stores import put


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
