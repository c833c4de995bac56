"""On random catalogues the views of files, of time and the summary give what a slow and obvious reckoning gives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

import ocinb
from tests.catalog.filling import REGISTRY, REPOSITORY, Filling, content, entry
from tests.frames.facts import known, records

SIZES = {"": 0, "one": 1, "ten": 10, "many": 4000, "huge": 2**40}
PLACES: list[dict[str, str | None]] = [
    {"registry": REGISTRY, "repository": REPOSITORY},
    {"registry": "other.example", "repository": REPOSITORY},
    {"registry": None, "repository": "oci:/images"},
]
COLUMNS = {
    "observations": "registry repository tag digest observed_at",
    "manifests": "manifest_digest config_digest indexed_at",
    "configs": "config_digest created architecture",
    "index_entries": "index_digest position manifest_digest kind",
    "manifest_layers": "manifest_digest layer layer_digest instruction",
    "layers": "layer_digest compressed_bytes tar_bytes files indexed_at",
    "files": "layer_digest position path type size_bytes link_target sha256",
    "overlay": "manifest_digest layer position change visible hidden hidden_in reason",
}


def random_rows(seed: int) -> Filling:
    chance, rows = random.Random(seed), Filling()
    read = [rows.layer(f"read {number}", *_entries(chance), **_sizes(chance)) for number in range(chance.randint(0, 5))]
    unread = [rows.layer(f"unread {number}", read=False, **_sizes(chance)) for number in range(chance.randint(0, 3))]
    names = []
    for number in range(chance.randint(0, 6)):
        is_read = chance.random() < 0.7
        pool = read if is_read else [*read, *unread]
        stack = chance.choices(pool, k=chance.randint(0, 5)) if pool else []
        steps = [(layer, chance.choice([None, "COPY", "RUN", f"RUN {layer}"])) for layer in stack]
        created = chance.choice([None, 1, 2, 3, 4])
        architecture = chance.choice(["amd64", "amd64", "arm64"])
        name = rows.image(f"image {number}", *steps, created=created, architecture=architecture, read=is_read)
        names.append(name)
        if is_read:
            _lay(rows, chance, name, stack)
    for number in range(chance.randint(0, 2) if names else 0):
        name = f"index {number}"
        rows.index(name, *chance.sample(names, k=chance.randint(0, len(names))))
        names.append(name)
    for _ in range(chance.randint(0, 25)):
        digest = chance.choice([*names, *names, None, "not catalogued"])
        tag = None if digest and chance.random() < 0.1 else chance.choice(["", "1", "2", "3", "latest"])
        rows.observe(tag, digest, chance.randint(0, 10**6) / 1000, **chance.choice(PLACES))
    return rows


def _sizes(chance: random.Random) -> dict[str, Any]:
    return {
        "size": chance.choice([None, 0, 1, 50, 50, 700, 10**9, 3 * 10**9]),
        "tar_bytes": chance.choice([512, 10**10]),
    }


def _entries(chance: random.Random) -> list[dict[str, Any]]:
    made = []
    for _ in range(chance.randint(0, 8)):
        text = chance.choice(list(SIZES))
        path = chance.choice(["a", "b", "etc/a", "etc/b.jar", ".wh..wh.plnk/7", ".wh..wh.aufs"])
        unknown = {"sha256": None} if chance.random() < 0.1 else {}
        made.append(
            chance.choice(
                [
                    *[entry(path, SIZES[text], content(text)) | unknown] * 4,
                    entry(path, type="directory"),
                    entry(path, type="whiteout"),
                    entry("link", type="hardlink", link_target=chance.choice(["a", ".wh..wh.plnk/7"])),
                ]
            )
        )
    return made


def _lay(rows: Filling, chance: random.Random, image: str, stack: list[str]) -> None:
    for layer, digest in enumerate(stack):
        for row in rows.tables["files"]:
            if row["layer_digest"] == digest and chance.random() < 0.5:
                hidden = row["type"] == "file" and chance.random() < 0.5
                hidden_in = chance.choice([None, *range(len(stack))])
                reason = None if hidden_in is None else chance.choice(["deleted", "overwritten", "opaque", "replaced"])
                change = chance.choice(["added", "modified", "deleted"])
                fate = {"change": change, "visible": not hidden, "hidden": hidden, "hidden_in": hidden_in}
                rows.overlay(image, layer, row["position"], **fate, reason=reason)


class Reckoning:
    """The tables as frames, and what is worked out of them the slow way."""

    def __init__(self, rows: Filling) -> None:
        """Take the tables of a catalogue."""
        self.tables = {
            name: pd.DataFrame(rows.tables[name], columns=columns.split(), dtype=object)
            for name, columns in COLUMNS.items()
        }
        known_configs = self.tables["configs"].set_index("config_digest")
        manifests = self.tables["manifests"]
        images = manifests[manifests["config_digest"].isin(known_configs.index)]
        self.images = {
            row["manifest_digest"]: row | records(known_configs.loc[[row["config_digest"]]])[0]
            for row in records(images)
        }

    def rows(self, table: str, **wanted: Any) -> list[dict[str, Any]]:
        found = records(self.tables[table])
        return [row for row in found if all(row[name] == value for name, value in wanted.items())]

    def stays(self) -> list[tuple[Any, ...]]:
        """Give the rows of tag_history."""
        told: list[tuple[Any, ...]] = []
        for place, looks in self._looks().items():
            previous, last, before = None, None, None
            for look in looks:
                if look["digest"] is not None and look["digest"] == last:
                    told[-1] = (*told[-1][:-1], look["observed_at"])
                elif look["digest"] is not None:
                    previous, before = before, look["digest"]
                    told.append((*place, look["digest"], previous, look["observed_at"], look["observed_at"]))
                last = look["digest"]
        return told

    def _looks(self) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
        looks: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for look in sorted(self.rows("observations"), key=lambda look: look["observed_at"]):
            if look["tag"] is not None:
                looks.setdefault((look["registry"], look["repository"], look["tag"]), []).append(look)
        return looks

    def current(self) -> list[tuple[Any, ...]]:
        """Give (registry, repository, tag, image) for all images behind a name."""
        names = [(*place, looks[-1]["digest"]) for place, looks in self._looks().items()]
        names += [
            (look["registry"], look["repository"], None, look["digest"]) for look in self.rows("observations", tag=None)
        ]
        found = []
        for *place, digest in names:
            children = [row["manifest_digest"] for row in self.rows("index_entries", index_digest=digest)]
            found += [(*place, image) for image in (digest, *children) if image in self.images]
        return sorted(set(found), key=str)

    def layers_of(self, image: str) -> list[dict[str, Any]]:
        """Give the layers of an image with what is known of each."""
        steps = sorted(self.rows("manifest_layers", manifest_digest=image), key=lambda step: step["layer"])
        return [{**self.rows("layers", layer_digest=step["layer_digest"])[0], **step} for step in steps]

    def total(self, image: str) -> int | None:
        sizes = [layer["compressed_bytes"] for layer in self.layers_of(image)]
        return None if None in sizes else sum(sizes)

    def entries(self) -> list[dict[str, Any]]:
        """Give every entry of every image with its row of overlay, or None."""
        found = []
        for image in self.images:
            for layer in self.layers_of(image):
                for file in self.rows("files", layer_digest=layer["layer_digest"]):
                    wanted = {"manifest_digest": image, "layer": layer["layer"], "position": file["position"]}
                    told = self.rows("overlay", **wanted)
                    found.append({**layer, **file, "fate": told[0] if told else None})
        return found

    def stored(self) -> list[dict[str, Any]]:
        """Give the regular files of all layers that count now."""
        counted = {layer["layer_digest"] for *_, image in self.current() for layer in self.layers_of(image)}
        return [row for row in self.rows("files", type="file") if row["layer_digest"] in counted and self._counts(row)]

    def _counts(self, file: dict[str, Any]) -> bool:
        links = self.rows("files", layer_digest=file["layer_digest"], type="hardlink", link_target=file["path"])
        return not file["path"].startswith(".wh..wh.") or bool(links)


def told(catalog: ocinb.Catalog, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in records(catalog.sql(query))]


def same(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> None:
    assert sorted(map(plain, found)) == sorted(map(plain, expected))


def plain(row: tuple[Any, ...]) -> str:
    """Write a row so that it sorts; a time of pandas and one of Python read the same."""
    return repr([str(value) if isinstance(value, datetime) else known(value) for value in row])


@pytest.fixture(scope="module", params=range(12))
def both(request: pytest.FixtureRequest) -> Iterator[tuple[ocinb.Catalog, Reckoning]]:
    rows = random_rows(request.param)
    with rows.catalog() as catalog:
        yield catalog, Reckoning(rows)


def test_entries_and_hidden_files(both: tuple[ocinb.Catalog, Reckoning]) -> None:
    catalog, reckoning = both
    entries = reckoning.entries()
    fates, hidden = [], []
    for row in entries:
        image, fate = row["manifest_digest"], row["fate"] or {"change": "added", "visible": True, "hidden": False}
        is_read = reckoning.images[image]["indexed_at"] is not None
        change, visible = (fate["change"], fate["visible"]) if is_read else (None, None)
        fates.append((image, row["layer"], row["position"], row["path"], row["sha256"], change, visible))
        if fate["hidden"]:
            steps = {layer["layer"]: layer["instruction"] for layer in reckoning.layers_of(image)}
            ways = (row["layer"], row["instruction"], fate["hidden_in"], steps.get(fate["hidden_in"]))
            hidden.append((image, row["path"], row["size_bytes"], fate["reason"], *ways))
    of_files = "SELECT manifest_digest, layer, position, path, sha256, change, visible FROM layer_files"
    same(told(catalog, of_files), fates)
    same(told(catalog, "SELECT * EXCLUDE (reference, platform) FROM hidden_files"), hidden)
    wanted = [(row[1], row[3], row[6]) for row in fates if "a" in row[3]]
    markers = sum(row["type"] == "whiteout" for row in entries if "a" in row["path"])
    found = told(catalog, "SELECT layer, path, visible FROM find('*a*')")
    assert len(found) == len(wanted) - markers
    assert not Counter(found) - Counter(wanted)
    narrow = f"{of_files} WHERE path = 'etc/a' AND visible"
    same(told(catalog, narrow), [row for row in fates if row[3] == "etc/a" and row[6]])


def test_duplicates(both: tuple[ocinb.Catalog, Reckoning]) -> None:
    catalog, reckoning = both
    stored = pd.DataFrame(reckoning.stored(), columns=["layer_digest", "path", "size_bytes", "sha256"], dtype=object)
    expected = []
    for sha256, group in stored.dropna(subset="sha256").groupby("sha256"):
        copies, size = len(group), group["size_bytes"].iloc[0]
        if copies > 1:
            layers = group["layer_digest"].nunique()
            expected.append((sha256, size, copies, layers, (copies - 1) * size, min(group["path"])))
    same(told(catalog, "FROM file_duplicates"), expected)


def test_stays_of_tags(both: tuple[ocinb.Catalog, Reckoning]) -> None:
    catalog, reckoning = both
    same(told(catalog, "FROM tag_history"), reckoning.stays())


def test_growth(both: tuple[ocinb.Catalog, Reckoning]) -> None:
    catalog, reckoning = both
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    for registry, repository, tag, image in reckoning.current():
        if tag is not None:
            platform = f"linux/{reckoning.images[image]['architecture']}"
            chosen = lines.setdefault((registry, repository, platform), {})
            rivals = sorted({image, chosen.get(tag, image)}, key=lambda one: (_newest_first(reckoning, one), one))
            chosen[tag] = rivals[0]
    expected = []
    for (registry, repository, platform), chosen in lines.items():
        before = None
        for tag, image in sorted(chosen.items(), key=lambda pair: (_oldest_first(reckoning, pair[1]), pair[0])):
            expected.append((registry, repository, tag, platform, *step(reckoning, before, image)))
            before = image
    same(told(catalog, "FROM size_history"), expected)


def step(reckoning: Reckoning, before: str | None, image: str) -> tuple[Any, ...]:
    """Give created, compressed_bytes, delta_bytes and which layer grew most."""
    created, total = reckoning.images[image]["created"], reckoning.total(image)
    other = None if before is None else reckoning.total(before)
    if before is None or total is None or other is None:
        return created, total, None, None, None, None
    grown = most_grown(reckoning.layers_of(before), reckoning.layers_of(image))
    return created, total, total - other, *grown


def _newest_first(reckoning: Reckoning, image: str) -> float:
    created = reckoning.images[image]["created"]
    return float("inf") if created is None else -created.timestamp()


def _oldest_first(reckoning: Reckoning, image: str) -> float:
    created = reckoning.images[image]["created"]
    return float("inf") if created is None else created.timestamp()


def most_grown(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[Any, Any, Any]:
    """Strike out, in turn, pairs of layers of one digest, one instruction and one number; the rest is new."""
    old, new, grown = list(before), list(after), []
    for name in ("layer_digest", "instruction", "layer"):
        for layer in list(new):
            like = next((one for one in old if one[name] is not None and one[name] == layer[name]), None)
            if like:
                old.remove(like)
                new.remove(layer)
                grown.append(
                    (layer["compressed_bytes"] - like["compressed_bytes"], -layer["layer"], layer["instruction"])
                )
    grown += [(layer["compressed_bytes"], -layer["layer"], layer["instruction"]) for layer in new]
    most = max((one for one in grown if one[0] > 0), key=lambda one: one[:2], default=None)
    return (-most[1], most[2], most[0]) if most else (None, None, None)


def test_summary(both: tuple[ocinb.Catalog, Reckoning]) -> None:
    catalog, reckoning = both
    images = {image: reckoning.layers_of(image) for *_, image in reckoning.current()}
    layers = {layer["layer_digest"]: layer for stack in images.values() for layer in stack}
    files = [row for row in reckoning.stored() if row["sha256"] is not None]
    copies = Counter(row["sha256"] for row in files)
    sizes = {row["sha256"]: row["size_bytes"] for row in files}
    stored = sum(row["size_bytes"] for row in files)
    read = [layer for layer in layers.values() if layer["indexed_at"] is not None]
    uses = [sum(any(one["layer_digest"] == digest for one in stack) for stack in images.values()) for digest in layers]
    expected: dict[str, float | None] = {
        "unique_file_share": len(copies) / len(files) if files else None,
        "deduplicable_bytes_share": 1 - sum(sizes.values()) / stored if stored else None,
    }
    for name, values in {
        "layer_compressed_bytes": [layer["compressed_bytes"] for layer in layers.values()],
        "compression_ratio": [
            layer["tar_bytes"] / layer["compressed_bytes"] for layer in read if layer["compressed_bytes"]
        ],
        "files_per_layer": [layer["files"] for layer in read],
        "layers_per_image": list(map(len, images.values())),
        "copies_per_file": list(copies.values()),
        "layer_references": uses,
    }.items():
        counted = [value for value in values if value is not None]
        for rank in (50, 90):
            expected[f"{name}_p{rank}"] = float(np.percentile(counted, rank)) if counted else None
    found = {row["figure"]: row["value"] for row in records(catalog.sql("FROM registry_summary"))}
    assert list(found) == list(expected)
    for figure, value in expected.items():
        assert found[figure] == (None if value is None else pytest.approx(value)), figure
