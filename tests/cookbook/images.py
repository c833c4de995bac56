"""The answers about images and tags, as plain Python finds them without a catalogue."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from ocinb.samples.shop import RELEASES
from tests.cookbook.expected import answer
from tests.cookbook.world import SHOP, Image, Row, World


def _sizes(world: World, images: list[Image]) -> Row:
    images = world.distinct(images)
    return len(images), sum(image.logical_bytes for image in images), sum(world.stored(images).values())


@answer("What does my registry really store?")
def _registry(world: World) -> list[Row]:
    return [_sizes(world, world.images)]


@answer("Which layers are shared, and what does that save?")
def _shared_layers(world: World) -> list[Row]:
    users: dict[str, list[Image]] = defaultdict(list)
    layers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for image in world.distinct():
        for digest in image.layer_digests:
            users[digest].append(image)
        for layer in image.layers:
            layers[layer["digest"]].append(layer)
    told = []
    for digest, images in users.items():
        size = layers[digest][0]["compressed_bytes"]
        row = (len(images), len({image.repository for image in images}), size, (len(images) - 1) * size)
        told.append((*row, min(layer["instruction"] for layer in layers[digest]), digest))
    shared = [row for row in told if row[0] > 1]
    return [row[:-1] for row in sorted(shared, key=lambda row: (-row[3], row[-1]))[:5]]


@answer("How many bytes does each image have for itself alone?")
def _shared(world: World) -> list[Row]:
    images = [world.image(name) for name in ("demo/base:12", "demo/shop:1.1", "demo/shop:2.0")]
    counted = Counter(digest for image in images for digest in image.layer_digests)
    told = []
    for image in images:
        own = world.stored([image])
        unique = sum(size for digest, size in own.items() if counted[digest] == 1)
        told.append((image.reference, image.logical_bytes, unique, sum(own.values()) - unique))
    return told


@answer("Which images are signed, and which have an SBOM?")
def _signed(_: World) -> list[Row]:
    return [
        ("2.0", "application/spdx+json", "api"),
        ("2.0", "application/vnd.cncf.notary.signature", "api"),
        ("2.0", "application/vnd.dev.cosign.simplesigning.v1+json", "cosign"),
    ]


@answer("Which images have no signature?")
def _unsigned(world: World) -> list[Row]:
    signed = {"2.0", "latest"}
    images = [image for image in world.images if (image.repository, image.tag in signed) != (SHOP, True)]
    return sorted({(image.repository, image.tag) for image in images})


@answer("What do the labels of many images say?")
def _labels(world: World) -> list[Row]:
    images = [world.image(f"{SHOP}:{release.version}") for release in RELEASES]
    return [(image.reference, image.tag, "https://git.example/demo/shop") for image in images]
