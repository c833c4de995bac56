"""Tables that are sealed as ours are, but that others wrote: they are believed if they say all, and else not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import VERSION, Tables, blank_note, seal

DIGEST = Digest.of(b"a layer")
OTHER = Digest.of(b"another layer")
DIFF_ID = f"sha256:{'0' * 64}"
RIGHT = {
    "position": "0::BIGINT",
    "path": "'p'",
    "type": "'file'",
    "size_bytes": "1::BIGINT",
    **dict.fromkeys(("mode", "uid", "gid"), "0::BIGINT"),
    "mtime": "NULL::BIGINT",
    "link_target": "NULL::VARCHAR",
    "sha256": "NULL::BLOB",
    "offset": "NULL::BIGINT",
}
UNKNOWN = {
    **dict.fromkeys(("position", "size_bytes", "mode", "uid", "gid"), "NULL::BIGINT"),
    **dict.fromkeys(("path", "type"), "NULL::VARCHAR"),
}


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def forge(tables: Tables, changes: dict[str, str], said: dict[str, object]) -> None:
    """Write a table that is sealed as ours are, by hand."""
    path = tables.path(DIGEST)
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {"version": VERSION, "digest": DIGEST, "diff_id": DIFF_ID, "tar_bytes": 9, **said}
    note = blank_note({key: value for key, value in known.items() if value is not None})  # type: ignore[misc]
    selected = ", ".join(f'{value} AS "{name}"' for name, value in {**RIGHT, **changes}.items() if value)
    with duckdb.connect() as connection:
        query = f"COPY (SELECT {selected}) TO $path (FORMAT parquet, KV_METADATA {{ocinb: $note}})"
        connection.execute(query, {"path": str(path), "note": note})
    seal(path)


@pytest.mark.parametrize(
    "changes",
    [
        *[{"position": "0.5"}, {"position": "0::INTEGER"}, {"sha256": "5"}, {"type": "5"}, {"mtime": "'now'"}],
        *[{"gid": ""}, *({name: value} for name, value in UNKNOWN.items())],
    ],
)
def test_columns_that_are_not_ours_are_not_believed(tables: Tables, changes: dict[str, str]) -> None:
    forge(tables, changes, {})
    assert tables.find(DIGEST) is None
