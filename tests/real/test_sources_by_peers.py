"""Names in layouts and archives mean to us what they mean to skopeo and umoci; what one refuses the other does too."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import OcinbError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_index
from tests.localfiles import (
    Member,
    crane_archive,
    entry,
    hybrid_archive,
    layout_files,
    legacy_archive,
    podman_archive,
    tar_bytes,
    tiny_image,
    write_files,
    write_layout,
)
from tests.real import tools

pytestmark = pytest.mark.real

ONE, TWO, THREE = tiny_image("one", "more", "one"), tiny_image("two"), tiny_image("three")
DIALECTS = {
    "legacy": legacy_archive([(ONE, ["app:1", "quay.io/org/app:1"]), (TWO, ["app:2"]), (THREE, None)]),
    "hybrid": hybrid_archive(ONE, ["app:1"]),
    "containerd": hybrid_archive(ONE, ["app:1"], compressed=True),
    "podman": podman_archive(ONE, ["docker.io/library/app:1"]),
    "crane": crane_archive(ONE, ["app:1"]),
}


def skopeo_diff_ids(reference: str) -> list[str] | None:
    """Say which layers skopeo sees behind a name, or None if it refuses it."""
    try:
        config = json.loads(tools.run("skopeo", "inspect", "--config", reference))
    except RuntimeError as error:
        if "level=fatal" in str(error):
            return None
        raise
    diff_ids: list[str] = config["rootfs"]["diff_ids"]
    return diff_ids


def our_diff_ids(reference: str) -> list[str] | None:
    try:
        diff_ids: list[str] = ocinb.layers(reference)["diff_id"].tolist()
    except OcinbError:
        return None
    return diff_ids


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("", 0),
        (":1.0", 3),
        (":2.0", 1),
        (":docker.io/library/app:3", 1),
        (":App@x+y", 3),
        (":all", 3),
        (":3", 0),
        (":app:3", 0),
        (":1.0:", 0),
        ("/:1.0", 3),
        ("/../layout:1.0", 3),
        ("/nowhere:1.0", 0),
    ],
)
def test_names_in_a_layout(tmp_path: Path, name: str, layers: int) -> None:
    both = make_index([(image.manifest, image.descriptor()) for image in (ONE, TWO)])
    named = {"1.0": ONE, "2.0": TWO, "docker.io/library/app:3": THREE, "App@x+y": ONE}
    write_layout(tmp_path / "layout", {text: image.manifest for text, image in named.items()} | {"all": both})
    reference = f"oci:{tmp_path}/layout{name}"
    theirs = skopeo_diff_ids(reference)
    assert our_diff_ids(reference) == theirs
    assert len(theirs or []) == layers


@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_without_a_name_the_only_image_is_meant(tmp_path: Path, transport: str) -> None:
    files = layout_files([ONE.manifest], [entry(ONE.manifest)])
    write_files(tmp_path / "layout", files)
    (tmp_path / "layout.tar").write_bytes(tar_bytes(Member(name, raw) for name, raw in files.items()))
    reference = f"{transport}:{tmp_path}/layout{'' if transport == 'oci' else '.tar'}"
    theirs = skopeo_diff_ids(reference)
    assert theirs == our_diff_ids(reference) == [layer.diff_id for layer in ONE.layers]


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "name",
    ["", ":app:1", ":docker.io/library/app:1", ":quay.io/org/app:1", ":app:2", ":app", ":@0", ":@2", ":@9", ":App"],
)
def test_names_in_an_archive_of_docker(tmp_path: Path, dialect: str, name: str) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes(DIALECTS[dialect]))
    reference = f"docker-archive:{tmp_path}/a.tar{name}"
    assert our_diff_ids(reference) == skopeo_diff_ids(reference)


@pytest.mark.parametrize("dialect", ["legacy", "hybrid", "podman"])
def test_a_made_manifest_has_the_config_and_the_layers_of_skopeos(tmp_path: Path, dialect: str) -> None:
    (tmp_path / "a.tar").write_bytes(tar_bytes(DIALECTS[dialect]))
    reference = f"docker-archive:{tmp_path}/a.tar:app:1"
    theirs = json.loads(tools.run("skopeo", "inspect", "--raw", reference))
    ours = ocinb.document(reference).json
    for blob in ("digest", "size"):
        assert ours["config"][blob] == theirs["config"][blob]
        assert [layer[blob] for layer in ours["layers"]] == [layer[blob] for layer in theirs["layers"]]


def test_tags_are_those_that_umoci_lists(tmp_path: Path) -> None:
    tools.run("umoci", "init", "--layout", tmp_path / "layout")
    for name in ("1.0", "1.1", "latest"):
        tools.run("umoci", "new", "--image", f"{tmp_path / 'layout'}:{name}")
    tools.run("umoci", "tag", "--image", f"{tmp_path / 'layout'}:1.1", "stable")
    listed = tools.run("umoci", "ls", "--layout", tmp_path / "layout").decode().split()
    frame = ocinb.tags(f"oci:{tmp_path / 'layout'}", digests=True)
    assert sorted(frame["tag"]) == sorted(listed) == ["1.0", "1.1", "latest", "stable"]
    for reference, digest in zip(frame["reference"], frame["digest"], strict=True):
        assert json.loads(tools.run("skopeo", "inspect", reference))["Digest"] == digest


def test_a_repository_copied_by_skopeo_has_its_rows(registry: SampleRegistry, tmp_path: Path) -> None:
    names = ["demo/base:12", "demo/hello:latest", "demo/shop:1.0", "demo/shop:1.1"]
    for name in names:
        source = f"docker://{registry.reference(name)}"
        target = f"oci:{tmp_path / 'all'}:{name}"
        kept = ["--all"] if name != "demo/hello:latest" else []  # that one is Docker's, and becomes OCI's
        tools.run("skopeo", "--insecure-policy", "copy", "--quiet", *kept, "--src-tls-verify=false", source, target)
    assert ocinb.tags(f"oci:{tmp_path / 'all'}")["tag"].tolist() == names
    for name in names:
        here, there = f"oci:{tmp_path / 'all'}:{name}", registry.reference(name)
        for platform in ("all", "linux/amd64"):
            left, right = (ocinb.layers(reference, platform=platform) for reference in (here, there))
            columns = ["platform", "layer", "digest", "diff_id", "chain_id", "compressed_bytes", "instruction"]
            assert left[columns].equals(right[columns])


def test_what_we_pull_out_of_a_layout_is_read_by_skopeo(tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", {"docker.io/library/app:1": ONE.manifest, "two": TWO.manifest})
    for name in ("docker.io/library/app:1", "two"):
        ocinb.pull(f"oci:{tmp_path / 'layout'}:{name}", destination=tmp_path / "copy", progress=False)
    assert skopeo_diff_ids(f"oci:{tmp_path / 'copy'}:docker.io/library/app:1") == [
        layer.diff_id for layer in ONE.layers
    ]
    names = ocinb.tags(f"oci:{tmp_path / 'copy'}")["reference"]
    assert all(re.search(r":(docker\.io/library/app:1|oci:.*:two)$", name) for name in names)
