"""What stands in layers is added once, whatever was there before, and whatever fails beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog.files_writer import FilesWriter, OverlaidImage, Written
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, make_layer
from ocinb.samples.seekable_layers import make_estargz, make_zstd_chunked
from ocinb.samples.tars import file, hardlink, noise, opaque, symlink, whiteout
from tests.catalog.laying import check_files, put_stack
from tests.documents import REPOSITORY

BASE = [file("srv/1", noise("1", 5000)), file("caf\u00e9", "x"), symlink("link", "srv"), file("key", "secret")]
TOP = [whiteout("key"), file("srv/1", "one"), hardlink("more", "srv/1"), opaque("etc")]
MAKERS: dict[str, Callable[..., Layer]] = {"estargz": make_estargz, "zstd:chunked": make_zstd_chunked}
TABLES = "manifests configs layers manifest_layers history index_entries files overlay referrers".split()


def stack(*more: str) -> list[Layer]:
    """Give two layers, and one more for each text."""
    return [make_layer(entries) for entries in (BASE, TOP, *([file(text, text)] for text in more))]


def content(catalog: ocinb.Catalog) -> dict[str, pd.DataFrame]:
    """Give all that was added, without the times when."""
    return {
        table: catalog.sql(f"SELECT * EXCLUDE (moment) FROM (SELECT *, NULL AS moment FROM {table}) ORDER BY ALL")
        .drop(columns=["indexed_at"], errors="ignore")
        .astype(str)
        for table in TABLES
    }


def check_same(one: ocinb.Catalog, other: ocinb.Catalog) -> None:
    mine, theirs = content(one), content(other)
    for table in TABLES:
        pd.testing.assert_frame_equal(mine[table], theirs[table], obj=table)


def outcomes(catalog: ocinb.Catalog, names: str | Sequence[str], **more: Any) -> list[str]:
    outcome: list[str] = catalog.add(names, depth="files", **more)["outcome"].tolist()
    return outcome


def blobs_asked(registry: SampleRegistry, layers: Sequence[Layer]) -> list[str]:
    digests = {str(layer.digest) for layer in layers}
    return [
        digest for digest in (request.path.rpartition("/")[2] for request in registry.requests) if digest in digests
    ]


def test_what_layers_come_to(registry: SampleRegistry) -> None:
    layers = stack()
    with ocinb.Catalog() as catalog:
        catalog.add(put_stack(registry, layers), depth="files")
        rows = catalog.sql("SELECT * FROM layers ORDER BY files DESC")
    facts = ocinb.layers(registry.reference(f"{REPOSITORY}:1"), depth="files")
    assert rows["layer_digest"].tolist() == facts["digest"].tolist()
    for column in ("compressed_bytes", "tar_bytes", "diff_id", "files"):
        assert rows[column].tolist() == facts[column].tolist(), column
    assert rows["indexed_at"].notna().all()


@pytest.mark.parametrize("broken", ["gone", "damaged"])
def test_a_table_that_breaks_before_it_is_read_is_no_loss(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    name = put_stack(registry, stack())
    real, used = FilesWriter.write, []

    def write(self: FilesWriter, batch: Sequence[OverlaidImage]) -> Written:
        tables = [rows.table for laid in batch for rows in laid.new.values() if rows.table]
        used.append(len(tables))
        for table in tables:
            raw = table.read_bytes()
            table.unlink()
            if broken == "damaged":
                table.write_bytes(raw[:-200] + bytes(200))
        return real(self, batch)

    with ocinb.Catalog() as by_table, ocinb.Catalog() as by_columns:
        by_table.add(name, depth="files")
        monkeypatch.setattr(FilesWriter, "write", write)
        assert outcomes(by_columns, name) == ["added"]
        assert used == [2, 0], "and then out of memory"
        monkeypatch.undo()
        check_same(by_table, by_columns)
        check_files(by_columns, name)


@pytest.mark.parametrize("form", MAKERS)
def test_layers_with_a_table_of_contents_are_not_fetched(registry: SampleRegistry, form: str) -> None:
    layers = [MAKERS[form](entries, mtime=1_700_000_000) for entries in (BASE, TOP)]
    name = put_stack(registry, layers)
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, name) == ["added"]
        digests = {str(layer.digest) for layer in layers}
        asked = [one for one in registry.requests if one.path.rpartition("/")[2] in digests]
        assert asked
        assert all(request.header("Range") for request in asked)
        assert not any((settings.store_dir / "blobs/sha256" / layer.digest.hex).exists() for layer in layers)
        rows = catalog.sql("SELECT tar_bytes, files, indexed_at FROM layers ORDER BY files")
        assert rows["tar_bytes"].isna().all()
        assert rows["files"].tolist() == [1, 3]
        assert rows["indexed_at"].notna().all()
        check_files(catalog, name)
        more = put_stack(registry, layers[:1], "more")
        assert outcomes(catalog, more) == ["added"]
        check_files(catalog, more)
        before = len(registry.requests)
        assert outcomes(catalog, [name, more]) == ["present", "present"]
        assert len(registry.requests) == before


def test_a_docker_archive_and_a_layout_are_read_too(registry: SampleRegistry, tmp_path: Path) -> None:
    shop = registry.reference("demo/shop:2.0")
    ocinb.pull(shop, platform="all", referrers=True, destination=tmp_path / "layout", progress=False)
    name = f"oci:{tmp_path / 'layout'}:{shop}"
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, name) == ["added"]
        catalog.add(name, referrers=True)
        check_files(catalog, name)
        found = len(catalog.sql("FROM referrers"))
        catalog.sql("DELETE FROM configs")
        catalog.sql("DELETE FROM manifests")
        assert outcomes(catalog, name) == ["added"]
        catalog.add(name, referrers=True)
        assert len(catalog.sql("FROM referrers")) == found > 0


@pytest.mark.parametrize("depth", ["packages", "", None, ["files"]])
def test_depth_is_metadata_or_files(depth: Any) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(ocinb.errors.InvalidError, match="depth"):
        catalog.add([], depth=depth)
