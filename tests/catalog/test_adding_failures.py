"""One image that fails ends nothing else, and what another image says of a shared layer is not believed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Layer, make_json, make_layer
from ocinb.samples.seekable_layers import make_estargz, toc_image
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from tests.catalog.laying import check_files, put, put_stack
from tests.catalog.test_adding_files import blobs_asked, stack

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
        before = catalog.sql(query).values.tolist()
        assert before == [["b", 0], ["b", 1]]
        catalog.add(whole, depth="files")
        assert catalog.sql("SELECT tar_bytes FROM layers").notna().all(axis=None)
        assert catalog.sql(query).empty, "the positions in the tar are others than in the table"
        catalog.add(first, depth="files")
        assert catalog.sql(query).values.tolist() == before
        check_files(catalog, whole)
