"""A table gives back what was read of a layer, or nothing: never half of it, never something else."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import Columns
from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage import layer_tables as module
from ocinb.storage.garbage_collection import Aim, prune, remove_blob
from ocinb.storage.layer_tables import VERSION, Table, Tables, blank_note, seal, sealed_note
from ocinb.storage.layout import Layout
from ocinb.storage.usage import Amount, count, list_items
from tests.storage.entries import any_columns, columns
from tests.storage.stores import LIMITS, put

DIGEST = Digest.of(b"a layer")


OTHER = Digest.of(b"another layer")


DIFF_ID = f"sha256:{'0' * 64}"


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def keep(tables: Tables, *batches: Columns, digest: Digest = DIGEST) -> Table:
    with tables.writer(digest) as writer:
        for batch in batches:
            writer.add(batch)
        return writer.complete(DIFF_ID, 10_240)


def left(tables: Tables) -> list[Path]:
    return sorted((tables.root / ".ocinb" / "new").glob("*"))


def test_a_sealed_table_may_be_read_by_others(tables: Tables) -> None:
    keep(tables, columns(1000))
    path = tables.sealed(DIGEST)
    assert path == tables.path(DIGEST)
    assert duckdb.execute(f"SELECT count(*) FROM '{path}'").fetchall() == [(1000,)]
    assert tables.sealed(OTHER) is None


def test_a_sealed_table_of_other_columns_is_read_by_nobody(tables: Tables) -> None:
    path = tables.path(DIGEST)
    path.parent.mkdir(parents=True)
    note = blank_note({"version": module.VERSION, "digest": DIGEST, "diff_id": DIFF_ID, "tar_bytes": 1})
    duckdb.execute(f"COPY (SELECT 1 AS position) TO '{path}' (FORMAT parquet, KV_METADATA {{ocinb: '{note}'}})")
    seal(path)
    assert tables.sealed(DIGEST) is None


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_many_batches_are_one_table_in_their_order(tables: Tables, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", rows)
    kept = keep(tables, *(columns(5, first=5 * place) for place in range(20)))
    assert kept.entries == columns(100)
    assert tables.find(DIGEST) == kept
    assert left(tables) == []


def _handed_over(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have it noted how many rows DuckDB is given each time."""
    handed = list[int]()
    arrays = module._arrays

    def counting(entries: Columns, first: int) -> object:
        handed.append(len(entries) - first)
        return arrays(entries, first)

    monkeypatch.setattr(module, "_arrays", counting)
    return handed


def test_long_names_are_handed_over_sooner(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = _handed_over(monkeypatch)
    entries = columns(20)
    names = sum(map(len, [*entries.path, *filter(None, entries.link_target)]))
    monkeypatch.setattr(module, "BATCH_NAMES", names)
    for came, written in ([entries.chosen([place]) for place in range(20)], [20, 1]), ([entries] * 2, [20, 20, 1]):
        kept = keep(tables, *came, columns(1))
        assert handed == written
        assert tables.find(DIGEST) == kept
        handed.clear()
    monkeypatch.setattr(module, "BATCH_NAMES", names // 3)
    kept = keep(tables, entries)
    assert handed == [7, 7, 6]
    assert tables.find(DIGEST) == kept


@given(st.integers(0, 8).flatmap(any_columns), st.integers(1, 9))
def test_any_values_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, entries: Columns, rows: int
) -> None:
    tables = Tables(tmp_path_factory.getbasetemp() / "any")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", rows)
        half = len(entries) // 2
        keep(tables, entries.chosen(range(half)), entries.chosen(range(half, len(entries))))
    found = tables.find(DIGEST)
    assert found is not None
    assert found.entries == entries
    assert {type(digest) for digest in found.entries.sha256} <= {bytes, type(None)}


def test_it_counts_as_index_and_goes_with_its_blob_or_by_its_age(tmp_path: Path) -> None:
    layout = Layout(tmp_path, private=True)
    layout.prepare()
    tables, kept, loose = Tables(tmp_path), put(layout, b"kept"), put(layout, b"loose")
    for blob in (kept, loose):
        keep(tables, columns(10), digest=blob.digest)
    sizes = [tables.path(blob.digest).stat().st_size for blob in (kept, loose)]
    assert Amount("index", 2, sum(sizes)) in count(list_items(layout, None))
    remove_blob(layout, loose.digest)
    assert Amount("index", 1, sizes[0]) in count(list_items(layout, None))
    layout.blobs.path(kept.digest).unlink()
    assert tables.find(kept.digest) is not None, "it stays right without its blob"
    os.utime(tables.path(kept.digest), (1, 1))
    prune(layout, None, Aim(unused_since=2.0, keep_bytes=None), limits=LIMITS)
    assert Amount("index", 0, 0) in count(list_items(layout, None))


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 1
    path.write_bytes(raw)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _foreign(path: Path) -> None:
    path.unlink()
    with duckdb.connect() as connection:
        connection.execute("COPY (SELECT 1 AS position) TO $path (FORMAT parquet)", {"path": str(path)})


def _linked(path: Path) -> None:
    elsewhere = path.rename(path.with_name("elsewhere"))
    path.symlink_to(elsewhere)


def _behind_a_link(path: Path) -> None:
    elsewhere = path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to(elsewhere)


def _a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


WRONG = [_cut, _flip, _empty, _foreign, _linked, _behind_a_link, _a_fifo, _a_folder]


@pytest.mark.parametrize("spoil", WRONG)
def test_what_is_wrong_is_not_believed(tables: Tables, spoil: Callable[[Path], None]) -> None:
    keep(tables, columns(1000))
    spoil(tables.path(DIGEST))
    assert tables.find(DIGEST) is None


@pytest.mark.parametrize("spoil", [_behind_a_link, _a_folder])
def test_nothing_is_written_where_something_else_stands(tables: Tables, spoil: Callable[[Path], None]) -> None:
    keep(tables, columns(1000))
    path = tables.path(DIGEST)
    spoil(path)
    before = sorted(path.parent.resolve().rglob("*"))
    assert keep(tables, columns(10)).entries == columns(10)
    assert sorted(path.parent.resolve().rglob("*")) == before
    assert tables.find(DIGEST) is None
    assert left(tables) == []


@pytest.mark.parametrize("step", ["duckdb", "open", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_a_transport_error(
    tables: Tables, step: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _refuse(monkeypatch, step, code)
    with pytest.raises(TransportError, match=rf"{DIGEST.hex}\.parquet cannot be written.*Free some space"):
        keep(tables, columns(10))
    assert left(tables) == []


@pytest.mark.parametrize("step", ["duckdb", "open", "replace"])
@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EIO])
def test_where_nothing_can_be_written_nothing_is_kept(
    tables: Tables, step: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 2)
    _refuse(monkeypatch, step, code)
    kept = keep(tables, columns(2), columns(2, first=2), columns(1, first=4))
    assert kept.entries == columns(5)
    assert tables.find(DIGEST) is None
    assert left(tables) == []


def _refuse(monkeypatch: pytest.MonkeyPatch, step: str, code: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        if step == "duckdb":
            raise duckdb.IOException(f'IO Error: Could not write file "x": {os.strerror(code)}')
        raise OSError(code, os.strerror(code))

    if step == "duckdb":
        monkeypatch.setattr(module.Writer, "_run", refuse)
    else:
        monkeypatch.setattr("os.open" if step == "open" else "pathlib.Path.replace", refuse)


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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def _note(file: Path) -> object:
    with file.open("rb", buffering=0) as opened:
        return sealed_note(opened)


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_strangers_files_are_no_notes(tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "strange"
    for middle in (b"", b'"seal": "', b'{"seal": "', b'{"seal": "' + b"0" * 64 + b'"}', b'{"seal": ' + b"0" * 70):
        file.write_bytes(before + middle + after)
        assert _note(file) is None


@pytest.mark.parametrize(
    "raw",
    [
        b'{"x\\"seal": "' + b"0" * 64 + b'"}',  # the mark stands in another key
        b'{"seal": "\\ud800' + b"0" * 58 + b'"}',  # half a character
        b'{"seal": {"x": 1}, "y\\"seal": "' + b"0" * 64 + b'"}',
    ],
)
def test_odd_notes_are_none(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    assert _note(file) is None
