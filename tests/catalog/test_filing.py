"""Images are written many at once, and by themselves where that is refused; what replaces something goes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.catalog import files_writer, ingest_files
from ocinb.catalog.files_writer import FilesWriter, OverlaidImage, Written
from ocinb.catalog.indexed_files import insert_overlay
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.seekable_layers import make_estargz
from tests.catalog.laying import check_files, put_stack
from tests.catalog.test_adding_files import BASE, TOP, check_same, outcomes, stack


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note how many images are written at once, and wait long for more."""
    told: list[int] = []
    real = FilesWriter.write

    def write(self: FilesWriter, batch: Sequence[OverlaidImage]) -> Written:
        told.append(len(batch))
        return real(self, batch)

    monkeypatch.setattr(FilesWriter, "write", write)
    monkeypatch.setattr(ingest_files, "PAUSE_SECONDS", 600.0)
    return told


def put_many(registry: SampleRegistry, count: int) -> list[str]:
    return [put_stack(registry, stack(f"own/{one}"), f"v{one}") for one in range(count)]


def refusing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Have what becomes of one image refused."""
    digest, real = str(ocinb.document(name).digest), insert_overlay

    def refuse(connection: Any, found: Any) -> None:
        if digest in found:
            raise duckdb.ConversionException("no such number")
        real(connection, found)

    monkeypatch.setattr(files_writer, "insert_overlay", refuse)


def test_one_that_is_refused_fails_alone(
    registry: SampleRegistry, batches: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = put_many(registry, 4)
    with ocinb.Catalog() as catalog, ocinb.Catalog() as anew:
        with monkeypatch.context() as patch:
            refusing(patch, names[0])
            assert outcomes(catalog, names) == ["failed", "added", "added", "added"]
        assert batches == [4, 1, 1, 1, 1]
        [(reference, stage, error)] = catalog.sql("SELECT reference, stage, error FROM failures").to_numpy().tolist()
        assert (reference, stage) == (names[0], "files")
        assert "no such number" in error
        assert catalog.sql("FROM layers WHERE indexed_at IS NOT NULL AND files IS NULL").empty
        assert outcomes(catalog, names) == ["added", "present", "present", "present"]
        outcomes(anew, names)
        check_same(catalog, anew)


def test_what_replaces_something_is_written_alone(registry: SampleRegistry, batches: list[int]) -> None:
    lazy = make_estargz(BASE)
    listed = put_stack(registry, [lazy, make_layer(TOP)], "listed")
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, listed) == ["added"]
        assert catalog.sql("SELECT count(*) AS n FROM layers WHERE tar_bytes IS NULL")["n"].item() == 1
        whole = put_stack(registry, [replace(lazy, annotations={})], "whole")
        names = [*put_many(registry, 2), whole]
        batches.clear()
        assert outcomes(catalog, names) == ["added"] * 3
        assert sum(batches) == 3
        assert len(batches) > 1, "it waits for none, and none waits with it"
        assert catalog.sql("FROM layers WHERE tar_bytes IS NULL").empty
        for name in names:
            check_files(catalog, name)
