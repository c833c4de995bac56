"""Skopeo and umoci, which nobody here wrote, find in the embedded registry what the samples promise."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb.samples import SampleRegistry, registry
from ocinb.samples.base_image import PLATFORMS, base_image
from ocinb.samples.catalog import hello_image, nested_image, sample_content
from ocinb.samples.images import Image
from ocinb.samples.registry_content import Repository
from ocinb.samples.seekable_layers import FORMS, lazy_image
from ocinb.samples.shop import RELEASES, shop_image
from tests.real.tools import require

pytestmark = pytest.mark.real

AMD64, ARM64 = PLATFORMS
SHOPS = [f"demo/shop:{tag}" for tag in ("1.0", "1.1", "2.0", "latest")]
IMAGES = ["demo/hello:latest", "demo/base:12", *(f"demo/lazy:{form}" for form in FORMS), *SHOPS]
ALL = [*IMAGES, "demo/nested:1", "demo/chart:0.1"]
CONFIGS = [
    ("demo/hello:latest", hello_image()),
    *[(f"demo/lazy:{form}", lazy_image(form)) for form in FORMS],
    *[("demo/base:12", base_image(platform)) for platform in PLATFORMS],
    *[
        (f"demo/shop:{release.version}", shop_image(release, platform))
        for release in RELEASES
        for platform in PLATFORMS
    ],
]


@pytest.fixture(scope="module", params=[False, True], ids=["open", "token"])
def running(request: pytest.FixtureRequest) -> Iterator[SampleRegistry]:
    with registry(token=request.param) as one:
        yield one


def skopeo(*arguments: str) -> bytes:
    done = subprocess.run([require("skopeo"), *arguments], capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def inspect(running: SampleRegistry, name: str, *arguments: str) -> bytes:
    return skopeo(*arguments, "inspect", "--tls-verify=false", f"docker://{running.reference(name)}")


def copy_all(running: SampleRegistry, name: str, layout: Path) -> None:
    source = f"docker://{running.reference(name)}"
    # Without the flag skopeo compresses bare tars; an OCI layout takes hello's Docker manifest only if it is converted.
    flags = [] if name.startswith("demo/hello") else ["--preserve-digests"]
    skopeo("copy", "--quiet", "--all", *flags, "--src-tls-verify=false", source, f"oci:{layout}:sample")


def held_of(repository: str) -> Repository:
    held = sample_content().copy().find(repository)
    assert held is not None
    return held


def stored(name: str) -> bytes:
    repository, _, tag = name.partition(":")
    held = held_of(repository)
    return held.manifests[held.tags[tag]].raw


def digests(document: dict[str, Any]) -> set[str]:
    # An image config has a "config" too, but that is no descriptor.
    entries = [document.get("config", {}), *document.get("layers", []), *document.get("manifests", [])]
    return {entry["digest"] for entry in entries if "digest" in entry}


@pytest.mark.parametrize("name", ALL)
def test_raw_documents(running: SampleRegistry, name: str) -> None:
    raw = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{running.reference(name)}")
    assert raw == stored(name)


@pytest.mark.parametrize("name", IMAGES)
def test_inspect_names_digest_and_tags(running: SampleRegistry, name: str) -> None:
    found = json.loads(inspect(running, name, "--override-arch=amd64"))
    assert found["Digest"] == f"sha256:{hashlib.sha256(stored(name)).hexdigest()}"
    assert sorted(found["RepoTags"]) == sorted(held_of(name.partition(":")[0]).tags)


@pytest.mark.parametrize(("name", "image"), CONFIGS)
def test_inspect_finds_the_layers_of_the_platform(running: SampleRegistry, name: str, image: Image) -> None:
    architecture = image.platform.split("/")[1]
    found = json.loads(inspect(running, name, f"--override-arch={architecture}"))
    assert found["Layers"] == [layer.digest for layer in image.layers]
    assert found["Architecture"] == architecture


@pytest.mark.parametrize(("name", "image"), CONFIGS)
def test_configs_are_understood(running: SampleRegistry, name: str, image: Image) -> None:
    override = f"--override-arch={image.platform.split('/')[1]}"
    reference = f"docker://{running.reference(name)}"
    assert skopeo(override, "inspect", "--config", "--raw", "--tls-verify=false", reference) == image.config.raw
    config = json.loads(skopeo(override, "inspect", "--config", "--tls-verify=false", reference))
    expected = json.loads(image.config.raw)
    assert config["rootfs"] == expected["rootfs"]
    assert config["config"].items() <= expected["config"].items()
    assert [entry["created_by"] for entry in config["history"]] == [
        entry["created_by"] for entry in expected["history"]
    ]


def test_list_tags(running: SampleRegistry) -> None:
    found = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{running.reference('demo/shop')}"))
    assert found["Tags"] == sorted(held_of("demo/shop").tags)


def test_list_tags_page_by_page() -> None:
    with registry(page_size=2) as paged:
        found = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{paged.reference('demo/shop')}"))
        assert found["Tags"] == sorted(held_of("demo/shop").tags)
        assert sum("/tags/list" in request.path for request in paged.requests) == 3


@pytest.mark.parametrize("name", IMAGES)
def test_copy_all_keeps_every_blob(running: SampleRegistry, name: str, tmp_path: Path) -> None:
    copy_all(running, name, tmp_path / "layout")
    blobs = tmp_path / "layout" / "blobs" / "sha256"
    waiting = digests(json.loads((tmp_path / "layout" / "index.json").read_bytes()))
    seen: set[str] = set()
    while waiting:
        digest = waiting.pop()
        raw = (blobs / digest.removeprefix("sha256:")).read_bytes()
        assert digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
        seen.add(digest)
        if raw.startswith(b"{"):
            waiting |= digests(json.loads(raw)) - seen
    assert seen == {f"sha256:{path.name}" for path in blobs.iterdir()}
    if name != "demo/hello:latest":
        assert f"sha256:{hashlib.sha256(stored(name)).hexdigest()}" in seen


def test_copies_of_nested_images(running: SampleRegistry, tmp_path: Path) -> None:
    # skopeo follows no index in an index, so its images are asked for by digest.
    for platform in (*PLATFORMS, "linux/arm/v7"):
        image = nested_image(platform)
        layout = tmp_path / image.config.digest.hex
        copy_all(running, f"demo/nested@{image.manifest.digest}", layout)
        found = {path.name for path in (layout / "blobs" / "sha256").iterdir()}
        assert {image.manifest.digest.hex, image.config.digest.hex} <= found
        assert {layer.digest.hex for layer in image.layers} <= found


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_umoci_unpacks_what_the_steps_say(running: SampleRegistry, version: str, tmp_path: Path) -> None:
    # umoci reads no zstd, so the newest release is not for it.
    skopeo(
        "--override-arch=amd64",
        "copy",
        "--quiet",
        "--src-tls-verify=false",
        f"docker://{running.reference(f'demo/shop:{version}')}",
        f"oci:{tmp_path / 'layout'}:sample",
    )
    unpack = [
        require("umoci"),
        "unpack",
        "--rootless",
        "--image",
        f"{tmp_path / 'layout'}:sample",
        f"{tmp_path / 'bundle'}",
    ]
    subprocess.run(unpack, capture_output=True, check=True, timeout=120)
    root = tmp_path / "bundle" / "rootfs"
    gone = ["srv/shop/deploy.key", "srv/shop/static/draft.css", "usr/bin/perl5.36.0", "var/cache/apt"]
    assert not [path for path in gone if (root / path).exists()]
    assert not list(root.rglob(".wh.*"))
    assert (root / "srv/shop/data").read_text() == "seeded\n"
    assert (root / "srv/shop/settings.toml").read_text() == "port = 8080\ndebug = false\n"
    assert (root / "usr/local/bin/shop-python").samefile(root / "usr/bin/python3.11")
    assert (root / "usr/bin/passwd").stat().st_mode & 0o7777 == 0o4755
    assert (root / "usr/bin/perl").stat().st_size == 350_000
