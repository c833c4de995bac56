"""A catalogue that is made is there wholly or not at all, and never in the place of another's."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.catalog import connection, open_file
from ocinb.catalog.open_file import put_in_place
from ocinb.catalog.parquet import read_export
from ocinb.errors import InvalidError, OcinbError, TransportError


def without_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(open_file.os, "link", refuse)  # type: ignore[attr-defined]


@pytest.fixture(params=["links", "no links"])
def disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "no links":
        without_links(monkeypatch)


def names_in(folder: Path) -> list[str]:
    """Give what stands there but for the store and the cache that the tests may have there."""
    return sorted(path.name for path in folder.iterdir() if "duckdb" in path.name)


@pytest.mark.usefixtures("disk")
def test_a_new_catalogue_stands_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    assert ocinb.Catalog(path).tables().shape[0] > 10
    assert names_in(tmp_path) == ["new.duckdb"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (duckdb.IOException('Could not write file "x": No space left on device'), TransportError),
        (duckdb.FatalException("Failed to create checkpoint because of error"), TransportError),
        (duckdb.TransactionException("Failed to commit: Could not write file"), TransportError),
        (RuntimeError("Query interrupted"), KeyboardInterrupt),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, told: type[BaseException]
) -> None:
    real = connection._fill

    def failing(opened: duckdb.DuckDBPyConnection) -> None:
        real(opened)
        raise error

    monkeypatch.setattr(connection, "_fill", failing)
    with pytest.raises(told):
        ocinb.Catalog(tmp_path / "new.duckdb")
    assert names_in(tmp_path) == []
    monkeypatch.undo()
    assert len(ocinb.Catalog(tmp_path / "new.duckdb").sql("FROM images")) == 0


def test_a_name_that_the_disk_does_not_give_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(open_file.os, "link", refuse)  # type: ignore[attr-defined]
    with pytest.raises(TransportError, match=r"new.duckdb cannot be made: Disk quota exceeded"):
        ocinb.Catalog(tmp_path / "new.duckdb")
    assert names_in(tmp_path) == []


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("there", ["file", "folder", "link", "dangling"])
def test_what_has_the_name_keeps_it(tmp_path: Path, there: str) -> None:
    (tmp_path / "file").write_text("theirs")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("nowhere")
    partial = tmp_path / "partial"
    partial.write_text("mine")
    with pytest.raises(FileExistsError):
        put_in_place(partial, tmp_path / there)
    assert (tmp_path / "file").read_text() == "theirs"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name == there) == [there]
    assert (tmp_path / "dangling").is_symlink()


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "error", "told"),
    [
        (Path.mkdir, InvalidError, "is a directory, so it is no catalogue. Choose another path"),
        (os.mkfifo, InvalidError, "is no regular file, so it is no catalogue. Choose another path"),
        (loop, TransportError, "cannot be read: Too many levels of symbolic links"),
        (lambda path: path.symlink_to("no/where"), InvalidError, "there is no directory"),
        (lambda path: Path(f"{path}.wal").touch(), InvalidError, "other.wal belongs to a file that is gone. Remove it"),
    ],
)
def test_what_stands_in_the_way_is_told_and_left(
    tmp_path: Path, make: Callable[[Path], object], error: type[OcinbError], told: str
) -> None:
    make(tmp_path / "other")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(error) as caught:
        ocinb.Catalog(tmp_path / "other")
    assert told in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_is_made_is_told_by_the_name_that_it_was_to_have(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ocinb.Catalog().export(tmp_path / "tables")
    made: list[str] = []

    def refuse(path: str, **_: Any) -> None:
        made.append(path)
        raise duckdb.IOException(f'Cannot open file "{path}": No space left on device')

    monkeypatch.setattr(connection.duckdb, "connect", refuse)  # type: ignore[attr-defined]
    path = tmp_path / "new.duckdb"
    for make in (lambda: ocinb.Catalog(path), lambda: read_export(tmp_path / "tables", path)):
        with pytest.raises(TransportError) as caught:
            make()
        assert f'Cannot open file "{path}": No space left on device' in str(caught.value)
        assert caught.value.args == (caught.value.message,)
    assert all(".partial" in drawn for drawn in made)
    assert len(made) == 2
