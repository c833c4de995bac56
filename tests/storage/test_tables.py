"""A table gives back what was read of a layer, or nothing: never half of it, never something else."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocinb.archive.entries import COLUMNS, Columns
from ocinb.errors import TransportError
from ocinb.spec.digest import Digest
from ocinb.storage import layer_tables as module
from ocinb.storage.garbage_collection import Aim, prune, remove_blob
from ocinb.storage.layer_tables import Table, Tables, blank_note, seal
from ocinb.storage.layout import Layout
from ocinb.storage.usage import Amount, count, list_items
from tests.patience import SECONDS
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


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_what_was_kept_is_found(tables: Tables, count: int) -> None:
    kept = keep(tables, columns(count))
    assert kept == Table(DIGEST, DIFF_ID, 10_240, columns(count), tables.path(DIGEST))
    assert tables.find(DIGEST) == kept
    assert tables.find(OTHER) is None
    assert left(tables) == []


def test_a_sealed_table_may_be_read_by_others(tables: Tables) -> None:
    keep(tables, columns(1000))
    path = tables.sealed(DIGEST)
    assert path == tables.path(DIGEST)
    assert duckdb.execute(f"SELECT count(*) FROM '{path}'").fetchall() == [(1000,)]
    assert tables.sealed(OTHER) is None


@pytest.mark.parametrize("place", [0, 500, -1])
def test_a_table_that_was_changed_is_read_by_nobody(tables: Tables, place: int) -> None:
    keep(tables, columns(1000))
    path = tables.path(DIGEST)
    raw = bytearray(path.read_bytes())
    raw[place] ^= 1
    path.write_bytes(raw)
    assert tables.sealed(DIGEST) is None


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


@pytest.mark.parametrize("rows", [1, 7, 50, 100, 101])
def test_a_table_is_read_a_part_at_a_time(tables: Tables, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = columns(101).chosen(place for place in range(101) if place % 10)  # markers of eStargz are no rows
    keep(tables, entries)
    monkeypatch.setattr(module, "READ_ROWS", rows)
    found = tables.find(DIGEST)
    assert found is not None
    assert found.entries == entries


def test_what_repeats_is_one_object(tables: Tables) -> None:
    entries = columns(50)
    entries.mtime, entries.mode = [1_700_000_000_000_000 + place % 2 for place in range(50)], [0o755] * 50
    keep(tables, entries)
    found = tables.find(DIGEST)
    assert found is not None
    assert len(set(map(id, found.entries.mtime))) == 2
    assert len(set(map(id, found.entries.mode))) == 1


def _handed_over(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have it noted how many rows DuckDB is given each time."""
    handed = list[int]()
    arrays = module._arrays

    def counting(entries: Columns, first: int) -> object:
        handed.append(len(entries) - first)
        return arrays(entries, first)

    monkeypatch.setattr(module, "_arrays", counting)
    return handed


def test_no_more_rows_than_a_batch_are_handed_over(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    handed = _handed_over(monkeypatch)
    monkeypatch.setattr(module, "BATCH_ROWS", 10)
    keep(tables, *(columns(5, first=5 * place) for place in range(9)))
    assert handed == [10, 10, 10, 10, 5]


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


def _fail_after_adding(writer: module.Writer) -> None:
    with writer:
        for place in range(5):
            entries = columns(1)
            entries.path = [str(place) * 1_000_000]
            writer.add(entries)
        del entries
        raise ValueError("the layer is damaged")


def test_what_failed_is_not_kept_in_memory(tables: Tables) -> None:
    """Whoever has the error has the writer too, as its traceback leads there."""
    writer = tables.writer(DIGEST)
    tracemalloc.start()
    with pytest.raises(ValueError, match="damaged"):
        _fail_after_adding(writer)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 1_000_000


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


def test_a_table_is_a_parquet_file_that_others_read(tables: Tables) -> None:
    keep(tables, columns(10))
    path = tables.root / "index" / "sha256" / f"{DIGEST.hex}.parquet"
    assert tables.path(DIGEST) == path
    with duckdb.connect() as connection:
        found = connection.execute("FROM read_parquet($path)", {"path": str(path)})
        assert [column[0] for column in found.description or ()] == list(COLUMNS)
        assert found.fetchall()[1] == (
            1, "srv/é/1", "file", 1, 0o755, 1000, 0, 1_700_000_000_000_001, None, (1).to_bytes(32, "big"), 512
        )  # fmt: skip


def test_it_is_its_owners_alone(tables: Tables) -> None:
    keep(tables, columns(10))
    path = tables.path(DIGEST)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]


def test_a_folder_with_an_odd_name_is_a_folder(tmp_path: Path) -> None:
    tables = Tables(tmp_path / "a [b]*? $c '{d}' %e")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_ROWS", 2)
        kept = keep(tables, columns(2), columns(2, first=2))
    assert tables.find(DIGEST) == kept


def test_it_stays_when_the_blob_goes_and_is_nobody_elses(tables: Tables) -> None:
    keep(tables, columns(10))
    shutil.copy(tables.path(DIGEST), tables.path(OTHER))
    assert tables.find(OTHER) is None
    assert tables.find(DIGEST) is not None


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


@pytest.mark.parametrize("spoil", [_cut, _flip, _empty, _foreign, _linked, _a_fifo])
def test_what_is_wrong_is_replaced(tables: Tables, spoil: Callable[[Path], None]) -> None:
    keep(tables, columns(1000))
    spoil(tables.path(DIGEST))
    kept = keep(tables, columns(10))
    assert tables.find(DIGEST) == kept
    assert stat.S_ISREG(tables.path(DIGEST).lstat().st_mode)


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


@pytest.mark.parametrize("link", ["index", "index/sha256"])
def test_no_folder_is_made_behind_a_link(tables: Tables, tmp_path_factory: pytest.TempPathFactory, link: str) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (tables.root / link).parent.mkdir(exist_ok=True)
    (tables.root / link).symlink_to(elsewhere)
    assert keep(tables, columns(10)).entries == columns(10)
    assert list(elsewhere.iterdir()) == []
    assert left(tables) == []


def test_every_bit_counts(tables: Tables) -> None:
    keep(tables, columns(3))
    path = tables.path(DIGEST)
    raw = path.read_bytes()
    for place in range(0, len(raw), 5):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 4]) + raw[place + 1 :])
        assert tables.find(DIGEST) is None, place


def test_another_version_is_read_anew(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tables, columns(10))
    monkeypatch.setattr(module, "VERSION", module.VERSION + 1)
    assert tables.find(DIGEST) is None


def test_finding_it_is_a_use_of_it(tables: Tables) -> None:
    keep(tables, columns(10))
    path = tables.path(DIGEST)
    os.utime(path, (1_000_000_000, 1_000_000_000))
    tables.find(DIGEST)
    assert path.stat().st_atime > 1_000_000_000
    assert path.stat().st_mtime == 1_000_000_000


def test_what_was_not_completed_leaves_nothing(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 2)
    with tables.writer(DIGEST) as writer:
        writer.add(columns(2))
        assert len(left(tables)) == 1
    assert left(tables) == []
    assert tables.find(DIGEST) is None


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


LIMITED = """
import resource, signal, sys
from pathlib import Path
from ocinb.errors import TransportError
from tests.storage.entries import columns
from tests.storage.test_tables import keep, left
from ocinb.storage.layer_tables import Tables

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
tables = Tables(Path(sys.argv[1]))
try:
    keep(tables, columns(5000))
except TransportError as error:
    print(error)
print(left(tables))
"""


def test_files_that_may_not_grow_are_a_transport_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True, timeout=SECONDS,
    )  # fmt: skip
    said, files = done.stdout.splitlines()
    assert "the disk is full. Free some space" in said
    assert files == "[]"


# In a process of its own: pytest has threads, and whoever forks a process with threads is warned.
FORKING = """
import os, sys
from pathlib import Path
from ocinb.spec.digest import Digest
from ocinb.storage.layer_tables import Tables

def found():
    return Tables(Path(sys.argv[1])).find(Digest(sys.argv[2])) is not None

before = found()
child = os.fork()
if not child:
    os._exit(0 if found() else 1)
print(before, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), found())
"""


def test_a_process_that_was_forked_reads_tables_too(tables: Tables) -> None:
    keep(tables, columns(3))
    command = [sys.executable, "-c", FORKING, str(tables.root), DIGEST]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert (done.stdout.split(), done.stderr) == (["True", "0", "True"], "")
