"""How a catalogue is named by its path, and how it is copied, and goes to another process."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError

ASKING = "import pickle, sys; print(len(pickle.load(sys.stdin.buffer).sql('FROM failures')))"


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


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_one_in_memory_stays_where_it_is(copied: object) -> None:
    assert callable(copied)
    with (
        ocinb.Catalog() as catalog,
        pytest.raises(InvalidError, match=r"in memory cannot be copied or pickled. Catalog.export keeps it"),
    ):
        copied(catalog)
