"""Many files: the tables of layers with millions of entries, in a store that has no blob of them.

The paths, types, modes and lengths are those that dpkg put on this machine, a hundred that follow each other at a time.
A layer is some of these parts, most in one of a few releases, which many layers have too, and one in a release of its
own: about three contents in a hundred are distinct, as Zhao et al. (2019) found on Docker Hub.
"""

from __future__ import annotations

import hashlib
import random
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ocinb.archive.entries import DIRECTORY, FILE, SYMLINK, Columns
from ocinb.catalog.connection import Connections, transaction
from ocinb.catalog.indexed_files import LayerRows, fills_groups, insert_files
from ocinb.catalog.ingest_files import MOST_WAITING
from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import Tables
from tests.real import dpkgfiles

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

PART_ROWS = 100
LAYER_PARTS = 50
LAYER_ROWS = PART_ROWS * LAYER_PARTS
# One shared release for so many rows: with the part of its own in each layer, the share of distinct contents.
SHARED_ROWS = 10_000
SKEW = 3
FIRST_TIME = 1_700_000_000_000_000
HOUR = 3_600_000_000
OWN_LAYERS = 2
# The images are called by their numbers; a digest of a manifest or a config is a word and that.
_DOCUMENTS = """
    CREATE TEMP TABLE pairs AS
    SELECT number // OWN_LAYERS AS image, 1 + number % OWN_LAYERS AS layer, layer_digest, diff_id FROM numbered
    UNION ALL
    SELECT DISTINCT other.number // OWN_LAYERS, 0, base.layer_digest, base.diff_id
    FROM numbered AS other, numbered AS base
    WHERE base.number = 0;
    INSERT INTO layers BY NAME
    SELECT layer_digest, 'gzip' AS compression, compressed_bytes, tar_bytes, diff_id, files, now() AS indexed_at
    FROM numbered;
    INSERT INTO manifest_layers BY NAME
    SELECT 'manifest ' || image AS manifest_digest, layer, layer_digest, diff_id, layer_digest AS chain_id FROM pairs;
    INSERT INTO manifests BY NAME
    SELECT DISTINCT 'manifest ' || image AS manifest_digest, 'image' AS kind, 'config ' || image AS config_digest,
        now() AS indexed_at
    FROM pairs;
    INSERT INTO configs BY NAME
    SELECT DISTINCT 'config ' || image AS config_digest, 'linux' AS os, 'amd64' AS architecture FROM pairs;
    INSERT INTO observations BY NAME
    SELECT DISTINCT 'registry.example' AS registry, 'bench/app' AS repository, image::VARCHAR AS tag,
        'manifest ' || image AS digest, now() AS observed_at
    FROM pairs;
"""
TYPES = {stat.S_IFREG: FILE, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK}


@dataclass(frozen=True)
class ManyLayer:
    """A layer of which a store has the table."""

    digest: Digest
    diff_id: str
    rows: int
    files: int
    tar_bytes: int


def write_tables(store: Path, rows: int) -> list[ManyLayer]:
    """Write the tables of layers with about so many entries together."""
    chance = random.Random(rows)  # noqa: S311 - the same layers at every run
    shared = max(LAYER_PARTS, rows // SHARED_ROWS)
    return [_write(store, number, _chosen(chance, shared)) for number in range(max(1, rows // LAYER_ROWS))]


def load_many(path: Path, store: Path, layers: Sequence[ManyLayer]) -> None:
    """Make a catalogue of the layers, and of images of which each has the first layer and two others.

    Parameters
    ----------
    path
        The new file.
    store
        The store with their tables, which were written a moment ago.
    layers
        The layers. Their rows are inserted as `Catalog.add` does it, so many images at a time; the documents of all at
        once.
    """
    tables, connections = Tables(store), Connections(path)
    with connections.write() as connection:
        for batch in _batches(layers):
            with transaction(connection):
                insert_files(connection, [_rows(tables, layer) for layer in batch])
        _insert_documents(connection, layers)


def _batches(layers: Sequence[ManyLayer]) -> Iterator[list[ManyLayer]]:
    """Give the layers that `Catalog.add` would write at once, image by image."""
    batch: list[ManyLayer] = []
    for start in range(0, len(layers), OWN_LAYERS):
        batch += layers[start : start + OWN_LAYERS]
        if fills_groups(sum(layer.rows for layer in batch)) or len(batch) >= MOST_WAITING * OWN_LAYERS:
            yield batch
            batch = []
    yield batch


def _rows(tables: Tables, layer: ManyLayer) -> LayerRows:
    size, table = layer.tar_bytes // 3, tables.path(layer.digest)
    return LayerRows(layer.digest, size, layer.tar_bytes, layer.diff_id, layer.files, layer.rows, table, Columns())


def _insert_documents(connection: DuckDBPyConnection, layers: Sequence[ManyLayer]) -> None:
    """Insert what makes the layers count: images, with tags that point at them."""
    rows = [(str(layer.digest), layer.diff_id, layer.tar_bytes // 3, layer.tar_bytes, layer.files) for layer in layers]
    numbered = pd.DataFrame(rows, columns=["layer_digest", "diff_id", "compressed_bytes", "tar_bytes", "files"])
    connection.register("numbered", numbered.assign(number=range(len(rows))))
    connection.begin()
    connection.execute(_DOCUMENTS.replace("OWN_LAYERS", str(OWN_LAYERS)))
    connection.commit()
    connection.unregister("numbered")


def _chosen(chance: random.Random, shared: int) -> list[tuple[int, int]]:
    """Choose the parts of a layer, and the release of each; some are far more frequent than others."""
    parts, found = max(1, len(_paths()) // PART_ROWS), dict[int, int]()
    while len(found) < min(LAYER_PARTS, parts):
        number = int(shared * chance.random() ** SKEW)
        found.setdefault(number * 7_919 % parts, number // parts)
    return sorted(found.items())


def _write(store: Path, number: int, chosen: Sequence[tuple[int, int]]) -> ManyLayer:
    entries, own = Columns(), chosen[number % len(chosen)][0]
    for part, release in chosen:
        entries.extend(_of_release(part, f"own {number}", number) if part == own else _shared(part, release))
    entries.position = list(range(len(entries)))
    digest, diff_id = (Digest.of(f"{word} {number}".encode()) for word in ("layer", "tar"))
    tar_bytes = sum(1024 + size for size in entries.size_bytes)
    with Tables(store).writer(digest) as writer:
        writer.add(entries)
        writer.complete(str(diff_id), tar_bytes)
    return ManyLayer(digest, str(diff_id), len(entries), entries.type.count(FILE), tar_bytes)


@cache
def _shared(part: int, release: int) -> Columns:
    return _of_release(part, str(release), part % 97 + 97 * release)


def _of_release(part: int, release: str, hours: int) -> Columns:
    found = Columns()
    for path, kind, size, mode, target in _facts(part):
        content = hashlib.sha256(f"{release} {path}".encode()).digest() if kind == FILE else None
        changed = size + len(release) if kind == FILE and size else size
        mtime = FIRST_TIME + hours * HOUR
        found.extend(Columns([0], [path], [kind], [changed], [mode], [0], [0], [mtime], [target], [content], [None]))
    return found


@cache
def _facts(part: int) -> list[tuple[str, str, int, int, str | None]]:
    return list(_looked_at(_paths()[part * PART_ROWS : (part + 1) * PART_ROWS]))


def _looked_at(paths: Sequence[str]) -> Iterator[tuple[str, str, int, int, str | None]]:
    for path in paths:
        place = Path("/", path)
        found = place.lstat()
        kind = TYPES.get(stat.S_IFMT(found.st_mode), FILE)
        target = str(place.readlink()) if kind == SYMLINK else None
        yield path, kind, found.st_size if kind == FILE else 0, stat.S_IMODE(found.st_mode), target


@cache
def _paths() -> tuple[str, ...]:
    return tuple(dpkgfiles.owned_paths(dpkgfiles.installed()))
