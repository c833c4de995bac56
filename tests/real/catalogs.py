"""Catalogues that processes of their own add to, and what has to hold in one whatever became of those."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb

import ocinb
from ocinb.errors import OcinbError
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import directory, file, hardlink, noise, opaque, symlink, whiteout

REPOSITORY = "team/many"
# What makes two rows of a table the same row; of each there is one.
KEYS = {
    "manifests": ("manifest_digest",),
    "index_entries": ("index_digest", "position"),
    "configs": ("config_digest",),
    "manifest_layers": ("manifest_digest", "layer"),
    "history": ("manifest_digest", "position"),
    "layers": ("layer_digest",),
    "files": ("layer_digest", "position"),
    "overlay": ("manifest_digest", "layer", "position"),
}
# When something was noted, which differs.
_TIMES = ("observed_at", "indexed_at", "failed_at")


@dataclass(frozen=True)
class Adding:
    """What a process shall add, after it has done what it shall do `first` to itself."""

    path: Path
    names: tuple[str, ...]
    home: Path  # its store and its cache are here
    first: tuple[partial[None], ...] = ()
    one_by_one: bool = False


def add(adding: Adding) -> list[str] | tuple[str, str]:
    """Add in this process, which has to be a child; give the outcomes, or the error."""
    ocinb.settings.store_dir, ocinb.settings.cache_dir = adding.home / "store", adding.home / "cache"
    ocinb.settings.progress = False
    for act in adding.first:
        act()
    parts = [[name] for name in adding.names] if adding.one_by_one else [list(adding.names)]
    try:
        catalog = ocinb.Catalog(adding.path)
        return [str(word) for part in parts for word in catalog.add(part, depth="files")["outcome"]]
    except OcinbError as error:
        return type(error).__name__, str(error)


def die_at_step(number: int) -> None:
    """Die, as by kill -9, before the so-manieth function of the catalogue begins or ends, in whatever thread it is."""
    steps = itertools.count(1)
    _watch_steps(lambda: os.kill(os.getpid(), signal.SIGKILL) if next(steps) == number else None)


def count_steps(adding: Adding) -> int:
    """Add in a process that is a child; give how many functions of the catalogue begin and end."""
    steps: list[None] = []
    _watch_steps(lambda: steps.append(None))
    add(adding)
    return len(steps)


def _watch_steps(note: Callable[[], None]) -> None:
    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event in {"call", "return"} and "/ocinb/catalog/" in frame.f_code.co_filename:
            note()

    threading.setprofile(watch)
    sys.setprofile(watch)


def write_and_die(path: Path, statement: str) -> None:
    """Change a catalogue in a process that is a child, and die before the change has left the file beside it."""
    connection = duckdb.connect(str(path))  # as long as it is held, it is not closed
    connection.execute(statement)
    os.kill(os.getpid(), signal.SIGKILL)


def put_many(registry: SampleRegistry, count: int) -> list[str]:
    """Put images that share their first layer and have one of their own, with all that an overlay knows."""
    base = make_layer([directory("srv"), file("srv/kept", "kept"), file("srv/gone", noise("gone", 900)), file("a/b")])
    for number in range(count):
        own = [whiteout("srv/gone"), opaque("a"), file("srv/own", noise(str(number), 700))]
        own += [hardlink("srv/kept-too", "srv/kept"), *(symlink(f"srv/{n}", "kept") for n in range(number % 3))]
        registry.put_image(REPOSITORY, [base, make_layer(own)], tag=f"v{number}")
    return [registry.reference(f"{REPOSITORY}:v{number}") for number in range(count)]


@contextmanager
def plainly(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a catalogue as anybody can, with DuckDB alone."""
    with duckdb.connect(str(path)) as connection:
        yield connection


def tables_in(path: Path) -> dict[str, Counter[str]]:
    """Give the rows of each table, in no order and without the times; nothing that is not whole is looked over."""
    with plainly(path) as connection:
        names = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: Counter(map(repr, _rows(connection, name))) for name in names}


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> Sequence[Any]:
    relation = connection.table(table)
    columns = [f'"{name}"' for name in relation.columns if name not in _TIMES]
    return relation.project(", ".join(columns)).fetchall()


def assert_whole(path: Path) -> int:
    """See by raw documents and keys that all that is there is there wholly and once; say how many images there are."""
    with plainly(path) as connection:
        if not connection.execute("FROM duckdb_tables()").fetchall():
            return 0  # it died before it had made them, all at once
        for table, key in KEYS.items():
            doubled = f"SELECT {', '.join(key)} FROM {table} GROUP BY ALL HAVING count(*) > 1"
            assert connection.execute(doubled).fetchall() == [], table
        told = {table: connection.table(table).fetchall() for table in ("manifest_layers", "history", "index_entries")}
        columns = "manifest_digest, config_digest, raw, indexed_at"
        manifests = connection.execute(f"SELECT {columns} FROM manifests").fetchall()
        configs = dict(connection.execute("SELECT config_digest, raw FROM configs").fetchall())
        layers = dict(connection.execute("SELECT layer_digest, files FROM layers").fetchall())
        counted = "SELECT layer_digest, count_if(type = 'file') FROM files GROUP BY ALL"
        files = dict(connection.execute(counted).fetchall())
        seen = connection.execute("SELECT digest FROM observations WHERE digest IS NOT NULL").fetchall()
    counts = {table: Counter(row[0] for row in rows) for table, rows in told.items()}
    known = {digest for digest, *_ in manifests}
    assert {digest for (digest,) in seen} <= known, "what was observed was added"
    for digest, config, raw, indexed_at in manifests:
        document = json.loads(raw)
        assert counts["index_entries"][digest] == len(document.get("manifests", []))
        assert counts["manifest_layers"][digest] == len(document.get("layers", []))
        stack = [layer["digest"] for layer in document.get("layers", [])]
        assert set(stack) <= set(layers)
        if config:
            assert counts["history"][digest] == len(json.loads(configs[config])["history"])
        if indexed_at is not None:
            assert all(layers[layer] == files.get(layer, 0) for layer in stack)
    return sum(config is not None for _, config, *_ in manifests)
