"""What the registry has that the cookbook asks about, read by frames, for answers that are worked out again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

import ocinb
from ocinb.samples import SampleRegistry
from tests.frames.facts import fetch, records, sha256

AMD64, ARM64 = "linux/amd64", "linux/arm64"
SHOP = "demo/shop"

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Image:
    """An image under one name, with its rows of `layers`, `files` and `hidden`."""

    reference: str
    repository: str
    tag: str
    platform: str
    digest: str
    config: dict[str, Any]
    layers: list[dict[str, Any]]
    files: list[dict[str, Any]]
    hidden: list[dict[str, Any]]

    @property
    def logical_bytes(self) -> int:
        """All its layers, one that stands twice twice."""
        return sum(layer["compressed_bytes"] for layer in self.layers)

    @property
    def layer_digests(self) -> set[str]:
        """Its layers, each once."""
        return {layer["digest"] for layer in self.layers}


@dataclass
class World:
    """What the registry had when the catalogue was filled, when that began, and what its tags were moved to."""

    host: str
    images: list[Image]
    tags: dict[tuple[str, str], str]
    began: pd.Timestamp
    moved: dict[tuple[str, str], str] = field(default_factory=dict)

    def distinct(self, images: list[Image] | None = None) -> list[Image]:
        """Give each image once, by the least of its names."""
        least: dict[str, Image] = {}
        for image in sorted(self.images if images is None else images, key=lambda image: image.reference):
            least.setdefault(image.digest, image)
        return list(least.values())

    def image(self, name: str, platform: str = "linux/amd64") -> Image:
        """Give one image by the end of its name."""
        [image] = [each for each in self.images if each.reference == self.name(name) and each.platform == platform]
        return image

    def named(self, repository: str, *tags: str) -> list[Image]:
        """Give the images of some tags, or of all, in a repository."""
        return [image for image in self.images if image.repository == repository and (not tags or image.tag in tags)]

    def name(self, name: str) -> str:
        """Give a name in full."""
        return f"{self.host}/{name}"

    def stored(self, images: list[Image]) -> dict[str, int]:
        """Give the layers of images with their sizes, each once."""
        return {layer["digest"]: layer["compressed_bytes"] for image in images for layer in image.layers}

    def only_of(self, images: list[Image]) -> dict[str, int]:
        """Give the layers that no image under another name has."""
        names = {image.reference for image in images}
        others = self.stored([image for image in self.images if image.reference not in names])
        return {digest: size for digest, size in self.stored(images).items() if digest not in others}


def read_world(registry: SampleRegistry, began: pd.Timestamp) -> World:
    """Read all images of the registry by frames, a name at a time, none of which asks a catalogue."""
    tags = ocinb.tags(ocinb.repositories(registry.host)["reference"], digests=True)
    tags = tags[(tags["kind"] == "tag") & (tags["repository"] != "demo/chart")]
    images = [image for row in records(tags) for image in _images(row)]
    digests = {(row["repository"], row["tag"]): row["digest"] for row in records(tags)}
    return World(registry.host, images, digests, began)


def _images(tag: dict[str, Any]) -> list[Image]:
    reference = tag["reference"]
    functions = (ocinb.configs, ocinb.layers, ocinb.files, ocinb.hidden)
    more: dict[Any, dict[str, Any]] = {ocinb.layers: {"depth": "files"}}
    frames = [function(reference, platform="all", **more.get(function, {})) for function in functions]
    configs, *contents = map(records, frames)
    return [
        Image(
            reference,
            tag["repository"],
            tag["tag"],
            config["platform"],
            config["manifest_digest"],
            config,
            *([row for row in listed if row["manifest_digest"] == config["manifest_digest"]] for listed in contents),
        )
        for config in configs
    ]


def digest_of(registry: SampleRegistry, repository: str, tag: str) -> str:
    """Ask the registry what a tag points at now."""
    return sha256(fetch(registry, repository, "manifests", tag))


def layers_once(world: World) -> dict[str, list[dict[str, Any]]]:
    """Give the entries of each distinct layer, as one of the images with it has them."""
    once: dict[str, list[dict[str, Any]]] = {}
    for image in world.images:
        for layer in image.layers:
            once[layer["digest"]] = [row for row in image.files if row["layer"] == layer["layer"]]
    return once
