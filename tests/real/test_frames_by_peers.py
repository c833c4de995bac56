"""The frames say of real images in a real registry what skopeo and umoci say of them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pandas as pd
import pytest

import ocinb
from tests.real import tools
from tests.real.dockerregistry import DockerRegistry
from tests.real.realimages import Layout, RealImages

pytestmark = pytest.mark.real

ONE_PLATFORM = ["busybox_oci", "busybox_docker", "busybox_zstd", "debian_oci"]
# What umoci 0.4 writes has no mediaType of its own: the registry's Content-Type says it.
MEDIA_TYPES = {
    **dict.fromkeys(["busybox_oci", "busybox_zstd", "debian_oci"], "application/vnd.oci.image.manifest.v1+json"),
    "busybox_docker": "application/vnd.docker.distribution.manifest.v2+json",
    "index": "application/vnd.oci.image.index.v1+json",
}
AS_UMOCI_MADE_THEM = ["busybox_oci", "busybox_docker", "debian_oci"]


COLUMNS = {"entrypoint": "Entrypoint", "cmd": "Cmd", "user": "User", "working_dir": "WorkingDir"}


def layout_of(name: str, busybox: Layout, debian: Layout) -> Layout:
    return debian if name.startswith("debian") else busybox


def chained(diff_ids: list[str]) -> list[str]:
    """Chain IDs by the formula of the image-spec's config.md, straight."""
    chain = diff_ids[:1]
    for diff_id in diff_ids[1:]:
        chain.append(f"sha256:{hashlib.sha256(f'{chain[-1]} {diff_id}'.encode()).hexdigest()}")
    return chain


def times(texts: list[str]) -> list[pd.Timestamp]:
    return [pd.Timestamp(text).tz_convert("UTC").as_unit("us") for text in texts]


def given(value: Any) -> Any:
    return value if isinstance(value, list) or pd.notna(value) else None


@pytest.mark.parametrize("name", [*ONE_PLATFORM, "index"])
def test_the_document_is_the_one_that_skopeo_gives(name: str, real_images: RealImages) -> None:
    reference = getattr(real_images, name)
    raw = tools.skopeo_raw(reference)
    document = ocinb.document(reference)
    assert document.raw == raw
    assert document.digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert document.media_type == MEDIA_TYPES[name]


@pytest.mark.parametrize("name", ONE_PLATFORM)
def test_layers_are_those_of_the_manifest_and_the_config(name: str, real_images: RealImages) -> None:
    reference = getattr(real_images, name)
    manifest, config = json.loads(tools.skopeo_raw(reference)), tools.skopeo_config(reference)
    layers = ocinb.layers(reference)
    assert layers["digest"].tolist() == tools.skopeo_inspect(reference)["Layers"]
    assert layers["compressed_bytes"].tolist() == [layer["size"] for layer in manifest["layers"]]
    assert layers["media_type"].tolist() == [layer["mediaType"] for layer in manifest["layers"]]
    assert layers["diff_id"].tolist() == config["rootfs"]["diff_ids"]
    assert layers["chain_id"].tolist() == chained(config["rootfs"]["diff_ids"])
    assert layers["layer"].tolist() == list(range(len(manifest["layers"])))
    assert layers["compression"].unique().tolist() == ["zstd" if name == "busybox_zstd" else "gzip"]


@pytest.mark.parametrize("name", AS_UMOCI_MADE_THEM)
def test_history_is_the_one_that_umoci_tells(
    name: str, real_images: RealImages, busybox_layout: Layout, debian_layout: Layout
) -> None:
    layout = layout_of(name, busybox_layout, debian_layout)
    told = tools.umoci_stat(layout.path, layout.tag)["history"]
    history = ocinb.history(getattr(real_images, name))
    assert history["created_by"].tolist() == [entry["created_by"] for entry in told]
    assert history["empty_layer"].tolist() == [entry["layer"] is None for entry in told]
    assert history["created"].tolist() == times([entry["created"] for entry in told])
    layers = [entry["layer"] for entry in told]
    assert history["layer_digest"].fillna("none").tolist() == [layer["digest"] if layer else "none" for layer in layers]
    assert history["compressed_bytes"].fillna(-1).tolist() == [layer["size"] if layer else -1 for layer in layers]


@pytest.mark.parametrize("name", AS_UMOCI_MADE_THEM)
def test_each_layer_has_the_instruction_of_its_history(name: str, real_images: RealImages) -> None:
    reference = getattr(real_images, name)
    history = ocinb.history(reference)
    made = history.loc[~history["empty_layer"], ["layer", "layer_digest", "created_by"]]
    layers = ocinb.layers(reference)[["layer", "digest", "created_by"]]
    assert made.to_numpy().tolist() == layers.to_numpy().tolist()


@pytest.mark.parametrize("name", ONE_PLATFORM)
def test_the_config_is_the_one_that_skopeo_gives(name: str, real_images: RealImages) -> None:
    reference = getattr(real_images, name)
    told = tools.skopeo_config(reference)
    running = told["config"]
    (config,) = ocinb.configs(reference).to_dict("records")
    assert (config["os"], config["architecture"]) == (told["os"], told["architecture"])
    assert config["created"] == times([told["created"]])[0]
    assert config["author"] == told["author"]
    assert config["env"] == dict(entry.split("=", 1) for entry in running.get("Env", []))
    assert config["labels"] == running.get("Labels", {})
    for column, key in COLUMNS.items():
        assert given(config[column]) == running.get(key)
    assert given(config["exposed_ports"]) == (list(running["ExposedPorts"]) if "ExposedPorts" in running else None)
    assert config["digest"] == json.loads(tools.skopeo_raw(reference))["config"]["digest"]


def test_manifests_are_the_entries_of_the_index(real_images: RealImages) -> None:
    raw = tools.skopeo_raw(real_images.index)
    entries = json.loads(raw)["manifests"]
    manifests = ocinb.manifests(real_images.index)
    assert manifests["digest"].tolist() == [entry["digest"] for entry in entries]
    assert manifests["manifest_bytes"].tolist() == [entry["size"] for entry in entries]
    assert manifests["architecture"].tolist() == [entry["platform"]["architecture"] for entry in entries]
    assert set(manifests["index_digest"]) == {f"sha256:{hashlib.sha256(raw).hexdigest()}"}


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_a_platform_is_chosen_as_skopeo_chooses_it(real_images: RealImages, architecture: str) -> None:
    config = tools.skopeo_config(real_images.index, architecture=architecture)
    inspected = tools.skopeo_inspect(real_images.index, architecture=architecture)
    layers = ocinb.layers(real_images.index, platform=architecture)
    assert layers["diff_id"].tolist() == config["rootfs"]["diff_ids"]
    assert layers["digest"].tolist() == inspected["Layers"]
    child = tools.skopeo_raw(real_images.index_children[architecture])
    assert ocinb.document(real_images.index, platform=architecture).raw == child


def test_tags_and_repositories_are_those_that_skopeo_lists(
    docker_registry: DockerRegistry, real_images: RealImages
) -> None:
    repository = real_images.index.rpartition(":")[0]
    listed = json.loads(tools.run("skopeo", "list-tags", "--tls-verify=false", f"docker://{repository}"))["Tags"]
    tags = ocinb.tags(repository, digests=True)
    assert sorted(tags["tag"]) == sorted(listed)
    by_tag = dict(zip(tags["tag"], tags["digest"], strict=True))
    assert by_tag["1.0"] == f"sha256:{hashlib.sha256(tools.skopeo_raw(real_images.index)).hexdigest()}"
    found = set(ocinb.repositories(docker_registry.host)["reference"])
    assert {f"{docker_registry.host}/real/{name}" for name in ("busybox", "debian", "multi")} <= found


def test_the_same_image_has_the_same_rows_whatever_its_format(real_images: RealImages) -> None:
    same = ["diff_id", "chain_id", "instruction", "created_by", "created"]
    oci, docker, zstd = (
        ocinb.layers(reference)[same]
        for reference in (real_images.busybox_oci, real_images.busybox_docker, real_images.busybox_zstd)
    )
    pd.testing.assert_frame_equal(oci, docker)
    pd.testing.assert_frame_equal(oci, zstd)
