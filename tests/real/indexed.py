"""Layers that are in a store, and processes that read them there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import cast

from ocinb._settings import settings
from ocinb.archive.entries import Columns
from ocinb.errors import OcinbError
from ocinb.layer_index import Layer, index_layers
from ocinb.progress.protocol import NoProgress
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file, noise
from ocinb.sources.base import Source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage import layer_tables
from ocinb.storage.layer_tables import Table, Tables
from ocinb.storage.layout import Layout
from tests.patience import Stopwatch

NOBODY = cast("Source", None)  # all that is wanted is in the store
BATCH_ROWS = 50


def put_layers(root: Path, *, count: int, files: int) -> list[Layer]:
    """Put some layers into a store, each of so many files."""
    layout = Layout(root, private=True)
    layout.prepare()
    layers = []
    for number in range(count):
        made = make_layer(file(f"srv/{number}/{place}", noise(f"{number} {place}", 700)) for place in range(files))
        layout.blobs.write(made.raw, made.digest)
        blob = Descriptor(made.media_type, Digest(made.digest), len(made.raw))
        layers.append(Layer(blob, NOBODY, f"layer {number}", made.diff_id))
    return layers


def read(root: Path, layers: Sequence[Layer]) -> dict[Digest, Table]:
    """Read them in this process."""
    layout = Layout(root, private=True)
    done = index_layers(layers, layout, settings, NoProgress(), errors="raise", as_layer=_unchanged)
    return {digest: table for digest, table in done.items() if isinstance(table, Table)}


def read_in_child(root: Path, layers: Sequence[Layer], first: partial[None] | None = None) -> tuple[int, str | None]:
    """Read them in a process that is a child, by small batches; give how many came, or the error."""
    layer_tables.BATCH_ROWS = BATCH_ROWS
    if first is not None:
        first()
    try:
        return len(read(root, layers)), None
    except OcinbError as error:
        return 0, f"{type(error).__name__}: {error}"


def read_and_be_stopped(root: Path, layers: Sequence[Layer]) -> float:
    """Read them in a process that is a child, until Ctrl-C comes in the middle; give how long that took to be heard."""
    sent = 0.0

    def slowly(entries: Columns) -> Columns:
        nonlocal sent
        if not sent and len(entries):
            sent = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
        return entries

    signal.signal(signal.SIGINT, signal.default_int_handler)
    layout = Layout(root, private=True)
    with Stopwatch() as watch:
        try:
            index_layers(layers, layout, settings, NoProgress(), errors="raise", as_layer=slowly)
        except KeyboardInterrupt:
            return watch.between(sent, time.monotonic())
    return -1.0


def believed(root: Path, layers: Sequence[Layer]) -> list[Table]:
    """Give the tables that are there and right; each that is there has to be."""
    found = [Tables(root).find(layer.digest) for layer in layers]
    there = [table for table in found if table is not None]
    assert len(there) == len(list((root / "index").rglob("*.parquet")))
    return there


def _unchanged(entries: Columns) -> Columns:
    return entries
