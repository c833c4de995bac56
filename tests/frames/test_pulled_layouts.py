"""What pull leaves behind is an image layout that others read, with a name for each image that is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import NotFoundError
from ocinb.samples import SampleRegistry
from tests.frames.facts import images
from tests.frames.layouts import named

AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64", "variant": "v8"}


def move(registry: SampleRegistry, tag: str, to: str) -> None:
    registry.tag("demo/shop", tag, ocinb.document(registry.reference(f"demo/shop:{to}")).digest)


def digests(folder: Path) -> dict[str, str]:
    return {name: entry["digest"] for name, entry in named(folder).items()}


@pytest.mark.parametrize("tags", [("2.0", "2.0-arm64"), ("2.0-arm64", "2.0")])
def test_a_real_tag_is_not_taken_for_an_image_of_another(
    registry: SampleRegistry, tmp_path: Path, tags: tuple[str, str]
) -> None:
    settings.tag_ttl = 0
    real = registry.put_image("demo/shop", [], tag="2.0-arm64", platform="linux/arm64")
    for tag in tags:
        ocinb.pull(registry.reference(f"demo/shop:{tag}"), platform="all", destination=tmp_path, progress=False)
    shop, (amd64, arm64) = registry.reference("demo/shop"), images(registry, "demo/shop:2.0")
    index = ocinb.document(f"{shop}:2.0").digest
    assert digests(tmp_path) == {
        f"{shop}:2.0": index,
        f"{shop}:2.0-amd64": amd64.digest,
        f"{shop}:2.0-arm64": real,
        f"{shop}@{arm64.digest}": arm64.digest,
    }
    move(registry, "2.0", "1.0")
    ocinb.pull(f"{shop}:2.0", platform="amd64", destination=tmp_path, progress=False)
    assert digests(tmp_path) == {
        f"{shop}:2.0": images(registry, "demo/shop:1.0")[0].digest,
        f"{shop}:2.0-arm64": real,
    }


@pytest.mark.parametrize("count", [1, 2])
def test_the_one_image_of_a_file_need_not_be_named_and_keeps_its_name(
    registry: SampleRegistry, tmp_path: Path, count: int
) -> None:
    names = [registry.reference(name) for name in ("demo/hello:latest", "demo/shop:2.0")[:count]]
    ocinb.pull(names, destination=tmp_path / "first", progress=False)
    if count == 1:
        ocinb.pull(f"oci:{tmp_path / 'first'}", destination=tmp_path / "second", progress=False)
        assert ocinb.store.images(destination=tmp_path / "second")["reference"].tolist() == names
    else:
        with pytest.raises(NotFoundError, match="Name one"):
            ocinb.pull(f"oci:{tmp_path / 'first'}", destination=tmp_path / "second", progress=False)
