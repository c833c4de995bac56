"""Reading layers in processes that are killed, stopped, not alone, or on disks that take no more."""

from __future__ import annotations

import os
import random
import re
import resource
import shutil
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from ocinb.layer_index import Layer
from ocinb.storage.layout import Layout
from ocinb.storage.usage import list_items
from tests.real import indexed, mischief
from tests.real.children import Child
from tests.real.places import in_memory, read_only, small_disk
from tests.real.processes import promised

pytestmark = pytest.mark.real

OWN_NAME = re.compile(r"\d+-[0-9a-f]{16}")


def leftovers(root: Path) -> list[str]:
    return [path.name for path in (root / ".ocinb" / "new").glob("*")]


def die_when_a_file_grows(size: int) -> None:
    """Die as soon as a file is to grow beyond a size, wherever that is, as in the middle of what DuckDB writes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def check_after_death(root: Path, layers: list[Layer]) -> None:
    """See that no table is there but whole ones, that what is left is cleaned up, and that it goes on."""
    indexed.believed(root, layers)
    assert all(OWN_NAME.fullmatch(name) for name in leftovers(root))
    counted = [item for item in list_items(Layout(root), None) if isinstance(item.name, Path)]
    assert {item.kind for item in counted} <= {"index", "parts"}
    assert len(indexed.read(root, layers)) == len(layers)
    assert len(indexed.believed(root, layers)) == len(layers)
    for left in (root / ".ocinb" / "new").glob("*"):
        os.utime(left, (1, 1))
    Layout(root).prepare()
    assert leftovers(root) == []


def test_a_death_before_any_step_leaves_no_half_table(tmp_path: Path) -> None:
    with in_memory(tmp_path) as place:
        step, code = 0, -signal.SIGKILL
        while code:
            step += 1
            root = place / f"store{step}"
            layers = indexed.put_layers(root, count=1, files=120)
            child = Child(partial(indexed.read_in_child, root, layers, partial(mischief.die_at_step, step)))
            code = child.wait()
            assert code in {0, -signal.SIGKILL}
            check_after_death(root, layers)
            shutil.rmtree(root)
    assert step > 10, "it has as many steps"


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.9, 0.999])
def test_a_death_in_the_middle_of_a_file_leaves_no_half_table(tmp_path: Path, share: float) -> None:
    root = tmp_path / "store"
    layers = indexed.put_layers(root, count=2, files=120)
    Child(partial(indexed.read_in_child, root, layers)).result()
    tables = list((root / "index").rglob("*.parquet"))
    size = int(min(table.stat().st_size for table in tables) * share)
    for table in tables:
        table.unlink()
    code = Child(partial(indexed.read_in_child, root, layers, partial(die_when_a_file_grows, size))).wait()
    assert code == -signal.SIGXFSZ
    assert leftovers(root)
    check_after_death(root, layers)


def test_deaths_at_any_moment_leave_no_half_table(tmp_path: Path) -> None:
    drawn = random.Random(5)
    with in_memory(tmp_path) as place:
        layers = indexed.put_layers(place / "store", count=3, files=2000)
        for _ in range(10):
            child = Child(partial(indexed.read_in_child, place / "store", layers))
            time.sleep(drawn.uniform(0.2, 0.8))
            child.kill()
            indexed.believed(place / "store", layers)
        check_after_death(place / "store", layers)


def test_several_processes_read_the_same_layers(tmp_path: Path) -> None:
    layers = indexed.put_layers(tmp_path, count=3, files=500)
    children = [Child(partial(indexed.read_in_child, tmp_path, layers)) for _ in range(3)]
    assert [child.result() for child in children] == [(3, None)] * 3
    assert len(indexed.believed(tmp_path, layers)) == 3
    assert leftovers(tmp_path) == []


def test_ctrl_c_is_heard_within_two_seconds_and_leaves_nothing_half(tmp_path: Path) -> None:
    layers = indexed.put_layers(tmp_path, count=3, files=3000)
    took = Child(partial(indexed.read_and_be_stopped, tmp_path, layers)).result()
    assert 0 <= took < promised(2), "the promise"
    indexed.believed(tmp_path, layers)
    assert leftovers(tmp_path) == []


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    layers = indexed.put_layers(home, count=1, files=5000)
    size = layers[0].descriptor.size + 300_000
    with small_disk(tmp_path / "disk", size) as disk:
        root = disk / "store"
        shutil.copytree(home, root)
        came, error = Child(partial(indexed.read_in_child, root, layers)).result()
        assert came == 0
        assert str(error).startswith("TransportError: layer 0: ")
        assert "the disk is full. Free some space" in str(error)
        assert leftovers(root) == []
        assert indexed.believed(root, layers) == []


def test_a_store_that_is_only_lent_is_read_and_keeps_nothing(tmp_path: Path) -> None:
    root = tmp_path / "store"
    layers = indexed.put_layers(root, count=2, files=200)
    indexed.read(root, layers[:1])
    with read_only(root):
        assert Child(partial(indexed.read_in_child, root, layers)).result() == (2, None)
    assert len(indexed.believed(root, layers)) == 1
