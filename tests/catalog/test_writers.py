"""Of several who write to one catalogue in a process, by whatever object, one is at it at a time."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import ocinb
from ocinb._pool import run_all
from ocinb.samples import SampleRegistry
from tests.patience import SECONDS


def waits(waiting: ocinb.Catalog, writing: ocinb.Catalog, *, seconds: float = 1.0) -> bool:
    """Say whether one has to wait until the other has written."""
    entered = threading.Event()

    def write() -> None:
        with waiting._connections.write():
            entered.set()

    thread = threading.Thread(target=write)
    with writing._connections.write():
        thread.start()
        waited = not entered.wait(seconds)
    thread.join()
    assert entered.is_set()
    return waited


@pytest.mark.parametrize("other", ["kept.duckdb", "link", "folder/../kept.duckdb"])
def test_two_objects_on_one_file_take_turns(tmp_path: Path, other: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("kept.duckdb")
    assert waits(ocinb.Catalog(tmp_path / "kept.duckdb"), ocinb.Catalog(tmp_path / other))


def test_two_in_memory_are_two() -> None:
    one = ocinb.Catalog()
    assert waits(one, one)
    assert not waits(one, ocinb.Catalog(), seconds=SECONDS)


def test_one_that_waits_hears_a_stop(tmp_path: Path) -> None:
    catalog = ocinb.Catalog(tmp_path / "kept.duckdb")

    def work(number: int) -> None:
        if number:
            raise ZeroDivisionError
        with catalog._connections.write():
            pytest.fail("nobody else has left")

    with catalog._connections.write(), pytest.raises(ZeroDivisionError):
        run_all(work, [0, 1], workers=2)


def test_a_catalogue_is_opened_and_asked_while_another_object_writes(tmp_path: Path) -> None:
    path = tmp_path / "kept.duckdb"
    with ocinb.Catalog(path)._connections.write():
        assert len(ocinb.Catalog(path).sql("FROM images")) == 0


def test_what_several_objects_add_stands_once(registry: SampleRegistry, tmp_path: Path) -> None:
    catalogs = [ocinb.Catalog(tmp_path / "kept.duckdb") for _ in range(4)]
    name = registry.reference("demo/hello")
    added = run_all(lambda one: one.add(name)["outcome"].item(), catalogs, workers=4)
    assert sorted(added) == ["added", "present", "present", "present"]
    for table in ("manifests", "configs", "manifest_layers", "layers"):
        assert len(catalogs[0].sql(f"FROM {table}")) == len(catalogs[0].sql(f"SELECT DISTINCT * FROM {table}"))
