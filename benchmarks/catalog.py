"""The catalogue: ten million rows of files in one, and two hundred images that go into one.

Ten million rows are loaded from the tables that a store keeps of layers, as `Catalog.add` does it, a transaction for
each image; they are asked when the file was closed and opened again. Their goals are seconds and bytes, not ratios.

Two hundred images share a base of Debian, and have one to four layers of their own. Ours adds them, files and all, to a
new catalogue, with their blobs in the store and none of them read. The peer is what has to be done in any case, by two
threads of this interpreter: each distinct layer is read, hashed, unpacked by ISA-L and hashed again as a tar and file
by file; where the files stand in it is known beforehand. It looks at no header, keeps nothing, and says nothing of
images. Then ours again with an empty store, out of the registry, which needs the same two cores; and once more, with
all in the catalogue.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from isal import isal_zlib

import ocinb
from benchmarks.families import Family, Shape, serve_family
from benchmarks.layouts import GZIP_AND_ITS_HEADER
from benchmarks.manyfiles import load_many, write_tables
from benchmarks.measuring import Count, Duration, Line, Ratio, interleaved, seconds
from benchmarks.peers import DOCKER_REGISTRY, DPKG
from benchmarks.trees import KILOBYTE, MEGABYTE
from ocinb.network.exchange import Exchange, observed_by
from ocinb.sources.session import close_default_session
from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import Tables

PEERS = (DPKG, DOCKER_REGISTRY)
NEEDED = (DPKG,)
ADD_GOAL = 1.3
PRESENT_GOAL = 0.02
TWO_CORES = 2
LOAD_GOAL = 2.0
BYTES_GOAL = 60
QUESTIONS = {
    "plain duplicates": """
        SELECT sha256, count(*) AS copies, (count(*) - 1) * max(size_bytes) AS duplicate_bytes
        FROM files WHERE sha256 IS NOT NULL GROUP BY sha256 HAVING copies > 1 ORDER BY duplicate_bytes DESC LIMIT 20
    """,
    "file_duplicates": "FROM file_duplicates ORDER BY duplicate_bytes DESC LIMIT 20",
    "registry_summary": "FROM registry_summary",
}
GOALS = {"plain duplicates": 2.0, "file_duplicates": 5.0, "registry_summary": 3.0}


@dataclass(frozen=True)
class Inputs:
    """How many rows of files there are, and which images."""

    rows: int = 10_000_000
    family: Shape = field(default=Shape(images=200, base=60 * MEGABYTE, medium=5 * MEGABYTE, small=500 * KILOBYTE))


def race(runs: int, inputs: Inputs = Inputs()) -> list[Line]:
    """Measure all."""
    before = ocinb.settings.store_dir, ocinb.settings.cache_dir
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        try:
            return [*_asking(runs, place, inputs.rows), *_adding(runs, place, inputs.family)]
        finally:
            close_default_session()
            ocinb.settings.store_dir, ocinb.settings.cache_dir = before


def _asking(runs: int, place: Path, rows: int) -> list[Line]:
    layers = write_tables(place / "many", rows)
    what = f"catalogue of {sum(layer.rows for layer in layers):,} file rows"
    path = place / "many.duckdb"
    loads, sizes = [], []
    for _ in range(runs):
        path.unlink(missing_ok=True)
        loads.append(seconds(lambda: load_many(path, place / "many", layers)))
        sizes.append(round(path.stat().st_size / sum(layer.rows for layer in layers)))
    with ocinb.Catalog(path) as catalog:
        contestants = {name: _question(catalog, query) for name, query in QUESTIONS.items()}
        interleaved(contestants, runs=1)
        times = interleaved(contestants, runs=runs)
    millions = sum(layer.rows for layer in layers) / 1e6
    return [
        Duration(f"{what}: load a million", [taken / millions for taken in loads], LOAD_GOAL),
        Count(f"{what}: bytes of the file a row", sizes, BYTES_GOAL),
        *(Duration(f"{what}: {name}", times[name], GOALS[name]) for name in QUESTIONS),
    ]


def _question(catalog: ocinb.Catalog, query: str) -> Callable[[], None]:
    def ask() -> None:
        if catalog.sql(query).empty:
            raise RuntimeError(f"nothing answers {query}")

    return ask


def _adding(runs: int, place: Path, shape: Shape) -> list[Line]:
    with serve_family(place / "registry", shape) as family:
        ours = _Ours(family, place)
        bare = _Bare(ours.store, family.layers)
        contestants = {"bare": bare.run, "stored": ours.stored, "again": ours.again}
        interleaved(contestants, runs=1)
        ours.requests.clear()
        times = interleaved({**contestants, "cold": ours.cold}, runs=runs)
    what = f"{shape.images} images, {bare.megabytes:.0f} MB in {len(family.layers)} layers"
    peer = "each layer unpacked and hashed, two threads"
    each = [taken / shape.images for taken in times["again"]]
    return [
        Ratio(f"add {what}, in the store", peer, times["stored"], times["bare"], ADD_GOAL),
        Ratio(f"add {what}, from a registry", peer, times["cold"], times["bare"]),
        Duration(f"add {what}, already there: each", each, PRESENT_GOAL),
        Count(f"add {what}, already there: requests", ours.requests, goal=0),
    ]


class _Ours:
    """Catalogues of a family: of what is in a store, and of what is not."""

    def __init__(self, family: Family, place: Path) -> None:
        self.requests: list[int] = []
        self.store = place / "store"
        self._family = family
        self._place = place
        self._add(self.store, self._new("first"), new=True)

    def stored(self) -> None:
        """Add all when the blobs are here, and none was read."""
        shutil.rmtree(self.store / "index")
        self._add(self.store, self._new("stored"), new=True)

    def again(self) -> None:
        """Add all once more, and count what goes over the wire."""
        seen: list[Exchange] = []
        with observed_by(seen.append):
            self._add(self.store, self._place / "first.duckdb", new=False)
        self.requests.append(sum(not exchange.from_cache for exchange in seen))

    def cold(self) -> None:
        """Add all with nothing known."""
        store = self._place / "cold"
        shutil.rmtree(store, ignore_errors=True)
        self._add(store, self._new("cold"), new=True)

    def _new(self, name: str) -> Path:
        path = self._place / f"{name}.duckdb"
        path.unlink(missing_ok=True)
        return path

    def _add(self, store: Path, path: Path, *, new: bool) -> None:
        close_default_session()
        ocinb.settings.store_dir, ocinb.settings.cache_dir = store, store / "cache"
        with ocinb.Catalog(path) as catalog:
            added = catalog.add(self._family.references, depth="files", progress=False)
        # Of several names of one image the first adds it.
        expected = ~added["digest"].duplicated() if new else added["digest"].isna()
        wrong = added[added["outcome"].ne("added").eq(expected)]
        if len(wrong) or "failed" in set(added["outcome"]):
            raise RuntimeError(f"another outcome than is expected:\n{wrong}")


class _Bare:
    """What cannot be spared: the bytes of each layer read, unpacked and hashed, in two threads."""

    def __init__(self, store: Path, layers: Sequence[Digest]) -> None:
        tables = Tables(store)
        self._work = [(_blob(store, digest), _contents(tables, digest)) for digest in layers]
        self._work.sort(key=lambda one: one[0].stat().st_size, reverse=True)
        self.megabytes = sum(blob.stat().st_size for blob, _ in self._work) / MEGABYTE

    def run(self) -> None:
        """Do it."""
        with ThreadPoolExecutor(TWO_CORES) as threads:
            for _ in threads.map(lambda one: _hash_all(*one), self._work):
                pass


def _blob(store: Path, digest: Digest) -> Path:
    return store / "blobs" / digest.algorithm / digest.hex


def _contents(tables: Tables, digest: Digest) -> list[tuple[int, int]]:
    """Give where in the tar of a layer its files begin and end."""
    table = tables.find(digest)
    if table is None:
        raise RuntimeError(f"{digest} was not read")
    rows = zip(table.entries.offset, table.entries.size_bytes, strict=True)
    return [(offset, offset + size) for offset, size in rows if offset is not None]


def _hash_all(blob: Path, contents: Sequence[tuple[int, int]]) -> None:
    raw = blob.read_bytes()
    hashlib.sha256(raw).digest()
    tar = memoryview(isal_zlib.decompress(raw, wbits=GZIP_AND_ITS_HEADER))
    hashlib.sha256(tar).digest()
    for start, end in contents:
        hashlib.sha256(tar[start:end]).digest()
