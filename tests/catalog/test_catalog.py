"""How a catalogue is named by its path, and how it is copied, and goes to another process."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError

ASKING = "import pickle, sys; print(len(pickle.load(sys.stdin.buffer).sql('FROM failures')))"


def test_a_folder_that_was_listed_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    [entry] = [one for one in os.scandir(tmp_path) if one.name == "here"]
    ocinb.Catalog().export(entry)
    assert len(ocinb.Catalog.from_parquet(entry).sql("FROM images")) == 0


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_is_on_the_same_file(tmp_path: Path, copied: object) -> None:
    assert callable(copied)
    catalog = ocinb.Catalog(tmp_path / "kept.duckdb")
    other = copied(catalog)
    other.sql("INSERT INTO failures (reference) VALUES ('mine')")
    assert other is not catalog
    assert len(catalog.sql("FROM failures")) == 1
    (tmp_path / "kept.duckdb").unlink()
    with pytest.raises(NotFoundError, match=r"kept.duckdb is gone"):
        copied(catalog)
    assert list(tmp_path.glob("*.duckdb*")) == []


def test_it_goes_to_another_process(tmp_path: Path) -> None:
    catalog = ocinb.Catalog(tmp_path / "kept.duckdb")
    catalog.sql("INSERT INTO failures (reference) VALUES ('mine')")
    done = subprocess.run([sys.executable, "-c", ASKING], input=pickle.dumps(catalog), capture_output=True, check=True)
    assert done.stdout == b"1\n"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_one_in_memory_stays_where_it_is(copied: object) -> None:
    assert callable(copied)
    with (
        ocinb.Catalog() as catalog,
        pytest.raises(InvalidError, match=r"in memory cannot be copied or pickled. Catalog.export keeps it"),
    ):
        copied(catalog)
