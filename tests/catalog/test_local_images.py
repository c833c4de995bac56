"""Images out of files stand in the catalogue under the names that read them again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import ocinb
from ocinb.samples import SampleRegistry
from tests.localfiles import podman_archive, tar_bytes, tiny_image, write_layout

APP, OTHER = tiny_image("shared", "app"), tiny_image("shared", "other")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_layout(tmp_path / "images", {"app": APP.manifest, "other": OTHER.manifest})
    write_layout(tmp_path / "one", {"": APP.manifest})
    (tmp_path / "app.tar").write_bytes(tar_bytes(podman_archive(APP, ["app:1"])))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("oci:images:app", "oci:images:app"),
        ("oci:one", "oci:one"),
        ("oci:images:@0", "oci:images:@0"),
        ("docker-archive:app.tar", "docker-archive:app.tar"),
        ("docker-archive:app.tar:app:1", "docker-archive:app.tar:docker.io/library/app:1"),
        (f"oci:images@{APP.manifest.digest}", f"oci:images@{APP.manifest.digest}"),
    ],
)
def test_an_image_of_a_file_has_a_reference_that_reads_it_again(typed: str, told: str) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(typed)
        [reference] = catalog.sql("SELECT reference FROM images")["reference"]
        [shared] = catalog.sql("SELECT DISTINCT reference FROM layer_sharing")["reference"]
    assert reference == shared == told
    assert ocinb.layers(reference)["digest"].tolist() == ocinb.layers(typed)["digest"].tolist()


def test_an_image_whose_name_stands_for_another_one_has_its_digest(folder: Path) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add("oci:one")
        shutil.rmtree(folder / "one")
        write_layout(folder / "one", {"": OTHER.manifest})
        catalog.add("oci:one")
        found = catalog.sql("SELECT manifest_digest, reference FROM images").set_index("manifest_digest")["reference"]
    assert found.to_dict() == {APP.manifest.digest: f"oci:one@{APP.manifest.digest}", OTHER.manifest.digest: "oci:one"}


def test_a_file_that_is_gone_is_noted_once(folder: Path) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add("oci:one")
        shutil.rmtree(folder / "one")
        for _ in range(2):
            assert catalog.add("oci:one")["outcome"].tolist() == ["failed"]
        assert catalog.sql("SELECT digest FROM observations ORDER BY observed_at")["digest"].isna().tolist() == [0, 1]
        assert catalog.sql("FROM current_names").empty


def test_a_file_whose_name_is_no_utf_8_is_told_from_another(folder: Path) -> None:
    path = os.fsdecode(b"\xff")
    (folder / "one").rename(folder / path)
    with ocinb.Catalog() as catalog:
        assert [catalog.add(f"oci:{path}")["outcome"].item() for _ in range(2)] == ["added", "present"]
        assert catalog.observe(f"oci:{path}")["moved"].tolist() == [False]
        shutil.rmtree(folder / path)
        assert catalog.add(f"oci:{path}")["outcome"].tolist() == ["failed"]
        assert catalog.observe(f"oci:{path}")["moved"].tolist() == [False], "it was gone"
        assert catalog.sql("SELECT DISTINCT repository FROM observations")["repository"].tolist() == ["oci:\\udcff"]
        assert len(catalog.sql("FROM tag_history")) == 1


def test_layers_are_shared_within_a_file_and_a_registry_only(registry: SampleRegistry) -> None:
    names = ["oci:images:app", "oci:images:other", "oci:one"]
    shared = APP.layers[0]
    with ocinb.Catalog() as catalog:
        catalog.add([*names, registry.reference("demo/hello")])
        row = catalog.sql("FROM layer_sharing WHERE layer_digest = ?", [shared.digest]).iloc[0]
    assert (row["images"], row["repositories"], row["saved_bytes"]) == (2, 2, len(shared.raw))
