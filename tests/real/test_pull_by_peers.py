"""What was pulled out of a real registry: skopeo and umoci read it, and the catalogue adds it up as they do."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import ocinb
from ocinb.network.exchange import Exchange, observed_by
from tests.real import tools
from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

NAMES = ["busybox_oci", "busybox_docker", "busybox_zstd", "debian_oci"]


def hashed(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", [name for name in NAMES if name != "busybox_docker"])
def test_skopeo_reads_the_pulled_layout_and_agrees_with_layers(
    name: str, real_images: RealImages, tmp_path: Path
) -> None:
    reference = getattr(real_images, name)
    ocinb.pull(reference, destination=tmp_path, progress=False)
    pulled, layers = f"oci:{tmp_path}:{reference}", ocinb.layers(reference)
    inspected = tools.skopeo_inspect(pulled)
    assert inspected["Layers"] == layers["digest"].tolist()
    assert tools.skopeo_config(pulled)["rootfs"]["diff_ids"] == layers["diff_id"].tolist()
    assert inspected["Digest"] == layers["manifest_digest"].unique().item()
    assert tools.skopeo_raw(pulled) == tools.skopeo_raw(reference)


def test_a_docker_manifest_stays_as_it_came(real_images: RealImages, tmp_path: Path) -> None:
    # skopeo's oci: looks for OCI manifests only (image-layout.md lets a reader ignore others), so it cannot be asked.
    reference = real_images.busybox_docker
    ocinb.pull(reference, destination=tmp_path, progress=False)
    [entry] = json.loads((tmp_path / "index.json").read_bytes())["manifests"]
    raw = (tmp_path / "blobs" / "sha256" / entry["digest"].removeprefix("sha256:")).read_bytes()
    assert raw == tools.skopeo_raw(reference)
    assert entry["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": reference}


def test_umoci_lists_and_reads_the_pulled_layout(real_images: RealImages, tmp_path: Path) -> None:
    wanted = [real_images.busybox_oci, real_images.debian_oci]
    ocinb.pull(wanted, destination=tmp_path, progress=False)
    assert tools.run("umoci", "ls", "--layout", tmp_path).decode().split() == sorted(wanted)
    for reference in wanted:
        told = [entry["layer"] for entry in tools.umoci_stat(tmp_path, reference)["history"] if entry["layer"]]
        layers = ocinb.layers(reference)
        assert [(layer["digest"], layer["size"]) for layer in told] == list(
            zip(layers["digest"], layers["compressed_bytes"], strict=True)
        )


def test_a_whole_index_is_pulled_and_each_platform_is_read_back(real_images: RealImages, tmp_path: Path) -> None:
    ocinb.pull(real_images.index, platform="all", destination=tmp_path, progress=False)
    assert tools.skopeo_raw(f"oci:{tmp_path}:{real_images.index}") == tools.skopeo_raw(real_images.index)
    for architecture, child in real_images.index_children.items():
        named = f"oci:{tmp_path}:{real_images.index}-{architecture}"
        assert tools.skopeo_raw(named) == tools.skopeo_raw(child)
        behind_the_index = tools.skopeo_config(f"oci:{tmp_path}:{real_images.index}", architecture=architecture)
        assert behind_the_index["architecture"] == architecture


def test_every_byte_that_was_pulled_is_what_its_name_says(real_images: RealImages, tmp_path: Path) -> None:
    frame = ocinb.pull(real_images.debian_oci, destination=tmp_path, progress=False)
    stored = {path.name: hashed(path) for path in (tmp_path / "blobs" / "sha256").iterdir()}
    assert all(name == digest for name, digest in stored.items())
    assert {digest.removeprefix("sha256:") for digest in frame["digest"]} < stored.keys()
    assert [Path(path).stat().st_size for path in frame["path"]] == frame["blob_bytes"].tolist()
    # The manifest, which is no row, is the one file more.
    assert len(stored) == len(frame) + 1


def test_a_second_pull_fetches_nothing(real_images: RealImages, tmp_path: Path) -> None:
    first = ocinb.pull(real_images.debian_oci, destination=tmp_path, progress=False)
    index = (tmp_path / "index.json").read_bytes()
    exchanges: list[Exchange] = []
    with observed_by(exchanges.append):
        second = ocinb.pull(real_images.debian_oci, destination=tmp_path, progress=False)
    assert set(first["outcome"]) == {"downloaded"}
    assert set(second["outcome"]) == {"present"}
    assert second["fetched_bytes"].sum() == sum(exchange.transferred_bytes for exchange in exchanges) == 0
    assert (tmp_path / "index.json").read_bytes() == index


def test_umoci_unpacks_what_was_pulled(real_images: RealImages, tmp_path: Path) -> None:
    layout, bundle = tmp_path / "layout", tmp_path / "bundle"
    ocinb.pull(real_images.busybox_oci, destination=layout, progress=False)
    tools.run("umoci", "unpack", "--rootless", "--image", f"{layout}:{real_images.busybox_oci}", bundle)
    assert (bundle / "rootfs/etc/motd").read_text(encoding="utf-8") == "2\n"
    assert not (bundle / "rootfs/srv/shop/secret").exists()


def test_the_catalogue_adds_up_what_skopeo_reads(real_images: RealImages, tmp_path: Path) -> None:
    references = [getattr(real_images, name) for name in NAMES]
    catalog = ocinb.Catalog(tmp_path / "real.duckdb")
    added = catalog.add([*references, real_images.index])
    assert added["outcome"].tolist() == ["added"] * 5
    images = catalog.sql("SELECT manifest_digest, platform, layers, compressed_bytes FROM images")
    sizes = dict(zip(images["manifest_digest"], images["compressed_bytes"], strict=True))
    for reference in [*references, *real_images.index_children.values()]:
        raw = tools.skopeo_raw(reference)
        layers = json.loads(raw)["layers"]
        assert sizes[f"sha256:{hashlib.sha256(raw).hexdigest()}"] == sum(layer["size"] for layer in layers)
    assert set(images["platform"]) == {"linux/amd64", "linux/arm64"}
    raw = catalog.sql("SELECT raw FROM manifests WHERE manifest_digest = ?", [added["digest"].iloc[0]])["raw"].item()
    assert raw.encode() == tools.skopeo_raw(references[0])
    again = catalog.add([*references, real_images.index])
    assert again["outcome"].tolist() == ["present"] * 5
