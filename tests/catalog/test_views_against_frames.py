"""Over all samples the views of files give what the frames of the same names give."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest

import ocinb
from ocinb.samples import registry as start_registry
from tests.frames.facts import records

NAMES = ["demo/base:12", "demo/hello:latest", "demo/nested:1", *(f"demo/shop:{tag}" for tag in ("1.0", "1.1", "2.0"))]


@pytest.fixture
def loaded() -> Iterator[tuple[ocinb.Catalog, list[str]]]:
    with start_registry() as registry, ocinb.Catalog() as catalog:
        references = [registry.reference(name) for name in NAMES]
        assert set(catalog.add(references, depth="files")["outcome"]) == {"added"}
        yield catalog, references


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare as sets: two names of one image are two images to a frame, and one to a catalogue."""
    columns = [column for column in expected if column in found]
    rows = [{repr(row) for row in records(frame[columns])} for frame in (found, expected)]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 50


def test_hidden_files_are_those_of_hidden(loaded: tuple[ocinb.Catalog, list[str]]) -> None:
    catalog, references = loaded
    found, expected = catalog.sql("FROM hidden_files"), ocinb.hidden(references, platform="all")
    assert list(found)[1:] == [column for column in expected if column != "manifest_digest"]
    same(found.drop(columns="reference"), expected)


def test_layer_files_are_those_of_files(loaded: tuple[ocinb.Catalog, list[str]]) -> None:
    catalog, references = loaded
    found, expected = catalog.sql("FROM layer_files"), ocinb.files(references, platform="all")
    assert set(expected) - set(found) == {"reference", "platform"}
    same(found, expected)
