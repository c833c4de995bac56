"""The sample images are what they say, and the same on every machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sys
import tarfile
from datetime import datetime
from typing import Any

import pytest

from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples.base_image import PLATFORMS, base_image
from ocinb.samples.catalog import chart, hello_image, nested_image, sample_content
from ocinb.samples.images import Image, Layer, Step, compress_layer, make_image, make_layer
from ocinb.samples.shop import RELEASES, Release, shop_image
from ocinb.samples.tars import file

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

AMD64, ARM64 = PLATFORMS
OLD, MIDDLE, NEW = RELEASES

TOP_CHAIN_IDS = [
    (hello_image(), "sha256:fc06247bfb0134a4289e5e10d2ac430ea18707e5734858d0a7ea568e45e9d6ea"),
    (base_image(AMD64), "sha256:1ba73c9943d81f5e4af10ec10c67e8879f2c9ad996b99eb4c6855ebbb59dfe1d"),
    (base_image(ARM64), "sha256:9ff3323c369c2e4cab45b5ad370ca1fbecf75391301197a63562fe30d8c7b6a6"),
    (shop_image(OLD, AMD64), "sha256:e8e85a83a54178bcf32dc7b031bc22a6c3948095a96749ac63b68a7919e0021b"),
    (shop_image(OLD, ARM64), "sha256:8ced8d9a2dac2834aaf883381491a8265d81d3877bcdf1a570e7b736fd983044"),
    (shop_image(MIDDLE, AMD64), "sha256:588100654ce735e60117f9f3ee9116373e639dcd456c84e686ef24ed52af0574"),
    (shop_image(MIDDLE, ARM64), "sha256:3881c6c2f8b61f362dff6ae0b0cf26346c4a7299f043661b1b98ce105baf6258"),
    (shop_image(NEW, AMD64), "sha256:0875f476f02454262d3e91b4ad9286a99b561569a17ab79becf7a475136a8f4c"),
    (shop_image(NEW, ARM64), "sha256:2ca4ebdc504d3725fe97343e034da83bd024f1b5f7f2b484cd5296e72f6dfbd2"),
    (nested_image(AMD64), "sha256:de5532b8ca39515828e7c388e36a92c9d222f0f3a42ca1c2c9999bda23dbdd88"),
    (nested_image(ARM64), "sha256:7ce5a815f067537e28355660c407d4df235c4236e6151f46886eb7d31761c87c"),
    (nested_image("linux/arm/v7"), "sha256:fe215d748c53654774810950f725413fb82daddfb1a819dee7290b0169845439"),
]
IMAGES = [image for image, _ in TOP_CHAIN_IDS]


def sha256(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def tar_of(layer: Layer) -> bytes:
    if layer.media_type.endswith("gzip"):
        return gzip.decompress(layer.raw)
    return zstd.decompress(layer.raw) if layer.media_type.endswith("zstd") else layer.raw


def members(layer: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(tar_of(layer))) as tar:
        return {member.name: member for member in tar.getmembers()}


def content_of(layer: Layer, path: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(tar_of(layer))) as tar:
        stream = tar.extractfile(path)
        assert stream is not None
        return stream.read()


def chain_id(diff_ids: list[str]) -> str:
    """Follow the definition in config.md word for word, independently of the library."""
    if len(diff_ids) == 1:
        return diff_ids[0]
    return sha256(f"{chain_id(diff_ids[:-1])} {diff_ids[-1]}".encode())


def config_of(image: Image) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(image.config.raw)
    return config


def compressed_bytes(image: Image) -> int:
    return sum(len(layer.raw) for layer in image.layers)


def descriptors(document: dict[str, Any]) -> list[dict[str, Any]]:
    named = [document[name] for name in ("config", "subject") if name in document]
    return [*named, *document.get("layers", []), *document.get("manifests", [])]


@pytest.mark.parametrize(("image", "expected"), TOP_CHAIN_IDS)
def test_chain_ids_are_the_same_on_every_machine(image: Image, expected: str) -> None:
    assert chain_id([layer.diff_id for layer in image.layers]) == expected


def test_diff_ids_of_the_newest_shop_are_the_same_on_every_machine() -> None:
    assert [layer.diff_id for layer in shop_image(NEW, AMD64).layers] == [
        "sha256:1918f5737f24f03fdece0c22e5f40b1d9a9323a31ea623bd4bcc3cd983a6b082",
        "sha256:fc6fe4d3bf8977fcfe8a0d6ed03fba17345ed055ee932d1640c89bb07d4515af",
        "sha256:1745bb88947864eabcfb27cc90b20a874367f0aa60d5a31e3627074e536b7cd3",
        "sha256:2774b45b42c75b0ea5916340fec32fdfd679e5fca4b201a76077fdaff02ad40a",
        "sha256:8a6416f64b726cffca191ac8d6ffd5a9332b541e13a3417de55a9e3b5268cd13",
        "sha256:c963a147444f2a1d18d94df19c9f2b2fd390e2fde7a6f46631ea2344a56434e5",
        "sha256:7a99f7e913d6d72cb688c372eed042f337dd8f9cadd4fd3e09feaf8a04cabd5b",
    ]


@pytest.mark.parametrize("image", IMAGES)
def test_diff_ids_are_the_digests_of_the_tars(image: Image) -> None:
    assert config_of(image)["rootfs"]["diff_ids"] == [sha256(tar_of(layer)) for layer in image.layers]


@pytest.mark.parametrize("image", IMAGES)
def test_history_has_an_entry_for_each_layer_and_moves_forward_in_time(image: Image) -> None:
    history = config_of(image)["history"]
    assert sum(not entry.get("empty_layer", False) for entry in history) == len(image.layers)
    created = [datetime.fromisoformat(entry["created"]) for entry in history]
    assert created == sorted(created)
    assert config_of(image)["created"] == history[-1]["created"]


def test_every_document_is_stored_under_its_digest_and_names_what_is_there() -> None:
    content = sample_content().copy()
    for name in content.names:
        repository = content.find(name)
        assert repository is not None
        for digest, manifest in repository.manifests.items():
            assert digest == sha256(manifest.raw)
            document = json.loads(manifest.raw)
            assert document["mediaType"] == manifest.media_type
            for descriptor in descriptors(document):
                child = repository.manifests.get(descriptor["digest"])
                raw = child.raw if child else content.blobs[descriptor["digest"]]
                assert len(raw) == descriptor["size"]
                assert child is None or child.media_type == descriptor["mediaType"]
        assert set(repository.tags.values()) <= set(repository.manifests)
    assert all(digest == sha256(raw) for digest, raw in content.blobs.items())


def test_tags_are_the_promised_ones() -> None:
    content = sample_content().copy()
    tags = {name: sorted(found.tags) for name in content.names if (found := content.find(name))}
    index = sample_content().repositories["demo/shop"].tags["2.0"]
    signature = f"{index.replace(':', '-')}.sig"
    assert tags == {
        "demo/base": ["12"],
        "demo/chart": ["0.1"],
        "demo/hello": ["latest"],
        "demo/lazy": ["estargz", "gzip", "zstd-chunked"],
        "demo/nested": ["1"],
        "demo/shop": ["1.0", "1.1", "2.0", "latest", signature],
    }
    assert sample_content().repositories["demo/shop"].tags["latest"] == index


def test_samples_are_built_once_and_copies_are_independent() -> None:
    assert sample_content() is sample_content()
    copy = sample_content().copy()
    copy.untag("demo/base", "12")
    copy.blobs.clear()
    assert sample_content().repositories["demo/base"].tags
    assert sample_content().blobs


def test_hello_is_one_docker_manifest() -> None:
    document = json.loads(hello_image().manifest.raw)
    types = [document["mediaType"], document["config"]["mediaType"], document["layers"][0]["mediaType"]]
    assert types == [
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ]
    assert len(document["layers"]) == 1


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.version)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_shop_image_stands_on_the_base(release: Release, platform: str) -> None:
    base, image = base_image(platform), shop_image(release, platform)
    assert image.layers[: len(base.layers)] == base.layers
    annotations = json.loads(image.manifest.raw)["annotations"]
    assert annotations["org.opencontainers.image.base.digest"] == base.manifest.digest
    assert annotations["org.opencontainers.image.base.name"].endswith("demo/base:12")


def test_tags_and_platforms_share_layers() -> None:
    old, middle, new = ({layer.digest for layer in shop_image(release, AMD64).layers} for release in (OLD, MIDDLE, NEW))
    base = {layer.digest for layer in base_image(AMD64).layers}
    assert len(old & middle) == 4
    assert old & middle & new == base
    arm = {layer.digest for layer in shop_image(NEW, ARM64).layers}
    assert len(new & arm) == 3


def test_all_compressions_occur() -> None:
    suffixes = [layer.media_type.partition(".tar")[2] for layer in shop_image(NEW, AMD64).layers]
    assert suffixes == ["+gzip", "+gzip", "+zstd", "+gzip", "+gzip", "+gzip", ""]
    assert {layer.media_type.partition(".tar")[2] for layer in shop_image(OLD, AMD64).layers} == {"+gzip"}


def test_sizes_are_small_but_worth_a_progress_bar() -> None:
    sizes = [compressed_bytes(shop_image(release, AMD64)) for release in RELEASES]
    assert sizes == sorted(sizes)
    assert 4_000_000 < sizes[-1] < 8_000_000


def test_created_times_grow_with_the_tags() -> None:
    created = [config_of(shop_image(release, AMD64))["created"] for release in RELEASES]
    assert created == sorted(set(created))


def test_history_reads_as_builders_write_it() -> None:
    config = config_of(shop_image(NEW, AMD64))
    lines = [entry["created_by"] for entry in config["history"]]
    assert lines[0].startswith("/bin/sh -c #(nop) ADD file:")
    assert lines[1] == '/bin/sh -c #(nop)  CMD ["bash"]'
    assert any(line.startswith("RUN |1 VERSION=2.0 /bin/sh -c ") and line.endswith(" # buildkit") for line in lines)


def test_config_has_all_that_an_image_may_set() -> None:
    settings = config_of(shop_image(NEW, AMD64))["config"]
    assert settings["User"] == "shop"
    assert settings["ExposedPorts"] == {"8080/tcp": {}}
    assert settings["Entrypoint"] == ["shop-python", "-m", "shop"]
    assert settings["Cmd"] == ["--workers", "2"]
    assert settings["Healthcheck"]["Test"][0] == "CMD-SHELL"
    assert settings["Labels"]["org.opencontainers.image.version"] == "2.0"
    assert "SHOP_PORT=8080" in settings["Env"]


def test_base_is_a_small_debian() -> None:
    root = members(base_image(AMD64).layers[0])
    assert root["etc/os-release"].linkname == "../usr/lib/os-release"
    assert b'VERSION_ID="12"' in content_of(base_image(AMD64).layers[0], "usr/lib/os-release")
    assert root["usr/bin/perl5.36.0"].islnk()
    assert root["usr/bin/perl5.36.0"].linkname == "usr/bin/perl"
    assert root["usr/bin/sh"].issym()
    assert root["usr/bin/passwd"].mode == 0o4755
    assert root["tmp"].mode == 0o1777
    assert root["etc/.pwd.lock"].isreg()
    assert root["etc/.pwd.lock"].size == 0


def test_files_are_overwritten() -> None:
    layers = shop_image(NEW, AMD64).layers
    for path, numbers in {
        "var/lib/dpkg/status": [0, 1, 2],
        "etc/passwd": [0, 2],
        "etc/ssl/certs/ca-certificates.crt": [1, 5],
        "srv/shop/settings.toml": [4, 6],
    }.items():
        stored = {number: content_of(layers[number], path) for number in numbers}
        assert len(set(stored.values())) == len(numbers)


def test_secret_and_cache_are_deleted_in_a_later_layer() -> None:
    layers = [members(layer) for layer in shop_image(NEW, AMD64).layers]
    assert layers[4]["srv/shop/deploy.key"].mode == 0o600
    lists = "var/lib/apt/lists/deb.debian.org_debian_dists_bookworm_main_Packages"
    archive = "var/cache/apt/archives/python3.11_3.11.2-6+deb12u4_amd64.deb"
    assert {lists, archive} <= set(layers[2])
    markers = {name for name, member in layers[5].items() if "/.wh." in name and member.isreg() and member.size == 0}
    assert markers == {
        "srv/shop/.wh.deploy.key",
        "srv/shop/static/.wh..wh..opq",
        "usr/bin/.wh.perl5.36.0",
        "var/cache/.wh.apt",
        f"var/lib/apt/lists/.wh.{lists.rpartition('/')[2]}",
    }


def test_a_directory_becomes_a_file_and_another_one_is_emptied() -> None:
    layers = [members(layer) for layer in shop_image(NEW, AMD64).layers]
    assert layers[4]["srv/shop/data"].isdir()
    assert layers[5]["srv/shop/data"].isreg()
    assert "srv/shop/static/draft.css" in layers[4]
    assert "srv/shop/static/.wh..wh..opq" in layers[5]


def test_a_hard_link_leads_into_a_layer_below() -> None:
    layers = [members(layer) for layer in shop_image(NEW, AMD64).layers]
    link = layers[5]["usr/local/bin/shop-python"]
    assert link.islnk()
    assert link.linkname == "usr/bin/python3.11"
    assert link.linkname not in layers[5]
    assert layers[2][link.linkname].isreg()


def test_the_same_content_lies_under_several_names() -> None:
    layer = shop_image(NEW, AMD64).layers[5]
    assert content_of(layer, "srv/shop/static/logo.png") == content_of(layer, "srv/shop/static/logo@2x.png")


def test_names_need_pax_headers() -> None:
    names = members(shop_image(NEW, AMD64).layers[5])
    assert "srv/shop/static/menü.html" in names
    assert max(map(len, names)) > 100


def test_nested_is_an_index_in_an_index() -> None:
    repository = sample_content().repositories["demo/nested"]
    inner, image = json.loads(repository.manifests[repository.tags["1"]].raw)["manifests"]
    assert inner["mediaType"] == "application/vnd.oci.image.index.v1+json"
    assert image["platform"] == {"architecture": "arm", "os": "linux", "variant": "v7"}
    children = json.loads(repository.manifests[inner["digest"]].raw)["manifests"]
    assert [child["platform"]["architecture"] for child in children] == ["amd64", "arm64"]


def test_nested_images_have_the_same_layer_twice() -> None:
    digests = [layer.digest for layer in nested_image(AMD64).layers]
    assert digests[0] == digests[2] != digests[1]


def test_chart_is_no_image() -> None:
    document = json.loads(chart().raw)
    assert document["config"]["mediaType"] == "application/vnd.cncf.helm.config.v1+json"
    assert document["layers"][0]["mediaType"] == "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_layers_come_out_the_same_each_time(compression: str) -> None:
    layer = make_layer([file("a", "1")], compression=compression)
    assert layer == make_layer([file("a", "1")], compression=compression)
    assert layer.digest == sha256(layer.raw)
    assert layer.diff_id == sha256(tar_of(layer))


def test_a_layer_of_any_bytes() -> None:
    assert compress_layer(b"no tar", compression="none").raw == b"no tar"


def test_an_unknown_compression_is_refused() -> None:
    with pytest.raises(InvalidError, match="there is no compression 'lzma'"):
        make_layer([], compression="lzma")


def test_an_image_without_steps_has_no_layers() -> None:
    image = make_image("linux/amd64", [])
    assert image.layers == ()
    assert "created" not in config_of(image)


def test_a_step_without_comment_is_of_the_old_builder() -> None:
    image = make_image("linux/amd64", [Step("CMD", "2025-01-01T00:00:00Z", comment="")])
    assert config_of(image)["history"] == [
        {"created": "2025-01-01T00:00:00Z", "created_by": "CMD", "empty_layer": True}
    ]


def test_tags_need_a_manifest() -> None:
    content = sample_content().copy()
    with pytest.raises(NotFoundError, match="cannot be tagged"):
        content.tag("demo/base", "13", sha256(b""))
    with pytest.raises(NotFoundError, match="cannot be tagged"):
        content.tag("demo/none", "13", sha256(b""))
    with pytest.raises(NotFoundError, match="no tag '13' in demo/base"):
        content.untag("demo/base", "13")
