"""Images out of files stand in the catalogue under the names that read them again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import InvalidError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Blob
from ocinb.spec.digest import Digest
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
        ("oci:images:app", "oci:{here}/images:app"),
        ("oci:one", "oci:{here}/one"),
        ("oci:images:@0", "oci:{here}/images:@0"),
        ("docker-archive:app.tar", "docker-archive:{here}/app.tar"),
        ("docker-archive:app.tar:app:1", "docker-archive:{here}/app.tar:docker.io/library/app:1"),
        (f"oci:images@{APP.manifest.digest}", f"oci:{{here}}/images@{APP.manifest.digest}"),
    ],
)
def test_an_image_of_a_file_has_a_reference_that_reads_it_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, typed: str, told: str
) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(typed)
        [reference] = catalog.sql("SELECT reference FROM images")["reference"]
        [shared] = catalog.sql("SELECT DISTINCT reference FROM layer_sharing")["reference"]
    assert reference == shared == told.format(here=folder)
    digests = ocinb.layers(typed)["digest"].tolist()
    monkeypatch.chdir("/")
    assert ocinb.layers(reference)["digest"].tolist() == digests, "from wherever one stands"


@pytest.mark.parametrize("other", ["oci:./one", "oci:images/../one", "oci:{here}/one", "oci:{here}/./one", "oci:~/one"])
def test_one_file_has_one_name_however_it_is_typed(folder: Path, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.setenv("HOME", str(folder))
    names = ["oci:one", other.format(here=folder)]
    with ocinb.Catalog() as catalog:
        catalog.add(names)
        assert catalog.sql("SELECT repository, tags FROM repository_sizes").to_numpy().tolist() == [
            [f"oci:{folder}/one", 1]
        ]
        assert catalog.observe(names)["moved"].tolist() == [False, False]
        assert len(catalog.what_if(remove=names[1])) == len(APP.layers)
        assert catalog.pull_cost(names[1], cached=names[0])["fetched_bytes"].tolist() == [0]


def test_where_the_folder_of_this_process_is_gone_an_absolute_path_leads_somewhere_still(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "left").mkdir()
    monkeypatch.chdir(folder / "left")
    (folder / "left").rmdir()
    with ocinb.Catalog() as catalog:
        added = catalog.add(["oci:one", f"oci:{folder}/one"])
        assert added["outcome"].tolist() == ["failed", "added"]
        assert "leads nowhere" in added["error"][0]
        with pytest.raises(TransportError, match="leads nowhere"):
            catalog.what_if(remove="oci:one")


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"not json", b"[]", b'{"a": 1, "a": 2}'])
def test_what_is_no_json_fails_alone(folder: Path, registry: SampleRegistry, raw: bytes) -> None:
    odd = Blob(raw, "application/vnd.x")
    path = folder / "images" / "blobs" / "sha256" / Digest(odd.digest).hex
    path.write_bytes(raw)
    index = {"schemaVersion": 2, "manifests": [odd.descriptor()]}
    (folder / "images" / "index.json").write_text(json.dumps(index))
    with ocinb.Catalog() as catalog:
        added = catalog.add(["oci:one", "oci:images", registry.reference("demo/hello")])
        assert added["outcome"].tolist() == ["added", "failed", "added"]
        assert "is not" in added["error"][1]
    for helper in (ocinb.layers, ocinb.configs, ocinb.manifests):
        with pytest.raises(InvalidError, match="is not"):
            helper("oci:images")
