"""A file on this machine as a source: blobs in parts, embedded documents, referrers, and what is kept of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError
from ocinb.samples.images import Manifest
from ocinb.sources.local import LocalSource
from ocinb.sources.session import default_session, open_source
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.localfiles import entry, layout_files, tiny_image, write_files, write_layout

NOBODY = f"sha256:{'0' * 64}"
ONE, TWO, THREE = tiny_image("one"), tiny_image("two"), tiny_image("three")


def test_embedded_documents_need_no_file(tmp_path: Path) -> None:
    write_layout(tmp_path, {"1.0": ONE.manifest})
    source = open_source(Reference(f"oci:{tmp_path}"), session=default_session())
    embedded = Descriptor(THREE.config.media_type, THREE.config.digest, len(THREE.config.raw), data=THREE.config.raw)
    assert source.document(embedded).raw == THREE.config.raw
    with source.open_blob(embedded, offset=5, length=7) as blob:
        assert b"".join(blob.chunks()) == THREE.config.raw[5:12]


def test_a_blob_of_another_size_is_told_before_it_is_read(tmp_path: Path) -> None:
    write_layout(tmp_path, {"1.0": ONE.manifest})
    layer = ONE.layers[0]
    source = open_source(Reference(f"oci:{tmp_path}"), session=default_session())
    assert isinstance(source, LocalSource)
    wrong = Descriptor(layer.media_type, layer.digest, len(layer.raw) + 1)
    with pytest.raises(IntegrityError, match="bytes long, not"), source.open_blob(wrong):
        pytest.fail("it was opened")


def test_what_refers_to_an_image_is_found_beside_it(tmp_path: Path) -> None:
    sbom = json.loads(TWO.manifest.raw) | {"subject": ONE.manifest.descriptor(), "artifactType": "application/sbom"}
    raw = json.dumps(sbom).encode()
    referrer = Manifest(raw, TWO.manifest.media_type, TWO.manifest.blobs)
    files = layout_files([ONE.manifest, referrer], [entry(ONE.manifest, "1.0"), entry(referrer)])
    write_files(tmp_path, files)
    source = open_source(Reference(f"oci:{tmp_path}"), session=default_session())
    [found] = source.referrers(source.resolve("1.0"))
    assert (found.subject, found.descriptor.digest, found.found_via) == (ONE.manifest.digest, referrer.digest, "index")
    assert found.descriptor.artifact_type == "application/sbom"
    assert source.referrers(source.resolve(str(TWO.config.digest))) == []
    with pytest.raises(InvalidError, match="max_index_children = 0"):
        LocalSource(
            default_session().files.open(Reference(f"oci:{tmp_path}")), Settings(max_index_children=0)
        ).referrers(source.resolve("1.0"))


def test_a_manifest_of_another_type_than_its_index_says_is_refused(tmp_path: Path) -> None:
    lie = entry(ONE.manifest, "1.0") | {"mediaType": "application/vnd.oci.image.index.v1+json"}
    write_files(tmp_path, layout_files([ONE.manifest], [lie]))
    source = open_source(Reference(f"oci:{tmp_path}"), session=default_session())
    with pytest.raises(InvalidError, match=r"was served as .*index.*, but says that it is .*manifest"):
        source.document(source.resolve("1.0"))
