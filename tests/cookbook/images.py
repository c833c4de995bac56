"""The answers about images and tags, as plain Python finds them without a catalogue."""

from __future__ import annotations

from collections import Counter, defaultdict
from statistics import median
from typing import Any

import pandas as pd
import pytest

from ocinb.samples.base_image import NAME as BASE_NAME
from ocinb.samples.base_image import PLATFORMS, base_image
from ocinb.samples.shop import RELEASES, shop_image, shop_index
from tests.cookbook.expected import answer
from tests.cookbook.world import AMD64, ARM64, SHOP, Image, Row, World, layers_once


def _sizes(world: World, images: list[Image]) -> Row:
    images = world.distinct(images)
    return len(images), sum(image.logical_bytes for image in images), sum(world.stored(images).values())


@answer("What does my registry really store?")
def _registry(world: World) -> list[Row]:
    return [_sizes(world, world.images)]


@answer("Which repositories take the space?")
def _repositories(world: World) -> list[Row]:
    told = []
    for repository in {image.repository for image in world.images}:
        images = world.named(repository)
        told.append((repository, *_sizes(world, images), sum(world.only_of(images).values())))
    return sorted(told, key=lambda row: row[3], reverse=True)


@answer("What does each of my teams store?")
def _teams(world: World) -> list[Row]:
    teams = {"demo/base": "blue", SHOP: "red"}
    stored: Counter[str] = Counter()
    for repository in {image.repository for image in world.images}:
        stored[teams.get(repository, "nobody")] += sum(world.stored(world.named(repository)).values())
    return sorted(stored.items())


@answer("What would deleting this tag free?")
def _reclaimable(world: World) -> list[Row]:
    told = []
    for tag in ("1.0", "1.1", "2.0", "latest"):
        images = world.named(SHOP, tag)
        logical = sum(image.logical_bytes for image in images)
        told.append((tag, len(images), logical, sum(world.only_of(images).values())))
    assert [row[3] > 0 for row in told] == [True, True, False, False]
    return told


@answer("And deleting all of these?")
def _what_if(world: World) -> list[Row]:
    freed = world.only_of(world.named(SHOP, "2.0", "latest"))
    return [(len(freed),), (sum(freed.values()),)]


@answer("What would a rule free that keeps the newest two of each repository?")
def _rule(world: World) -> list[Row]:
    assert [release.version for release in RELEASES] == ["1.0", "1.1", "2.0"], "latest is of the date of 2.0"
    freed = world.only_of(world.named(SHOP, "1.0"))
    return [(len(freed),), (sum(freed.values()),)]


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


@answer("Which images have this layer?")
def _with_layer(world: World) -> list[Row]:
    bottom = base_image(PLATFORMS[0]).layers[0].digest
    return sorted((image.reference, image.platform) for image in world.distinct() if bottom in image.layer_digests)


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


@answer("How large is an image, packed and unpacked, on each platform?")
def _packed(world: World) -> list[Row]:
    told = []
    for platform in (AMD64, ARM64):
        image = world.image("demo/shop:2.0", platform)
        summed = [sum(layer[name] for layer in image.layers) for name in ("files", "compressed_bytes", "tar_bytes")]
        told.append((platform, len(image.layers), *summed))
    return told


@answer("Which images are the largest?")
def _largest_images(world: World) -> list[Row]:
    images = sorted(world.distinct(), key=lambda image: -image.logical_bytes)
    return [(image.reference, image.platform, image.logical_bytes) for image in images[:3]]


@answer("Which layer makes it so large, and which instruction made that layer?")
def _largest_layers(world: World) -> list[Row]:
    steps = [step for step in shop_image(RELEASES[-1], PLATFORMS[0]).steps if step.layer]
    sized = sorted(((len(step.layer.raw), layer) for layer, step in enumerate(steps) if step.layer), reverse=True)
    instructions = [layer["instruction"] for layer in world.image("demo/shop:2.0").layers]
    return [(layer, size, instructions[layer]) for size, layer in sized[:3]]


@answer("How are the layers compressed, and how well?")
def _compression(world: World) -> list[Row]:
    layers = {layer["digest"]: layer for image in world.images for layer in image.layers}
    by_table = world.stored(world.named("demo/lazy", "estargz", "zstd-chunked"))
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for layer in layers.values():
        by_kind[layer["compression"]].append(layer)
    told = []
    for kind, group in by_kind.items():
        read = [layer for layer in group if layer["digest"] not in by_table]
        packed, unpacked = (sum(layer[name] for layer in read) for name in ("compressed_bytes", "tar_bytes"))
        told.append((kind, len(group), round(unpacked / packed, 2)))
    assert {row[0] for row in told} == {"gzip", "zstd", "none"}
    return sorted(told, key=lambda row: row[1], reverse=True)


@answer("What does the registry look like beside Docker Hub?")
def _summary(world: World) -> list[Row]:
    files = [row for entries in layers_once(world).values() for row in entries if row["type"] == "file"]
    contents = {row["sha256"]: row["size_bytes"] for row in files}
    share = 1 - sum(contents.values()) / sum(row["size_bytes"] for row in files)
    return [
        ("deduplicable_bytes_share", pytest.approx(share), "share"),
        ("layers_per_image_p50", median(len(image.layers) for image in world.distinct()), "layers"),
        ("unique_file_share", pytest.approx(len(contents) / len(files)), "share"),
    ]


@answer("Which tag is the newest, by its date and not by its name?")
def _newest(world: World) -> list[Row]:
    images = sorted((world.image(f"{SHOP}:{tag}") for tag in ("latest", "2.0", "1.1", "1.0")), key=_created_then_tag)
    return [(image.tag, image.config["created"]) for image in images]


def _created_then_tag(image: Image) -> Row:
    return -image.config["created"].timestamp(), image.tag


@answer("Which version is `latest`?")
def _aliases(world: World) -> list[Row]:
    tags: dict[Row, list[str]] = defaultdict(list)
    for (repository, tag), digest in world.tags.items():
        tags[repository, digest].append(tag)
    return [(repository, ", ".join(sorted(names))) for (repository, _), names in tags.items() if len(names) > 1]


@answer("Which tag does this digest belong to?")
def _tag_of_digest(_: World) -> list[Row]:
    digest = shop_image(RELEASES[1], PLATFORMS[1]).manifest.digest
    assert digest in shop_index(RELEASES[1]).raw.decode()
    return [(SHOP, RELEASES[1].version, ARM64)]


@answer("Which images are not built for arm64?")
def _without_arm64(world: World) -> list[Row]:
    with_arm64 = {image.reference for image in world.images if image.platform == ARM64}
    return sorted({(image.repository, image.tag) for image in world.images if image.reference not in with_arm64})


@answer("What in the registry is no image at all?")
def _no_images(_: World) -> list[Row]:
    return [("demo/chart", "0.1")]


@answer("Which images are old?")
def _old(world: World) -> list[Row]:
    before = pd.Timestamp("2025-03-01", tz="UTC")
    rows = [(image.reference, image.platform, image.config["created"]) for image in world.distinct()]
    return sorted((row for row in rows if row[2] < before), key=lambda row: (row[2], row[1]))


@answer("What are the `unknown/unknown` entries of an index?")
def _attestations(_: World) -> list[Row]:
    index = shop_index(RELEASES[-1]).children
    about = [b"%2Famd64" in child.blobs[1].raw for child in index[2:]]
    return [(2 + place, "attestation", AMD64 if amd64 else ARM64) for place, amd64 in enumerate(about)]


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


@answer("How do I get all those `sha256-….sig` tags out of the way?")
def _plain_tags(_: World) -> list[Row]:
    return [*((release.version,) for release in RELEASES), ("latest",)]


@answer("Which images run as root?")
def _root(world: World) -> list[Row]:
    return sorted((image.reference, image.platform) for image in world.distinct() if image.config["user"] != "shop")


@answer("What do the labels of many images say?")
def _labels(world: World) -> list[Row]:
    images = [world.image(f"{SHOP}:{release.version}") for release in RELEASES]
    return [(image.reference, image.tag, "https://git.example/demo/shop") for image in images]


@answer("Which images lack a label that they should have?")
def _unlabelled(world: World) -> list[Row]:
    label = "org.opencontainers.image.source"
    return sorted({(image.reference,) for image in world.distinct() if label not in image.config["labels"]})


@answer("Which images set this variable?")
def _variable(world: World) -> list[Row]:
    setting = {image.reference for image in world.distinct() if "SHOP_PORT" in image.config["env"]}
    return [(reference, "8080") for reference in sorted(setting)]


@answer("What was the Dockerfile of this image?")
def _dockerfile(world: World) -> list[Row]:
    columns = ("layer", "compressed_bytes", "instruction")
    instructions = iter(world.image("demo/shop:2.0").layers)
    told = []
    for step in shop_image(RELEASES[-1], PLATFORMS[0]).steps:
        layer = next(instructions) if step.layer else None
        said = step.created_by.replace("/bin/sh -c #(nop) ", "").strip()
        told.append(tuple(layer[name] for name in columns) if layer else (None, None, said))
    return told


@answer("Which steps install packages and leave the lists behind?")
def _lists_left(world: World) -> list[Row]:
    users: dict[str, set[str]] = defaultdict(set)
    layers = {}
    for image in world.distinct():
        for layer in image.layers:
            users[layer["digest"]].add(image.digest)
            layers[layer["digest"]] = layer
    guilty = [layer for layer in layers.values() if "useradd --system" in layer["instruction"]]
    rows = [(len(users[layer["digest"]]), layer["compressed_bytes"], layer["instruction"]) for layer in guilty]
    return sorted(rows, key=lambda row: row[1])


@answer("Which distributions are in use?")
def _distributions(world: World) -> list[Row]:
    debian = [any(row["path"] == "usr/lib/os-release" for row in image.files) for image in world.distinct()]
    told = [("debian 12", sum(debian)), (None, len(debian) - sum(debian))]
    return sorted(told, key=lambda row: row[1], reverse=True)


@answer("What are my images built on?")
def _bases(world: World) -> list[Row]:
    depth = len(base_image(PLATFORMS[0]).layers)
    names = [world.name(f"{SHOP}:{release.version}") for release in RELEASES]
    return [(name, world.name("demo/base:12"), depth, BASE_NAME) for name in names]


@answer("Who still uses this base?")
def _users_of_base(world: World) -> list[Row]:
    return sorted((image.reference, image.platform) for image in world.distinct(world.named(SHOP)))
