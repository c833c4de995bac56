"""One image is one image, in a registry and in every file that skopeo, buildah and docker write."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from tests.real import tools
from tests.real.comparing import assert_same, frames_of
from tests.real.formats import digest_of
from tests.real.packing import NAME, Packed, buildah_oci_archive, pack
from tests.real.realimages import Layout, RealImages

pytestmark = pytest.mark.real

WITH_MANIFEST = ["layout", "skopeo-oci-archive", "skopeo-oci-archive-gzipped", "skopeo-by-way-of-a-dir"]
WITHOUT = [
    *("skopeo-docker-archive", "skopeo-docker-archive-gzipped", "skopeo-docker-archive-nameless"),
    *("buildah-docker-archive", "docker-25", "docker-25-with-containerd"),
]
BARE = [kind for kind in WITHOUT if kind != "docker-25-with-containerd"]
# What hangs on the manifest and on the compression, which a docker-archive does not keep.
OF_THE_MANIFEST = ("manifest_digest", "digest", "layer_digest", "compressed_bytes", "compression", "media_type")
OF_ITS_SIZE = ("manifest_bytes", "artifact_type")


@pytest.fixture(scope="module")
def packed(busybox_layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    return pack(busybox_layout, tmp_path_factory.mktemp("packed"))


def as_skopeo_reads_it(reference: str) -> str:
    """Name the archive beside a gzipped one, which skopeo (1.9) does not read."""
    return reference.replace(".tar.gz", ".tar")


@pytest.mark.parametrize("kind", WITH_MANIFEST)
def test_all_rows_are_those_of_the_registry(kind: str, packed: Packed, real_images: RealImages) -> None:
    assert_same(frames_of(packed.with_manifest[kind]), frames_of(real_images.busybox_oci))


@pytest.mark.parametrize("kind", WITHOUT)
def test_a_docker_archive_has_the_rows_that_it_can_have(kind: str, packed: Packed, real_images: RealImages) -> None:
    here, there = frames_of(packed.without[kind]), frames_of(real_images.busybox_oci)
    assert here["configs"]["digest"].tolist() == there["configs"]["digest"].tolist(), "the config is kept as it is"
    assert_same(here, there, but=(*OF_THE_MANIFEST, *OF_ITS_SIZE))


@pytest.mark.parametrize("kind", BARE)
def test_layers_of_a_docker_archive_are_bare_tars(kind: str, packed: Packed) -> None:
    layers = ocinb.layers(packed.without[kind])
    config = tools.skopeo_config(as_skopeo_reads_it(packed.without[kind]))
    assert layers["digest"].tolist() == layers["diff_id"].tolist() == config["rootfs"]["diff_ids"]
    assert set(layers["compression"]) == {"none"}


def test_docker_archives_of_one_image_have_one_manifest(packed: Packed) -> None:
    digests = {kind: ocinb.document(packed.without[kind]).digest for kind in BARE}
    assert len(set(digests.values())) == 1, digests


@pytest.mark.parametrize("kind", [*WITH_MANIFEST, *WITHOUT])
def test_what_is_pulled_out_of_a_file_is_read_by_skopeo(kind: str, packed: Packed, tmp_path: Path) -> None:
    reference = {**packed.with_manifest, **packed.without}[kind]
    frame = ocinb.pull(reference, destination=tmp_path / "pulled", progress=False)
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert digest_of(Path(path).read_bytes()) == digest
    [entry] = json.loads((tmp_path / "pulled" / "index.json").read_bytes())["manifests"]
    name = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
    pulled = f"oci:{tmp_path / 'pulled'}" + (f":{name}" if name else "")
    assert tools.skopeo_inspect(pulled)["Layers"] == ocinb.layers(reference)["digest"].tolist()
    assert tools.skopeo_config(pulled) == tools.skopeo_config(as_skopeo_reads_it(reference))


def test_what_buildah_compressed_anew_is_the_same_image(
    busybox_layout: Layout, real_images: RealImages, tmp_path: Path
) -> None:
    archive = buildah_oci_archive(busybox_layout, tmp_path)
    layers = ocinb.layers(archive)
    assert layers["digest"].tolist() == tools.skopeo_inspect(archive)["Layers"]
    assert_same(frames_of(archive), frames_of(real_images.busybox_oci), but=(*OF_THE_MANIFEST, *OF_ITS_SIZE))


@pytest.mark.parametrize("kind", [*WITH_MANIFEST, *WITHOUT])
def test_the_catalogue_takes_in_files(kind: str, packed: Packed, real_images: RealImages) -> None:
    with ocinb.Catalog() as catalog:
        added = catalog.add([{**packed.with_manifest, **packed.without}[kind], real_images.busybox_oci])
        assert added["outcome"].tolist() == ["added", "present" if kind in WITH_MANIFEST else "added"]
        configs = catalog.sql("SELECT count(DISTINCT config_digest) AS configs FROM images")["configs"].item()
    assert configs == 1


def test_names_in_files_are_listed(packed: Packed) -> None:
    archive = packed.with_manifest["skopeo-oci-archive"]
    assert ocinb.tags(archive.rpartition(":")[0])["tag"].tolist() == ["1.0"]
    named = packed.without["skopeo-docker-archive"].removesuffix(f":{NAME}")
    assert ocinb.tags(named)["reference"].tolist() == [f"{named}:{NAME}"]


def test_many_sources_at_once_are_one_frame(packed: Packed, real_images: RealImages) -> None:
    references = [*packed.with_manifest.values(), *packed.without.values(), real_images.busybox_oci]
    layers = ocinb.layers(references)
    assert layers["reference"].drop_duplicates().tolist() == references
    counted = layers.groupby("reference")["diff_id"].apply(tuple)
    assert len(set(counted)) == 1
    assert pd.notna(layers["chain_id"]).all()
