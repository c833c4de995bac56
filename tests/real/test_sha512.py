"""An image whose config and layers bear digests of sha512, in a real registry, which itself counts in sha256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import ocinb
from tests.real import tools, uploads
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.formats import Formats
from tests.real.realimages import OCI_MANIFEST, Layout

pytestmark = pytest.mark.real

# What differs: the digests, and by their length the size of the manifest.
DIGESTS = ("digest", "layer_digest", "manifest_digest", "manifest_bytes")


@pytest.fixture(scope="module")
def manifest(docker_registry: DockerRegistry, busybox_layout: Layout) -> dict[str, Any]:
    """Put the blobs of the image under digests of sha512, and give the manifest that names them so."""
    document: dict[str, Any] = json.loads(tools.skopeo_raw(busybox_layout.reference))
    for entry in (document["config"], *document["layers"]):
        blob = (busybox_layout.path / "blobs" / entry["digest"].replace(":", "/")).read_bytes()
        entry.update(uploads.put_blob(f"http://{docker_registry.host}", "real/long", blob, algorithm="sha512"))
    return document


@pytest.fixture(scope="module")
def reference(docker_registry: DockerRegistry, manifest: dict[str, Any]) -> str:
    return docker_registry.put_manifest("real/long:512", OCI_MANIFEST, json.dumps(manifest).encode())


def test_its_rows_are_those_of_its_twin(reference: str, manifest: dict[str, Any], formats: Formats) -> None:
    assert_same(frames_of(reference), frames_of(formats.oci), but=DIGESTS)
    assert ocinb.layers(reference)["digest"].tolist() == [entry["digest"] for entry in manifest["layers"]]
    assert ocinb.configs(reference)["digest"].tolist() == [manifest["config"]["digest"]]
    assert manifest["config"]["digest"].startswith("sha512:")


def test_it_is_pulled_and_lies_under_its_own_digests(reference: str, manifest: dict[str, Any], tmp_path: Path) -> None:
    frame = ocinb.pull(reference, destination=tmp_path, progress=False)
    assert set(frame["digest"]) == {entry["digest"] for entry in (manifest["config"], *manifest["layers"])}
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert Path(path) == tmp_path / "blobs" / digest.replace(":", "/")
        assert f"sha512:{hashlib.sha512(Path(path).read_bytes()).hexdigest()}" == digest
    assert set(ocinb.pull(reference, destination=tmp_path, progress=False)["outcome"]) == {"present"}
    assert_same(frames_of(f"oci:{tmp_path}:{reference}"), frames_of(reference))


def test_its_blobs_are_found_by_their_digests(reference: str, manifest: dict[str, Any]) -> None:
    digest = manifest["config"]["digest"]
    document = ocinb.document(f"{reference.rpartition(':')[0]}@{digest}")
    assert f"sha512:{hashlib.sha512(document.raw).hexdigest()}" == digest == document.digest
    assert document.json["author"] == "ocinb"


def test_the_catalogue_takes_it_in(reference: str, manifest: dict[str, Any]) -> None:
    with ocinb.Catalog() as catalog:
        assert catalog.add(reference)["outcome"].tolist() == ["added"]
        found = catalog.sql("SELECT layer_digest FROM manifest_layers ORDER BY layer")["layer_digest"].tolist()
    assert found == [entry["digest"] for entry in manifest["layers"]]
