"""What stands in layers is added once, whatever was there before, and whatever fails beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

import ocinb
from ocinb._settings import settings
from ocinb.catalog import files_writer, ingest_files
from ocinb.catalog.files_writer import FilesWriter, OverlaidImage, Written
from ocinb.catalog.indexed_files import insert_overlay
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, make_json, make_layer
from ocinb.samples.seekable_layers import make_estargz, make_zstd_chunked, toc_image
from ocinb.samples.tars import directory, file, hardlink, noise, opaque, symlink, whiteout
from ocinb.spec.digest import Digest
from tests.catalog.laying import check_files, put, put_stack
from tests.documents import REPOSITORY
from tests.rootfs.anylayers import STACKS

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


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many images are written at once, and wait long for more."""
    told: list[int] = []
    real = FilesWriter.write

    def write(self: FilesWriter, batch: Sequence[OverlaidImage]) -> Written:
        told.append(len(batch))
        return real(self, batch)

    monkeypatch.setattr(FilesWriter, "write", write)
    monkeypatch.setattr(ingest_files, "PAUSE_SECONDS", 600.0)
    return told


def put_many(registry: SampleRegistry, count: int) -> list[str]:
    return [put_stack(registry, stack(f"own/{one}"), f"v{one}") for one in range(count)]


def refusing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have what becomes of one image refused."""
    digest, real = str(ocinb.document(name).digest), insert_overlay

    def refuse(connection: Any, found: Any) -> None:
        if digest in found:
            raise duckdb.ConversionException("no such number")
        real(connection, found)

    monkeypatch.setattr(files_writer, "insert_overlay", refuse)


def test_one_that_is_refused_fails_alone(
    registry: SampleRegistry, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = put_many(registry, 4)
    with ocinb.Catalog() as catalog, ocinb.Catalog() as anew:
        with monkeypatch.context() as patch:
            refusing(patch, names[0])
            assert outcomes(catalog, names) == ["failed", "added", "added", "added"]
        assert batches == [4, 1, 1, 1, 1]
        [(reference, stage, error)] = catalog.sql("SELECT reference, stage, error FROM failures").to_numpy().tolist()
        assert (reference, stage) == (names[0], "files")
        assert "no such number" in error
        assert catalog.sql("FROM layers WHERE indexed_at IS NOT NULL AND files IS NULL").empty
        assert outcomes(catalog, names) == ["added", "present", "present", "present"]
        outcomes(anew, names)
        check_same(catalog, anew)


def test_what_replaces_something_is_written_alone(registry: SampleRegistry, batches: list[int]) -> None:
    lazy = make_estargz(BASE)
    listed = put_stack(registry, [lazy, make_layer(TOP)], "listed")
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, listed) == ["added"]
        assert catalog.sql("SELECT count(*) AS n FROM layers WHERE tar_bytes IS NULL")["n"].item() == 1
        whole = put_stack(registry, [replace(lazy, annotations={})], "whole")
        names = [*put_many(registry, 2), whole]
        batches.clear()
        assert outcomes(catalog, names) == ["added"] * 3
        assert sum(batches) == 3
        assert len(batches) > 1, "it waits for none, and none waits with it"
        assert catalog.sql("FROM layers WHERE tar_bytes IS NULL").empty
        for name in names:
            check_files(catalog, name)


TOOL = [file("usr/tool", "good" * 100), file("usr/more", "more")]


def rename(toc: dict[str, Any]) -> dict[str, Any]:
    """Say that a file has another name."""
    return toc | {"entries": [row | {"name": row["name"].replace("tool", "other")} for row in toc["entries"]]}


def paths(catalog: ocinb.Catalog, name: str) -> list[str]:
    found = catalog.sql(
        "SELECT path FROM layer_files JOIN images USING (manifest_digest) WHERE reference = $name AND visible "
        "ORDER BY path",
        {"name": name},
    )
    return [str(path) for path in found["path"]]


def test_an_image_whose_layer_is_damaged_keeps_its_metadata(registry: SampleRegistry) -> None:
    settings.retries = 0
    good, bad = stack("good"), stack("bad")
    names = [put_stack(registry, layers, tag) for layers, tag in ((good, "1"), (bad, "2"), (good[:1], "3"))]
    fault = registry.fault(f"*/blobs/{bad[2].digest}", corrupt=3, times=None)
    with ocinb.Catalog() as catalog:
        added = catalog.add([*names, "No Name"], depth="files")
        assert added["outcome"].tolist() == ["added", "failed", "added", "failed"]
        assert added["images"].tolist()[:3] == [1, 1, 1]
        assert added["digest"].notna().tolist() == [True, True, True, False]
        failed = catalog.sql("SELECT reference, stage, error FROM failures ORDER BY stage")
        assert failed["stage"].tolist() == ["files", "metadata"]
        assert failed["reference"].tolist() == [names[1], "No Name"]
        assert failed["error"][0] == added["error"][1]
        assert str(bad[2].digest) in failed["error"][0]
        known = catalog.sql("SELECT reference, indexed_at FROM images JOIN manifests USING (manifest_digest)")
        assert dict(known["indexed_at"].isna().groupby(known["reference"]).all()) == dict(
            zip(names, [False, True, False], strict=True)
        )
        fault.cancel()
        again = catalog.add(names, depth="files")
        assert again["outcome"].tolist() == ["present", "added", "present"]
        for name in names:
            check_files(catalog, name)


def test_a_layer_that_is_gone_fails_all_images_that_have_it_and_no_other(registry: SampleRegistry) -> None:
    settings.retries = 0
    shared = make_layer([file("shared")])
    names = [put_stack(registry, [shared, make_layer([file(str(one))])], f"v{one}") for one in range(5)]
    names.append(put_stack(registry, [make_layer([file("alone")])], "alone"))
    registry.fault(f"*/blobs/{shared.digest}", status=404, times=None)
    with ocinb.Catalog() as catalog:
        assert catalog.add(names, depth="files")["outcome"].tolist() == ["failed"] * 5 + ["added"]
        assert sorted(catalog.sql("FROM failures")["reference"]) == sorted(names[:5])
        assert len(catalog.sql("FROM files SEMI JOIN layers USING (layer_digest)")) == 1
        assert paths(catalog, names[-1]) == ["alone"]


def test_a_config_that_promises_another_tar_is_not_believed(registry: SampleRegistry) -> None:
    honest = stack()
    lying = [Layer(honest[0].raw, honest[0].media_type, Digest.of(b"another tar")), honest[1]]
    names = [put_stack(registry, honest, "honest"), put_stack(registry, lying, "lying")]
    with ocinb.Catalog() as catalog:
        assert catalog.add(names[0], depth="files")["outcome"].tolist() == ["added"]
        before = len(blobs_asked(registry, honest))
        added = catalog.add(names[1], depth="files")
        assert added["outcome"].tolist() == ["failed"]
        assert "but it is" in added["error"][0]
        assert len(blobs_asked(registry, honest)) == before
        diff_ids = catalog.sql("SELECT diff_id FROM layers")["diff_id"].tolist()
        assert sorted(diff_ids) == sorted(str(layer.diff_id) for layer in honest)


def test_a_size_that_a_manifest_lies_about_is_put_right(registry: SampleRegistry) -> None:
    layers = stack()
    honest = put_stack(registry, layers, "honest")
    body = ocinb.document(honest).json
    body["layers"][0]["size"] = 1
    registry.put_manifest("demo/documents", make_json(body), tag="lying")
    with ocinb.Catalog() as catalog:
        lying = registry.reference("demo/documents:lying")
        assert catalog.add(lying, depth="files")["outcome"].tolist() == ["failed"]
        catalog.add(honest, depth="files")
        sizes = catalog.sql("SELECT layer_digest, compressed_bytes FROM layers")
        assert dict(sizes.itertuples(index=False)) == {str(layer.digest): len(layer.raw) for layer in layers}
        assert catalog.add(lying, depth="files")["outcome"].tolist() == ["failed"]


@pytest.mark.parametrize("own", [False, True], ids=["another image promises nothing", "another image has its own"])
@pytest.mark.parametrize("order", [1, -1], ids=["the liar first", "the liar last"])
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one call"])
def test_a_table_is_believed_for_the_image_that_promises_it_alone(
    registry: SampleRegistry, order: int, *, own: bool, together: bool
) -> None:
    honest, lying = make_estargz(TOOL, outside=True), make_estargz(TOOL, outside=True, edit=rename)
    assert honest.digest == lying.digest, "each has its table beside it"
    liar = put_stack(registry, [lying], "liar")
    put(registry, toc_image([lying]), "liar-esgztoc")
    right = put_stack(registry, [honest if own else replace(honest, annotations={})], "right")
    put(registry, toc_image([honest]), "right-esgztoc")
    names = [liar, right][::order]
    with ocinb.Catalog() as catalog:
        for some in [names] if together else names:
            assert set(catalog.add(some, depth="files")["outcome"]) == {"added"}
        catalog.add(names, depth="files")  # also what went when the layer was read as a whole
        assert paths(catalog, right) == ["usr/more", "usr/tool"], "nobody else's table is believed"
        assert paths(catalog, liar) == ["usr/more", "usr/tool"], "and then the layer itself is"
        rows = catalog.sql("SELECT tar_bytes, files FROM layers")
        assert rows["tar_bytes"].notna().all()
        assert rows["files"].tolist() == [2]
        assert len(catalog.sql("FROM files")) == 2
        check_files(catalog, right)
        assert catalog.add(names, depth="files")["outcome"].tolist() == ["present", "present"]


def test_images_read_by_a_table_of_contents_are_added_again_when_the_layer_was_read(registry: SampleRegistry) -> None:
    lazy, top = make_estargz([file("a"), file("b", "b" * 50)]), make_layer([file("b", "other")])
    first = put_stack(registry, [lazy, top], "first")
    whole = put_stack(registry, [replace(lazy, annotations={})], "whole")
    query = "SELECT files.path, overlay.layer FROM overlay JOIN manifest_layers USING (manifest_digest, layer) "
    query += "JOIN files USING (layer_digest, position) ORDER BY ALL"
    with ocinb.Catalog() as catalog:
        catalog.add(first, depth="files")
        before = catalog.sql(query).to_numpy().tolist()
        assert before == [["b", 0], ["b", 1]]
        catalog.add(whole, depth="files")
        assert catalog.sql("SELECT tar_bytes FROM layers").notna().all(axis=None)
        assert catalog.sql(query).empty, "the positions in the tar are others than in the table"
        catalog.add(first, depth="files")
        assert catalog.sql(query).to_numpy().tolist() == before
        check_files(catalog, whole)


# Names of one file in several layers, a directory that goes, one that is emptied, and what leads nowhere.
ODD = [
    [directory("usr"), file("usr/a", "a"), hardlink("usr/b", "usr/a"), file("usr/gone/deep/c", "cc"), directory("etc")],
    [file("usr/a", "new"), whiteout("usr/gone"), symlink("lib", "usr"), file("lib/d", "d"), file("../out", "out")],
    [whiteout("usr/b"), opaque("etc"), file("etc/e"), hardlink("f", "usr/nothing"), file("", "root")],
    [],
]


def test_odd_layers_read_as_the_frames_have_them(registry: SampleRegistry) -> None:
    name = put_stack(registry, [make_layer(entries) for entries in ODD])
    with ocinb.Catalog() as catalog:
        catalog.add(name, depth="files")
        check_files(catalog, name)


@hypothesis_settings(max_examples=10)
@given(stacks=STACKS)
def test_any_layers_read_as_the_frames_have_them(stacks: Sequence[Sequence[object]]) -> None:
    with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        layers = [make_layer(entries) for entries in stacks]  # type: ignore[arg-type]
        names = [put_stack(registry, layers[:count], f"v{count}") for count in range(1, len(layers) + 1)]
        catalog.add(names, depth="files", progress=False)
        for name in names:
            check_files(catalog, name)
