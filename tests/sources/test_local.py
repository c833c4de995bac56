"""A file on this machine as a source: blobs in parts, embedded documents, referrers, and what is kept of it."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import Settings, settings
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.network.session import OfflineError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Manifest
from ocinb.sources.local import LocalSource
from ocinb.sources.local_files import KEPT_FILES, LocalFiles
from ocinb.sources.registry import RegistrySource
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.sources.tar_index import TarIndex
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.internet import Internet
from tests.localfiles import entry, layout_files, members_of, tar_bytes, tiny_image, write_files, write_layout
from tests.transferring import BLOB, describe, open_repository

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


ONE_LOCALFILES, TWO_LOCALFILES = tiny_image("one"), tiny_image("two")


@pytest.fixture
def files() -> LocalFiles:
    return LocalFiles(Settings())


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often an archive is looked through."""
    scanned: list[str] = []

    class Counted(TarIndex):
        def __init__(self, archive: Any, settings: Settings) -> None:
            scanned.append(archive.file.where)
            super().__init__(archive, settings)

    monkeypatch.setattr("ocinb.sources.layout.TarIndex", Counted)
    return scanned


def oci(path: Path, *images: Any, pack: Callable[[bytes], bytes] = bytes) -> Reference:
    listed = [image.manifest for image in images]
    files = layout_files(listed, [entry(manifest, str(place)) for place, manifest in enumerate(listed)])
    path.write_bytes(pack(tar_bytes(members_of(files))))
    return Reference(f"oci-archive:{path}")


def open_files() -> int:
    gc.collect()
    return len(list(Path("/dev/fd").iterdir()))


def test_those_that_nobody_asks_for_are_closed(tmp_path: Path, files: LocalFiles, scans: list[str]) -> None:
    before = open_files()
    references = [oci(tmp_path / f"{number}.tar", ONE_LOCALFILES) for number in range(KEPT_FILES + 4)]
    for reference in references:
        files.open(reference)
        files.open(references[0])
    assert open_files() == before + KEPT_FILES
    assert scans.count(f"oci-archive:{tmp_path}/0.tar") == 1, "it was asked for all the time"
    files.close()
    assert open_files() == before


ASK: dict[str, tuple[Callable[[RegistrySource], object], str]] = {
    "tags": (lambda source: source.tags(), "the tags of demo/shop"),
    "tag": (lambda source: source.resolve("2.0"), "manifest 2.0"),
    "head": (lambda source: source.head("2.0"), "manifest 2.0"),
    "digest": (lambda source: source.resolve(describe(BLOB).digest), "manifest sha256:"),
    "blob": (lambda source: source.small_blob(describe(BLOB).digest), "blob sha256:"),
}


@pytest.fixture
def source(registry: SampleRegistry, internet: Internet) -> Iterator[RegistrySource]:
    yield open_repository(registry)
    settings.offline = False
    assert internet.called == ["127.0.0.1"] * len(internet.called)


@pytest.mark.parametrize("question", ASK)
def test_what_is_not_known_is_named(
    source: RegistrySource, registry: SampleRegistry, internet: Internet, question: str
) -> None:
    settings.offline = True
    ask, words = ASK[question]
    with pytest.raises(OfflineError, match=f"offline, and this machine does not have {words}") as caught:
        ask(source)
    assert isinstance(caught.value, TransportError)
    assert "ocinb.settings.offline = False" in str(caught.value)
    assert registry.host in str(caught.value)
    assert registry.requests == ()
    assert internet.called == []


def test_a_whole_image_is_looked_at_offline(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    online = ocinb.layers(name, platform="all")
    tags = ocinb.tags(name)
    before = len(registry.requests)
    close_default_session()
    settings.offline, settings.tag_ttl = True, 0
    assert ocinb.layers(name, platform="all").equals(online)
    assert ocinb.tags(name).equals(tags)
    assert len(registry.requests) == before
    settings.offline, settings.tag_ttl = False, 300
