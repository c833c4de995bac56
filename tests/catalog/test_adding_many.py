"""Many names in one call: in any shape, whatever fails among them, at few questions and in few transactions."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog import document_rows, ingest_documents
from ocinb.catalog.document_rows import Rows
from ocinb.catalog.ingest import BATCH
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from tests.localfiles import tiny_image, write_layout

COUNT = BATCH + 6
# What a tag of a new image costs: the tag, its config, the list of referrers, and three tags of cosign's.
QUESTIONS = {"manifests": 1, "blobs": 1, "referrers": 1, "cosign": 3}
FAILED = "SELECT reference, stage, error, failed_at FROM failures"


@pytest.fixture
def names(registry: SampleRegistry) -> list[str]:
    """Have more images than a batch in one repository, and give their names."""
    for number in range(COUNT):
        registry.put_image("demo/many", [make_layer([file(str(number))])], tag=f"v{number}")
    return [registry.reference(f"demo/many:v{number}") for number in range(COUNT)]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Counter[str]]:
    """Tell how many rows each transaction was given of each table."""
    told: list[Counter[str]] = []
    whole = document_rows.insert_all

    def insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
        told.append(Counter({table: len(listed) for table, listed in rows.tables.items()}))
        whole(connection, rows)

    monkeypatch.setattr(ingest_documents, "insert_all", insert_all)
    return told


def asked(registry: SampleRegistry, since: int = 0) -> dict[str, int]:
    """Count what was asked for of a repository, by its kind."""
    paths = [request.path for request in registry.requests[since:] if "/demo/many/" in request.path]
    kinds = ["cosign" if "/sha256-" in path else path.split("/")[4] for path in paths]
    return dict(Counter(kinds))


@contextmanager
def silent_port() -> Iterator[str]:
    """Hold a port at which nobody listens, so that nobody else begins to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize("depth", ["metadata", "files"])
def test_a_registry_that_is_down_keeps_no_other_waiting(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: Any
) -> None:
    monkeypatch.setattr("ocinb.frames.batch.BELIEVED_SECONDS", 3600.0)
    settings.retries, settings.concurrency = 0, 1
    write_layout(tmp_path, {"app": tiny_image("app").manifest})
    layout = f"oci:{tmp_path}:app"
    with silent_port() as host, ocinb.samples.registry() as other, ocinb.Catalog() as catalog, ocinb.trace() as trace:
        lost = [f"{host}/demo/app:{number}" for number in range(2 * COUNT)]
        here = [*names[:3], layout, other.reference("demo/hello"), "oci:nowhere:app"]
        added = catalog.add([*lost[:COUNT], *here, *lost[COUNT:]], depth=depth, progress=False)
        told = added.set_index("reference")["outcome"]
        assert told[here].tolist() == ["added"] * 5 + ["failed"]
        assert set(told[lost]) == {"failed"}
        assert sorted(catalog.sql(FAILED)["reference"]) == sorted([*lost, here[-1]])
    calls = trace.frame["url"].str.contains(f"//{host}/", regex=False)
    assert 0 < calls.sum() < BATCH / 2


def test_of_one_that_goes_down_meanwhile_only_referrers_are_missing(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.frames.batch.BELIEVED_SECONDS", 3600.0)
    settings.retries, settings.tag_ttl, settings.concurrency = 0, 3600, 1
    with ocinb.samples.registry() as gone:
        for number in range(COUNT):
            gone.put_image("demo/many", [make_layer([file(str(number))])], tag=f"v{number}")
        lost = [gone.reference(f"demo/many:v{number}") for number in range(COUNT)]
        ocinb.configs(lost)
    with ocinb.Catalog() as catalog, ocinb.trace() as trace:
        assert set(catalog.add([*lost, *names], referrers=True, progress=False)["outcome"]) <= {"added", "present"}
        failed = catalog.sql(FAILED)
    assert failed["reference"].tolist() == lost
    assert set(failed["stage"]) == {"referrers"}
    assert 0 < trace.frame["status"].isna().sum() < COUNT / 2
