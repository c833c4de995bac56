"""The answers about files, times and pulls, as plain Python finds them without a catalogue."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise, product
from typing import Any

import pandas as pd

from ocinb.samples.base_image import OS_RELEASE
from ocinb.samples.shop import RELEASES
from tests.cookbook.expected import answer
from tests.cookbook.world import AMD64, SHOP, Image, Row, World, layers_once


@dataclass(frozen=True)
class Since:
    """Any time since another one."""

    began: pd.Timestamp

    def __eq__(self, other: object) -> bool:
        return isinstance(other, pd.Timestamp) and self.began <= other <= pd.Timestamp.now("UTC")

    def __hash__(self) -> int:
        return hash(self.began)


def _seen_files(image: Image) -> dict[str, dict[str, Any]]:
    return {row["path"]: row for row in image.files if row["visible"] and row["type"] == "file"}


def _releases(world: World) -> list[Image]:
    return [world.image(f"{SHOP}:{release.version}") for release in RELEASES]


@answer("Which images have this file in them?")
def _with_file(world: World) -> list[Row]:
    told = []
    for image in _releases(world):
        for row in image.files:
            name = row["path"].rpartition("/")[2]
            if name.startswith("libpython3") and ".so" in name:
                told.append((image.reference, row["layer"], row["path"], row["size_bytes"], row["visible"]))
    assert len(told) == len(RELEASES)
    return told


@answer("Which images have a file with this checksum?")
def _with_content(world: World) -> list[Row]:
    images = world.image("demo/base:12"), *_releases(world)
    return [(image.reference, 0, "usr/bin/perl", True) for image in images]


@answer("Which files make an image so large?")
def _largest_files(world: World) -> list[Row]:
    files = sorted(_seen_files(world.image("demo/shop:2.0")).values(), key=lambda row: -row["size_bytes"])
    return [(row["path"], row["size_bytes"], row["layer"]) for row in files[:5]]


@answer("And which files are the largest of all?")
def _largest_of_all(world: World) -> list[Row]:
    users: dict[str, set[str]] = defaultdict(set)
    names: dict[str, set[str]] = defaultdict(set)
    for image in world.distinct():
        for digest in image.layer_digests:
            users[digest].add(image.digest)
            names[digest].add(image.reference)
    told = [
        (row["path"], row["size_bytes"], len(users[digest]), min(names[digest]))
        for digest, entries in layers_once(world).items()
        for row in entries
        if row["type"] == "file"
    ]
    return sorted(told, key=lambda row: (-row[1], row[0], row[3]))[:5]


@answer("Why are bytes wasted: which file, which layer, which command?")
def _wasted(world: World) -> list[Row]:
    hidden = world.image("demo/shop:2.0").hidden
    rows = sorted(hidden, key=lambda row: (-row["hidden_bytes"], row["path"]))[:5]
    columns = ("path", "hidden_bytes", "reason", "stored_in", "hidden_in", "hidden_by")
    return [tuple(row[column] for column in columns) for row in rows]


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


@answer("Did anybody copy a key in and delete it later?")
def _keys(world: World) -> list[Row]:
    copied = "COPY --chown=shop:shop . ."
    return [(image.reference, "srv/shop/deploy.key", copied) for image in _releases(world)]


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


@answer("Which files differ between two releases?")
def _differing(world: World) -> list[Row]:
    before, after = (_seen_files(world.image(f"{SHOP}:{tag}")) for tag in ("1.1", "2.0"))
    told = []
    for path in sorted(before.keys() | after.keys(), key=str.encode):
        old, new = before.get(path, {}), after.get(path, {})
        if old.get("sha256") != new.get("sha256"):
            told.append((path, old.get("size_bytes"), new.get("size_bytes")))
    return told


@answer("Which programs run with the rights of their owner?")
def _setuid(world: World) -> list[Row]:
    files = [row for image in world.distinct() for row in _seen_files(image).values() if row["mode"] & 0o4000]
    return sorted({(row["path"], row["uid"], f"{row['mode']:o}") for row in files})


@answer("Which contents stand more than once in the layers?")
def _duplicates(world: World) -> list[Row]:
    places: dict[str, list[Row]] = defaultdict(list)
    sizes = {}
    for digest, entries in layers_once(world).items():
        for row in entries:
            if row["type"] == "file":
                places[row["sha256"]].append((row["path"], digest))
                sizes[row["sha256"]] = row["size_bytes"]
    told = [
        (
            min(path for path, _ in found),
            sizes[content],
            len(found),
            len({digest for _, digest in found}),
            (len(found) - 1) * sizes[content],
        )
        for content, found in places.items()
        if len(found) > 1
    ]
    return sorted(told, key=lambda row: (-row[4], row[0]))[:5]


@answer("What is in this file, without a pull?")
def _read(_: World) -> list[Row]:
    return [(OS_RELEASE.splitlines()[0],)]


@answer("With which release did the image grow, and by which layer?")
def _growth(world: World) -> list[Row]:
    releases = _releases(world)
    told: list[Row] = [(releases[0].tag, releases[0].logical_bytes, None, None, None, None)]
    for before, after in pairwise(releases):
        # All releases are built by the same steps, so each layer has its like at its own number.
        grown = [
            new["compressed_bytes"] - old["compressed_bytes"]
            for old, new in zip(before.layers, after.layers, strict=True)
        ]
        layer = grown.index(max(grown))
        delta = after.logical_bytes - before.logical_bytes
        told.append((after.tag, after.logical_bytes, delta, layer, grown[layer], after.layers[layer]["instruction"]))
    return told


@answer("Which tags have moved since I last looked?")
def _moved(world: World) -> list[Row]:
    places = [("demo/base", "12"), (SHOP, "latest")]
    told = [(world.name(":".join(place)), world.tags[place], world.moved[place]) for place in places]
    assert world.tags.items() ^ world.moved.items() == {
        *((place, world.tags[place]) for place in places),
        *((place, world.moved[place]) for place in places),
    }
    return told


@answer("What did `latest` point at before?")
def _stays(world: World) -> list[Row]:
    assert world.tags[SHOP, "latest"] == world.tags[SHOP, "2.0"]
    assert world.moved[SHOP, "latest"] == world.tags[SHOP, "1.1"]
    return [("2.0", Since(world.began), Since(world.began)), ("1.1", Since(world.began), Since(world.began))]


@answer("Which images are built on a base that has moved on?")
def _outdated(world: World) -> list[Row]:
    return sorted((image.reference, image.platform) for image in world.distinct(world.named(SHOP)))


@answer("How much does a node fetch that has the last release already?")
def _pull_cost(world: World) -> list[Row]:
    new, old = world.image(f"{SHOP}:2.0", AMD64), world.image(f"{SHOP}:1.1", AMD64)
    missing = sum(size for digest, size in world.stored([new]).items() if digest not in old.layer_digests)
    return [(new.logical_bytes, new.logical_bytes - missing, missing)]


@answer("How many pulls are left?")
def _pulls_left(_: World) -> list[Row]:
    return [(100, 76, 6 * 60 * 60)]


@answer("What could not be read, and why?")
def _failures(world: World) -> list[Row]:
    why = f"there is no repository {world.host}/demo/gone (http://{world.host}/v2/demo/gone/manifests/1)"
    hint = f"ocinb.repositories('{world.host}') lists what there is, if the registry tells"
    return [(world.name("demo/gone:1"), f"{world.host}/demo/gone:1: {why}. {hint}", Since(world.began))]
