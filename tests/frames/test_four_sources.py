"""The same image through a registry, a layout and both kinds of archives gives the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import ocinb
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples.base_image import PLATFORMS
from ocinb.samples.images import Manifest
from ocinb.samples.shop import RELEASES, shop_image, shop_index
from tests.localfiles import (
    all_blobs,
    entry,
    layout_files,
    legacy_archive,
    members_of,
    tar_bytes,
    write_layout,
)

IMAGE = shop_image(RELEASES[0], PLATFORMS[0])
INDEX = shop_index(RELEASES[-1])


@dataclass(frozen=True)
class Places:
    """The references by which one image is named in four places."""

    registry: str
    layout: str
    oci_archive: str
    docker_archive: str

    @property
    def faithful(self) -> list[str]:
        """Those that keep all of it."""
        return [self.layout, self.oci_archive]


def _write_archive(path: Path, manifest: Manifest, name: str) -> str:
    path.write_bytes(tar_bytes(members_of(layout_files([manifest], [entry(manifest, name)]))))
    return f"oci-archive:{path}:{name}"


@pytest.fixture
def image(registry: SampleRegistry, tmp_path: Path) -> Places:
    write_layout(tmp_path / "image", {"shop": IMAGE.manifest})
    docker = tmp_path / "docker.tar"
    docker.write_bytes(tar_bytes(legacy_archive([(IMAGE, ["demo/shop:1.0"])])))
    return Places(
        f"{registry.reference('demo/shop')}@{IMAGE.manifest.digest}",
        f"oci:{tmp_path}/image:shop",
        _write_archive(tmp_path / "image.tar", IMAGE.manifest, "shop"),
        f"docker-archive:{docker}:demo/shop:1.0",
    )


@pytest.fixture
def index(registry: SampleRegistry, tmp_path: Path) -> Places:
    write_layout(tmp_path / "index", {"shop": INDEX})
    return Places(
        registry.reference("demo/shop:2.0"),
        f"oci:{tmp_path}/index:shop",
        _write_archive(tmp_path / "index.tar", INDEX, "shop"),
        "",
    )


HELPERS: dict[str, Callable[[str], pd.DataFrame]] = {
    "manifests": ocinb.manifests,
    "layers": ocinb.layers,
    "history": ocinb.history,
    "configs": ocinb.configs,
    "layers of all platforms": lambda name: ocinb.layers(name, platform="all"),
    "layers of one platform": lambda name: ocinb.layers(name, platform="linux/amd64"),
    "history of all platforms": lambda name: ocinb.history(name, platform="all"),
    "configs of all platforms": lambda name: ocinb.configs(name, platform="all"),
    "shared by all platforms": lambda name: ocinb.shared(name, platform="all"),
}
# These read the layers too, and keep them.
CONTENTS: dict[str, Callable[[str], pd.DataFrame]] = {
    "files": ocinb.files,
    "filesystem": lambda name: ocinb.filesystem(name, platform="all"),
    "hidden": ocinb.hidden,
    "efficiency": lambda name: ocinb.efficiency(name, platform="all"),
    "layers with what they store": lambda name: ocinb.layers(name, depth="files"),
}
ALL = HELPERS | CONTENTS
# What docker does not keep, or keeps otherwise.
NOT_KEPT = {
    "manifest_digest",
    "media_type",
    "compression",
    "compressed_bytes",
    "unique_bytes",
    "shared_bytes",
    "manifest_bytes",
    "layer_digest",
    "annotations",
}


def _without(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return frame.drop(columns=["reference", *(column for column in columns if column in frame)])


@pytest.mark.parametrize("helper", ALL)
def test_an_index_with_attestations(index: Places, helper: str) -> None:
    ask = ALL[helper]
    expected = ask(index.registry)
    assert len(expected)
    for name in index.faithful:
        assert_frame_equal(_without(ask(name)), _without(expected))


@pytest.mark.parametrize("helper", ALL)
def test_an_archive_of_docker_but_for_what_it_does_not_keep(image: Places, helper: str) -> None:
    # The digest of a config is its own, and kept.
    not_kept = NOT_KEPT if "configs" in helper else NOT_KEPT | {"digest"}
    found, expected = (ALL[helper](name) for name in (image.docker_archive, image.registry))
    assert_frame_equal(_without(found, *not_kept), _without(expected, *not_kept))


def test_documents_are_found_by_digest_in_every_file(image: Places) -> None:
    for name in (image.layout, image.oci_archive, image.docker_archive):
        bare = ":".join(name.split(":")[:2])
        assert ocinb.document(f"{bare}@{IMAGE.config.digest}").raw == IMAGE.config.raw
        with pytest.raises(NotFoundError, match=f"there is no blob sha256:{'0' * 64}"):
            ocinb.document(f"{bare}@sha256:{'0' * 64}")
    large = f"{image.layout}@{IMAGE.layers[0].digest}"
    ocinb.settings.max_manifest_bytes = 100_000
    with pytest.raises(InvalidError, match="max_manifest_bytes = 100,000"):
        ocinb.document(large)


def test_a_file_in_an_image_is_the_same_bytes(image: Places) -> None:
    expected = ocinb.read(image.registry, "usr/bin/sh")
    for name in [*image.faithful, image.docker_archive]:
        assert ocinb.read(name, "usr/bin/sh") == expected
        assert ocinb.read(name, "srv/shop/deploy.key", layer=4).startswith(b"this stands for a secret key")


@pytest.mark.parametrize("transport", ["oci", "oci-archive", "docker-archive"])
def test_a_file_has_no_repositories(transport: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.repositories(f"{transport}:images")
    assert f"ocinb.tags('{transport}:images') lists the names in it" in str(caught.value)


def _held(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "blobs" / "sha256").iterdir()}


def test_pull_copies_an_image_out_of_every_file(image: Places, index: Places, tmp_path: Path) -> None:
    for number, name in enumerate(image.faithful):
        frame = ocinb.pull(name, destination=tmp_path / str(number), progress=False)
        assert _held(tmp_path / str(number)) == all_blobs(IMAGE.manifest)
        assert set(frame["outcome"]) == {"downloaded"}
        assert frame["fetched_bytes"].equals(frame["blob_bytes"])
        again = ocinb.pull(name, destination=tmp_path / str(number), progress=False, verify="full")
        assert set(again["outcome"]) == {"present"}
        assert again["fetched_bytes"].sum() == 0
    ocinb.pull(index.layout, platform="all", destination=tmp_path / "all", progress=False)
    copied = ocinb.layers(f"oci:{tmp_path}/all", platform="all")
    assert_frame_equal(_without(copied), _without(ocinb.layers(index.registry, platform="all")))


def test_what_is_damaged_in_a_file_is_not_pulled(image: Places, tmp_path: Path) -> None:
    layer = IMAGE.layers[0]
    (tmp_path / "image/blobs/sha256" / layer.digest.hex).write_bytes(layer.raw[:-1] + b"!")
    members = legacy_archive([(IMAGE, ["demo/shop:1.0"])])
    place = next(place for place, member in enumerate(members) if member.name.endswith("/layer.tar"))
    members[place] = replace(members[place], raw=members[place].raw.replace(b"\x7f", b"\x7e"))
    (tmp_path / "docker.tar").write_bytes(tar_bytes(members))
    for number, (name, digest) in enumerate([(image.layout, layer.digest), (image.docker_archive, layer.diff_id)]):
        with pytest.raises(IntegrityError, match=f"the bytes of {digest} have the digest"):
            ocinb.pull(name, destination=tmp_path / str(number), progress=False)
        assert digest.hex not in _held(tmp_path / str(number))
        assert ocinb.tags(f"oci:{tmp_path}/{number}").empty


def test_the_store_is_a_layout_like_any_other(image: Places, index: Places) -> None:
    ocinb.pull(index.registry, platform="arm64", progress=False)
    store = f"oci:{ocinb.settings.store_dir}"
    assert_frame_equal(_without(ocinb.layers(store)), _without(ocinb.layers(index.registry, platform="arm64")))
    assert ocinb.tags(store)["tag"].tolist() == [index.registry]
    ocinb.pull(image.layout, progress=False)
    assert len(ocinb.tags(store)) == 2


def test_names_that_fail_are_skipped(image: Places, tmp_path: Path) -> None:
    names = [f"oci:{tmp_path}/gone:1", image.layout, f"oci:{tmp_path}/image:2.0", "oci:", f"oci-archive:{tmp_path}/x"]
    frame = ocinb.layers(names, errors="skip")
    assert frame["reference"].unique().tolist() == [image.layout]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == [names[0], *names[2:]]


def test_the_catalogue_takes_images_of_every_place(image: Places, index: Places) -> None:
    with ocinb.Catalog() as catalog:
        added = catalog.add([image.registry, *image.faithful, image.docker_archive, *index.faithful])
        # What refers to the index is noted for each place, which brings neither a manifest nor files.
        assert added["outcome"].tolist() == ["added", "present", "present", "added", "added", "present"]
        images = catalog.sql("SELECT * FROM images")
        assert images["manifest_digest"].nunique() == len(images) == 4
        made = ocinb.document(image.docker_archive).digest
        sizes = catalog.sql("SELECT layers, compressed_bytes FROM images WHERE manifest_digest = ?", [made])
        expected = ocinb.layers(image.docker_archive)
        assert sizes.iloc[0].tolist() == [len(expected), expected["compressed_bytes"].sum()]
        tables = catalog.tables()
        for view in tables.loc[tables["kind"] != "macro", "name"]:
            catalog.sql(f'SELECT * FROM "{view}"')
        gone = catalog.add([f"{image.layout}-gone"])
        assert gone["outcome"].tolist() == ["failed"]
        assert catalog.sql("SELECT * FROM observations WHERE digest IS NULL").empty
