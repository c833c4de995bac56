"""The real parts are what the other tests take them for, and they agree with each other."""

import hashlib
import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.real import tools
from tests.real.dockerregistry import DockerRegistry, serve
from tests.real.realimages import OCI_INDEX, OCI_MANIFEST, Layout, RealImages

pytestmark = pytest.mark.real

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ONE_PLATFORM = ["busybox_oci", "busybox_docker", "busybox_zstd", "debian_oci"]


def layout_of(name: str, busybox: Layout, debian: Layout) -> Layout:
    return debian if name.startswith("debian") else busybox


def manifest(reference: str) -> dict[str, Any]:
    document = json.loads(tools.skopeo_raw(reference))
    assert isinstance(document, dict)
    return document


def umoci_layers(layout: Layout) -> list[dict[str, Any]]:
    return [entry for entry in tools.umoci_stat(layout.path, layout.tag)["history"] if entry["layer"]]


def tars(layout: Layout) -> list[bytes]:
    blobs = [layout.path / "blobs/sha256" / entry["digest"][7:] for entry in manifest(layout.reference)["layers"]]
    return [zlib.decompress(blob.read_bytes(), wbits=31) for blob in blobs]


def members(archive: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        return {member.name: member for member in opened}


def content(archive: bytes, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        stream = opened.extractfile(path)
        assert stream is not None
        return stream.read()


@pytest.fixture(scope="module")
def debian_tars(debian_layout: Layout) -> list[bytes]:
    return tars(debian_layout)


@pytest.mark.parametrize("name", ONE_PLATFORM)
def test_skopeo_reads_every_image_with_all_its_layers(
    name: str, real_images: RealImages, busybox_layout: Layout, debian_layout: Layout
) -> None:
    reference = getattr(real_images, name)
    inspected, config = tools.skopeo_inspect(reference), tools.skopeo_config(reference)
    layers = layout_of(name, busybox_layout, debian_layout).layers
    assert inspected["Layers"] == [layer["digest"] for layer in manifest(reference)["layers"]]
    assert len(inspected["Layers"]) == len(config["rootfs"]["diff_ids"]) == layers
    assert inspected["Digest"] == f"sha256:{hashlib.sha256(tools.skopeo_raw(reference)).hexdigest()}"


@pytest.mark.parametrize("name", ["busybox_oci", "busybox_docker", "debian_oci"])
def test_umoci_agrees_on_digests_and_sizes(
    name: str, real_images: RealImages, busybox_layout: Layout, debian_layout: Layout
) -> None:
    reference = getattr(real_images, name)
    told = umoci_layers(layout_of(name, busybox_layout, debian_layout))
    stored = manifest(reference)["layers"]
    assert [(e["layer"]["digest"], e["layer"]["size"]) for e in told] == [(e["digest"], e["size"]) for e in stored]
    assert [e["diff_id"] for e in told] == tools.skopeo_config(reference)["rootfs"]["diff_ids"]


def test_formats_and_compressions_are_as_asked(real_images: RealImages) -> None:
    oci, docker, zstd = (
        manifest(reference)
        for reference in (real_images.busybox_oci, real_images.busybox_docker, real_images.busybox_zstd)
    )
    assert docker["mediaType"] == DOCKER_MANIFEST
    assert {layer["mediaType"] for layer in oci["layers"]} == {"application/vnd.oci.image.layer.v1.tar+gzip"}
    assert {layer["mediaType"] for layer in zstd["layers"]} == {"application/vnd.oci.image.layer.v1.tar+zstd"}
    assert zstd["config"]["digest"] == oci["config"]["digest"]


def test_the_index_leads_to_both_platforms(real_images: RealImages) -> None:
    index = manifest(real_images.index)
    assert index["mediaType"] == OCI_INDEX
    assert [child["platform"]["architecture"] for child in index["manifests"]] == list(real_images.index_children)
    for child in index["manifests"]:
        architecture = child["platform"]["architecture"]
        raw = tools.skopeo_raw(real_images.index_children[architecture])
        assert (child["mediaType"], child["size"]) == (OCI_MANIFEST, len(raw))
        assert tools.skopeo_config(real_images.index, architecture=architecture)["architecture"] == architecture


def test_busybox_has_what_tests_look_for(busybox_layout: Layout) -> None:
    base, shop, clean = map(members, tars(busybox_layout))
    assert base["bin/busybox"].mode == 0o4755
    assert base["bin/wget"].linkname == base["bin/sh"].linkname == "bin/busybox"
    assert base["bin/vi"].issym()
    assert shop["srv/shop/secret"].size == 5000
    assert {"srv/shop/.wh.secret", "bin/.wh.wget", "etc/motd"} <= clean.keys()


def test_busybox_config_and_history(busybox_layout: Layout) -> None:
    document = tools.skopeo_config(busybox_layout.reference)
    assert document["config"]["Env"] == ["PATH=/bin", "SHOP=open"]
    assert document["config"]["Entrypoint"] == ["/bin/busybox"]
    assert document["config"]["Labels"] == {"maintainer": "shop", "org.example.tier": "one"}
    assert [entry.get("empty_layer", False) for entry in document["history"]] == [
        *(False, True, False, False),
        *(True, True, True),
    ]


def test_debian_is_a_real_tree(debian_tars: list[bytes]) -> None:
    base, more, *_, opaque = map(members, debian_tars)
    assert len(base) > 3000
    assert sum(map(len, debian_tars)) > 50_000_000
    assert base["usr/bin/passwd"].mode == 0o4755
    assert base["bin"].linkname == "usr/bin"
    assert any(member.islnk() for member in base.values())
    assert not all(name.isascii() for name in more)
    assert "usr/lib/terminfo/.wh..wh..opq" in opaque
    assert "usr/lib/terminfo/x/xterm" in base


def test_debian_knows_its_packages(debian_tars: list[bytes]) -> None:
    before, after = (content(archive, "var/lib/dpkg/status") for archive in debian_tars[:2])
    assert b"Package: libc6\n" in before
    assert b"Package: ca-certificates\n" not in before
    assert b"Package: ca-certificates\n" in after


def test_the_unpadded_tar_stops_after_its_last_byte(unpadded_layout: Layout) -> None:
    (archive,) = tars(unpadded_layout)
    assert archive.endswith(b"n" * 100)
    assert umoci_layers(unpadded_layout)[0]["diff_id"] == f"sha256:{hashlib.sha256(archive).hexdigest()}"


def test_zstd_chunked_keeps_its_table_of_contents(docker_registry: DockerRegistry, busybox_layout: Layout) -> None:
    reference = docker_registry.push(busybox_layout.reference, "real/busybox:chunked", compression="zstd:chunked")
    for layer in manifest(reference)["layers"]:
        assert "io.containers.zstd-chunked.manifest-position" in layer["annotations"]


def test_nothing_listens_once_a_registry_has_ended(tmp_path: Path) -> None:
    with serve(tmp_path) as registry:
        assert registry.host.startswith("127.0.0.1:")
    with pytest.raises(RuntimeError, match="connection refused"):
        tools.skopeo_raw(f"{registry.host}/real/busybox:oci")


@pytest.mark.parametrize(("demanded", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)])
def test_a_missing_tool_skips_unless_all_are_demanded(
    demanded: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCINB_REQUIRE_REAL", demanded)
    with pytest.raises(outcome, match="no-such-tool is not installed"):
        tools.require("no-such-tool")
