"""pull brings whole images, each blob once, and says what it did."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, OcinbError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import Blob, make_layer, make_manifest
from ocinb.samples.images import make_image as build
from ocinb.samples.tars import file
from ocinb.sources.session import default_session
from tests.frames.facts import NAMES, Fact, fetch, images, records, sha256

BLOB = re.compile(r"/v2/[\w/]+/blobs/(sha256:[0-9a-f]{64})")


def blobs_of(fact: Fact) -> dict[str, int]:
    return {blob["digest"]: blob["size"] for blob in (fact.manifest["config"], *fact.manifest["layers"])}


def sent(registry: SampleRegistry, since: int = 0) -> dict[str, int]:
    """Add up what the registry sent of each blob since some request."""
    total: dict[str, int] = {}
    for request in list(registry.requests)[since:]:
        match = BLOB.fullmatch(request.path)
        if match and request.status in {200, 206}:
            size = len(fetch(registry, "demo/shop", "blobs", match[1]))
            start = int((request.header("Range") or "bytes=0-")[6:].partition("-")[0])
            total[match[1]] = total.get(match[1], 0) + size - start
    return total


@pytest.mark.parametrize("name", NAMES)
def test_a_pull_brings_each_blob_of_each_image(registry: SampleRegistry, tmp_path: Path, name: str) -> None:
    reference = registry.reference(name)
    facts = images(registry, name)
    before = len(registry.requests)
    frame = ocinb.pull(reference, platform="all", destination=tmp_path / "to", progress=False)
    assert [(row["manifest_digest"], row["digest"], row["blob_bytes"]) for row in records(frame)] == [
        (fact.digest, digest, size) for fact in facts for digest, size in blobs_of(fact).items()
    ]
    assert [row["platform"] for row in records(frame.drop_duplicates("manifest_digest"))] == [
        fact.platform for fact in facts
    ]
    assert frame["reference"].eq(reference).all()
    for path, digest in zip(frame["path"], frame["digest"], strict=True):
        assert Path(path).is_relative_to(tmp_path / "to")
        assert sha256(Path(path).read_bytes()) == digest
    came = sent(registry, before)
    assert frame.groupby("digest")["fetched_bytes"].sum().to_dict() == came
    assert sum(came.values()) == frame.drop_duplicates("digest")["blob_bytes"].sum()


@pytest.mark.parametrize("name", NAMES)
def test_a_second_pull_fetches_nothing(registry: SampleRegistry, name: str) -> None:
    reference = registry.reference(name)
    first = ocinb.pull(reference, platform="all", progress=False)
    before = len(registry.requests)
    again = ocinb.pull(reference, platform="all", progress=False)
    assert len(registry.requests) == before
    assert set(again["outcome"]) == {"present"}
    assert again["fetched_bytes"].sum() == 0
    assert again["seconds"].isna().all()
    same = ["reference", "platform", "manifest_digest", "digest", "media_type", "blob_bytes", "path"]
    assert again[same].equals(first[same])


def test_all_that_an_image_needs_is_on_the_disk_before_it_is_named(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[int] = []

    def settle(file: int) -> None:
        status = os.fstat(file)
        settled.extend([status.st_ino] if stat.S_ISREG(status.st_mode) else [])

    monkeypatch.setattr(os, "fsync", settle)
    reference = registry.reference("demo/shop:2.0")
    ocinb.layers(reference, platform="all")
    assert len(settled) == 2, "the two files of an empty layout"
    ocinb.pull(reference, platform="all", referrers=True, progress=False)
    blobs = {path.stat().st_ino for path in (settings.store_dir / "blobs").glob("*/*")}
    assert blobs <= set(settled)
    assert settled[-1] == (settings.store_dir / "index.json").stat().st_ino


def test_a_blob_that_many_images_share_is_fetched_and_told_once(registry: SampleRegistry) -> None:
    names = [registry.reference(f"demo/{name}") for name in ("shop:2.0", "base:12", "shop:1.0", "shop:latest")]
    frame = ocinb.pull(names, platform="all", progress=False)
    asked = [request.path for request in registry.requests if "/blobs/" in request.path]
    assert sorted(asked) == sorted(set(asked))
    assert list(dict.fromkeys(frame["reference"])) == names
    told = frame[frame["outcome"] == "downloaded"]
    assert sorted(told["digest"]) == sorted(set(frame["digest"]))
    assert frame["fetched_bytes"].sum() == sum(sent(registry).values())
    rest = frame[frame["outcome"] != "downloaded"]
    assert set(rest["outcome"]) == {"present"}
    assert (rest["fetched_bytes"] == 0).all()
    assert rest["seconds"].isna().all()
    assert (frame["reference"] == names[3]).sum() == (frame["reference"] == names[0]).sum(), "an alias has its rows"


def test_a_layer_that_stands_twice_in_an_image_is_one_row(registry: SampleRegistry) -> None:
    frame = ocinb.pull(registry.reference("demo/nested:1"), platform="amd64", progress=False)
    assert len(frame) == 3, "a config, the greeting, and the empty layer that stands twice"
    assert frame["digest"].is_unique


def test_a_broken_download_is_resumed(registry: SampleRegistry) -> None:
    settings.retries = 0
    reference = registry.reference("demo/shop:2.0")
    layer = max(images(registry, "demo/shop:2.0")[0].manifest["layers"], key=lambda one: one["size"])
    registry.fault(f"*/blobs/{layer['digest']}", cut=100_000)
    with pytest.raises(TransportError):
        ocinb.pull(reference, platform="amd64", progress=False)
    before = len(registry.requests)
    frame = ocinb.pull(reference, platform="amd64", progress=False).set_index("digest")
    row = frame.loc[layer["digest"]]
    assert (row["outcome"], row["blob_bytes"]) == ("resumed", layer["size"])
    assert row["fetched_bytes"] == layer["size"] - 100_000 == sent(registry, before)[layer["digest"]]
    assert "downloaded" not in set(frame.loc[frame["fetched_bytes"] == 0, "outcome"])


def test_a_destination_is_a_store_of_its_own(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/hello")
    ocinb.pull(reference, progress=False)
    before = {path: path.stat().st_mtime_ns for path in settings.store_dir.rglob("*")}
    frame = ocinb.pull(reference, destination=tmp_path / "deep" / "er", progress=False)
    assert frame["outcome"].tolist() == ["downloaded", "downloaded"]
    assert {path: path.stat().st_mtime_ns for path in settings.store_dir.rglob("*")} == before
    assert set(ocinb.pull(reference, destination=str(tmp_path / "deep" / "er"), progress=False)["outcome"]) == {
        "present"
    }


def test_the_default_store_serves_the_other_helpers(registry: SampleRegistry) -> None:
    reference = registry.reference("demo/shop:2.0")
    frame = ocinb.pull(reference, platform="all", progress=False)
    assert all(Path(path).is_relative_to(settings.store_dir) for path in frame["path"])
    before = len(registry.requests)
    ocinb.configs(reference, platform="all")
    assert len(registry.requests) == before


def test_images_of_one_config_are_both_whole(registry: SampleRegistry) -> None:
    image = build("linux/amd64", [], settings={"User": "ada"})
    registry.put_blob(image.config.raw)
    for tag in ("1", "2"):
        manifest = make_manifest(image.config, [], annotations={"tag": tag})
        registry.put_manifest("demo/alike", manifest.raw, tag=tag)
    names = [registry.reference(f"demo/alike:{tag}") for tag in ("1", "2")]
    frame = ocinb.pull(names, progress=False)
    assert frame["manifest_digest"].nunique() == 2
    assert frame["outcome"].tolist() == ["downloaded", "present"]
    assert frame["fetched_bytes"].tolist() == [len(image.config.raw), 0]


def test_a_config_that_is_a_layer_elsewhere_is_told_once(registry: SampleRegistry) -> None:
    image = build("linux/amd64", [])
    registry.put_blob(image.config.raw)
    registry.put_blob(b"{}")
    registry.put_manifest("demo/both", make_manifest(image.config, []).raw, tag="image")
    artifact = make_manifest(Blob(b"{}", "application/x-empty"), [Blob(image.config.raw, "application/x-copy")])
    registry.put_manifest("demo/both", artifact.raw, tag="artifact")
    names = [registry.reference("demo/both:image"), registry.reference("demo/both:artifact")]
    frame = ocinb.pull(names, progress=False)
    assert frame["outcome"].tolist() == ["downloaded", "downloaded", "present"]
    assert frame["fetched_bytes"].tolist() == [len(image.config.raw), 2, 0]


def test_several_platforms_come_in_their_order(registry: SampleRegistry) -> None:
    frame = ocinb.pull(registry.reference("demo/shop:2.0"), platform=["arm64", "amd64"], progress=False)
    assert list(dict.fromkeys(frame["platform"])) == ["linux/arm64", "linux/amd64"]


def test_verify_full_repairs_what_was_damaged(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/shop:2.0")
    frame = ocinb.pull(reference, platform="amd64", destination=tmp_path, progress=False)
    layer = frame.iloc[2]
    path = Path(layer["path"])
    status = path.stat()
    damaged = b"x" + path.read_bytes()[1:]
    path.chmod(0o644)
    path.write_bytes(damaged)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    again = ocinb.pull(reference, platform="amd64", destination=tmp_path, verify="full", progress=False)
    assert again.loc[again["outcome"] != "present", "digest"].tolist() == [layer["digest"]]
    assert again["fetched_bytes"].sum() == layer["blob_bytes"]
    assert sha256(path.read_bytes()) == layer["digest"]


@pytest.mark.parametrize("which", ["config", "manifest", "index"])
def test_damaged_documents_are_repaired(registry: SampleRegistry, tmp_path: Path, which: str) -> None:
    reference = registry.reference("demo/shop:2.0")
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    fact = images(registry, "demo/shop:2.0")[0]
    index = ocinb.document(reference).digest
    digest = {"config": fact.manifest["config"]["digest"], "manifest": fact.digest, "index": index}[which]
    path = tmp_path / "blobs" / "sha256" / digest.partition(":")[2]
    path.write_bytes(b"damaged")
    ocinb.pull(reference, platform="all", destination=tmp_path, progress=False)
    assert sha256(path.read_bytes()) == digest


@pytest.mark.parametrize("verify", ["none", "", None, True])
def test_verify_takes_two_words(verify: object) -> None:
    with pytest.raises(InvalidError, match="verify takes 'size' or 'full'"):
        ocinb.pull([], verify=verify)  # type: ignore[arg-type]


def test_a_destination_that_cannot_be_written(registry: SampleRegistry, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(TransportError, match="destination="):
        ocinb.pull(registry.reference("demo/hello"), destination=tmp_path / "file" / "below", progress=False)


def test_no_names_pull_nothing(registry: SampleRegistry) -> None:
    assert len(ocinb.pull([], progress=False)) == 0
    assert registry.requests == ()


def test_an_image_without_layers_is_its_config(registry: SampleRegistry) -> None:
    registry.put_image("demo/empty", [], tag="1")
    assert len(ocinb.pull(registry.reference("demo/empty:1"), progress=False)) == 1


def test_an_empty_blob_is_there(registry: SampleRegistry) -> None:
    registry.put_blob(b"{}")
    registry.put_blob(b"")
    manifest = make_manifest(Blob(b"{}", "application/x-empty"), [Blob(b"", "application/x-nothing")])
    registry.put_manifest("demo/nothing", manifest.raw, tag="1")
    reference = registry.reference("demo/nothing:1")
    assert ocinb.pull(reference, progress=False)["outcome"].tolist() == ["downloaded", "downloaded"]
    again = ocinb.pull(reference, progress=False)
    assert again[["outcome", "blob_bytes"]].values.tolist() == [["present", 2], ["present", 0]]


def test_layers_with_dots_and_colons_in_their_names_do_not_matter(registry: SampleRegistry) -> None:
    layer = make_layer([file("a:b/../c", "x")])
    registry.put_image("demo/odd.name-x__y", [layer], tag="v1.0_x-y")
    frame = ocinb.pull(registry.reference("demo/odd.name-x__y:v1.0_x-y"), progress=False)
    assert [Path(path).name for path in frame["path"]] == [digest.partition(":")[2] for digest in frame["digest"]]


def test_a_destination_that_cannot_be_one_is_refused(registry: SampleRegistry, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    wrongs = {f"{tmp_path}/file": "is a file", "a\0b": "has a NUL", "~nobody-here/x": "there is no home"}
    for wrong, told in wrongs.items():
        with pytest.raises(OcinbError, match=told):
            ocinb.pull(registry.reference("demo/hello"), destination=wrong, progress=False)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("wrong", ["", 5, b"folder", "oci:folder", "docker-archive:file.tar"])
def test_what_is_no_folder_is_refused(registry: SampleRegistry, wrong: Any) -> None:
    with pytest.raises(InvalidError, match="destination takes the path of a folder"):
        ocinb.pull(registry.reference("demo/hello"), destination=wrong, progress=False)
    assert not registry.requests


def test_a_pull_keeps_to_the_session_that_it_began_with(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = [default_session()]
    monkeypatch.setattr("ocinb.frames.pulling.default_session", sessions.pop)
    assert len(ocinb.pull(registry.reference("demo/hello"), destination=tmp_path, progress=False)) == 2
    assert sessions == []
