"""Catalogues whose processes are killed, not alone, or on disks that take no more: whole images, and nothing twice."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.patience import Stopwatch
from tests.real import catalogs, mischief
from tests.real.catalogs import Adding, assert_whole, tables_in
from tests.real.children import Child
from tests.real.places import in_memory, read_only, resize, small_disk

pytestmark = pytest.mark.real

IMAGES = 3


@pytest.fixture(scope="module")
def served() -> Iterator[SampleRegistry]:
    with start_registry() as running:
        yield running


@pytest.fixture(scope="module")
def names(served: SampleRegistry) -> tuple[str, ...]:
    return (*catalogs.put_many(served, IMAGES), served.reference("demo/shop:2.0"))


@dataclass(frozen=True)
class Begun:
    """What a process finds that adds: no catalogue, or an empty one."""

    made: Path | None
    seconds: float  # that it takes then, with nothing in the way

    def put(self, path: Path) -> None:
        """Have it at a path."""
        if self.made:
            shutil.copy2(self.made, path)


@pytest.fixture(scope="module")
def undisturbed(names: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> tuple[Adding, float]:
    """Add all of them once with nothing in the way, and say how long that takes."""
    adding = Adding(tmp_path_factory.mktemp("calm") / "calm.duckdb", names, tmp_path_factory.mktemp("home"))
    Child(partial(catalogs.add, adding)).result()  # what is fetched is in the store from now on
    adding.path.unlink()
    return adding, seconds_of(adding)


@pytest.fixture(scope="module")
def empty(undisturbed: tuple[Adding, float], tmp_path_factory: pytest.TempPathFactory) -> Begun:
    path = tmp_path_factory.mktemp("empty") / "empty.duckdb"
    ocinb.Catalog(path).close()
    adding = replace(undisturbed[0], path=path.with_name("added.duckdb"))
    shutil.copy2(path, adding.path)
    return Begun(path, seconds_of(adding))


@pytest.fixture(scope="module")
def steps(undisturbed: tuple[Adding, float], tmp_path_factory: pytest.TempPathFactory) -> int:
    counting = replace(undisturbed[0], path=tmp_path_factory.mktemp("counted") / "counted.duckdb")
    return int(Child(partial(catalogs.count_steps, counting)).result())


def seconds_of(adding: Adding) -> float:
    with Stopwatch() as watch:
        started = time.monotonic()
        assert Child(partial(catalogs.add, adding)).result() == ["added"] * len(adding.names)
        return watch.between(started, time.monotonic())


def check_completed(adding: Adding, calm: Adding) -> None:
    """See that what a dead process left is whole, and that adding again makes it what it would have been."""
    if adding.path.exists():
        assert_whole(adding.path)
    outcomes = Child(partial(catalogs.add, replace(adding, first=()))).result()
    assert set(outcomes) <= {"added", "present"}
    assert assert_whole(adding.path) == IMAGES + 2
    assert_same(adding.path, calm.path)


def assert_same(path: Path, calm: Path) -> None:
    """Compare all tables but for how often something was seen, and what failed on the way."""
    ours, theirs = tables_in(path), _tables_once(calm)
    assert ours.keys() == theirs.keys()
    for table in ours.keys() - {"observations", "failures"}:
        assert ours[table] == theirs[table], table
    assert set(ours["observations"]) == set(theirs["observations"])


# What nobody disturbed stays as it is, and all are compared with it.
_tables_once = cache(tables_in)


@pytest.mark.parametrize("seed", range(12))
def test_a_death_at_any_moment_leaves_whole_images(
    undisturbed: tuple[Adding, float], empty: Begun, tmp_path: Path, seed: int
) -> None:
    # To make the tables takes longer than to fill them, so most begin with them.
    calm, seconds = undisturbed
    begun, chance = empty if seed % 3 else Begun(None, seconds), random.Random(seed)
    with in_memory(tmp_path) as place:
        adding = replace(calm, path=place / "killed.duckdb", one_by_one=bool(seed % 2))
        begun.put(adding.path)
        child = Child(partial(catalogs.add, adding))
        time.sleep(chance.uniform(0.02, begun.seconds))
        child.kill()
        check_completed(adding, calm)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.7, 0.9])
def test_a_death_at_any_step_leaves_whole_images(
    undisturbed: tuple[Adding, float], steps: int, tmp_path: Path, share: float
) -> None:
    calm, _ = undisturbed
    first = (partial(catalogs.die_at_step, 1 + int(share * steps)),)
    adding = replace(calm, path=tmp_path / "killed.duckdb", first=first)
    assert Child(partial(catalogs.add, adding)).wait() == -signal.SIGKILL
    check_completed(adding, calm)


def test_three_processes_add_to_one_file(undisturbed: tuple[Adding, float], tmp_path: Path) -> None:
    calm, _ = undisturbed
    orders = (calm.names, calm.names[::-1], calm.names[2:] + calm.names[:2])
    every = [replace(calm, path=tmp_path / "shared.duckdb", names=names, one_by_one=True) for names in orders]
    children = [Child(partial(catalogs.add, adding)) for adding in every]
    outcomes = [outcome for child in children for outcome in child.result()]
    assert set(outcomes) == {"added", "present"}
    assert outcomes.count("added") >= len(calm.names), "two of them, if one brought the documents and another the files"
    assert assert_whole(every[0].path) == IMAGES + 2
    assert_same(every[0].path, calm.path)


def check_error(said: object, adding: Adding) -> None:
    assert isinstance(said, tuple), said
    kind, text = said
    assert kind == "TransportError"
    assert str(adding.path) in text


def test_a_full_disk_leaves_whole_images(undisturbed: tuple[Adding, float], tmp_path: Path) -> None:
    calm, _ = undisturbed
    size = calm.path.stat().st_size
    with small_disk(tmp_path / "disk", size * 2 // 3 // 4096 * 4096) as disk:
        adding = replace(calm, path=disk / "full.duckdb")
        check_error(Child(partial(catalogs.add, adding)).result(), adding)
        resize(disk, size * 20)
        check_completed(adding, calm)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.3])
def test_a_limit_on_the_size_of_files_leaves_whole_images(
    undisturbed: tuple[Adding, float], tmp_path: Path, share: float
) -> None:
    # It needs no rights, so this is tried on every machine.
    calm, _ = undisturbed
    first = (partial(mischief.limit_files, int(calm.path.stat().st_size * share)),)
    adding = replace(calm, path=tmp_path / "limited.duckdb", first=first)
    said = Child(partial(catalogs.add, adding)).result()
    if said != ["added"] * len(calm.names):  # what does not fit into the file may stay in the log beside it
        check_error(said, adding)
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []
    check_completed(adding, calm)


def test_a_disk_that_takes_nothing_makes_no_catalogue(undisturbed: tuple[Adding, float], tmp_path: Path) -> None:
    calm, _ = undisturbed
    place = tmp_path / "locked"
    place.mkdir()
    adding = replace(calm, path=place / "never.duckdb")
    with read_only(place):
        check_error(Child(partial(catalogs.add, adding)).result(), adding)
    assert list(place.iterdir()) == []
    with small_disk(place, 4096):
        check_error(Child(partial(catalogs.add, adding)).result(), adding)
        assert list(place.iterdir()) == []


def of_a_newer_version(path: Path) -> None:
    """Leave a catalogue of a newer version, whose process was killed before it had put all of it in one file."""
    child = Child(partial(catalogs.write_and_die, path, "UPDATE ocinb_version SET version = version + 1"))
    assert child.wait() == -signal.SIGKILL
    assert path.with_name(f"{path.name}.wal").exists()


def of_a_newer_duckdb(path: Path) -> None:
    """Leave a file whose format this DuckDB does not know yet: the number stands behind its four letters."""
    raw = bytearray(path.read_bytes())
    assert raw[8:12] == b"DUCK"
    raw[12:20] = (int.from_bytes(raw[12:20], "little") + 1000).to_bytes(8, "little")
    path.write_bytes(raw)


@pytest.mark.parametrize("make", [of_a_newer_version, of_a_newer_duckdb])
def test_a_file_of_a_newer_version_is_left_as_it_is(
    undisturbed: tuple[Adding, float], tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "newer.duckdb"
    shutil.copy2(undisturbed[0].path, path)
    make(path)
    before = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.glob("newer*")}
    with pytest.raises(InvalidError, match="hoose another path") as caught:
        ocinb.Catalog(path)
    assert str(path) in str(caught.value)
    assert {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.glob("newer*")} == before
