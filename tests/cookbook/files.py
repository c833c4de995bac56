"""The answers about files, times and pulls, as plain Python finds them without a catalogue."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

from ocinb.samples.base_image import OS_RELEASE
from tests.cookbook.expected import answer
from tests.cookbook.world import AMD64, SHOP, Row, World


@answer("Which files are stored again although nothing in them changed?")
def _again(world: World) -> list[Row]:
    told = []
    for image in world.distinct():
        files = [row for row in image.files if row["type"] == "file" and image.platform == AMD64]
        for first, again in product(files, files):
            same = first["path"] == again["path"] and first["sha256"] == again["sha256"]
            if same and first["layer"] < again["layer"]:
                told.append((image.reference, first["path"], again["size_bytes"], first["layer"], again["layer"]))
    return sorted(told)


@answer("What does each layer add, change and remove?")
def _changes(world: World) -> list[Row]:
    groups: dict[Row, list[int | None]] = defaultdict(list)
    for row in world.image("demo/shop:2.0").files:
        if row["type"] != "directory":
            groups[row["layer"], row["change"]].append(row["size_bytes"])
    told = []
    for group in sorted(groups):
        sizes = [size for size in groups[group] if size is not None]
        told.append((*group, len(groups[group]), sum(sizes) if sizes else None))
    return told


@answer("What is in this file, without a pull?")
def _read(_: World) -> list[Row]:
    return [(OS_RELEASE.splitlines()[0],)]


@answer("Which images are built on a base that has moved on?")
def _outdated(world: World) -> list[Row]:
    return sorted((image.reference, image.platform) for image in world.distinct(world.named(SHOP)))
