"""Whatever a layer holds: the right rows or the right error, out of a process that has little memory, disk and time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocinb import errors
from ocinb.spec.digest import Digest
from tests.hostile import layerrows
from tests.hostile.layerrows import Ended, LayerRow
from tests.hostile.layertables import ROWS


def test_there_are_many_rows_and_no_two_of_one_name() -> None:
    assert len(ROWS) >= 100
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_hostile_layer(row: LayerRow, tmp_path: Path) -> None:
    home = tmp_path / "home"
    for folder in ("work", "store", "cache"):
        (home / folder).mkdir(parents=True)
    child = layerrows.start(row, home)
    before = _elsewhere(home)
    ended: dict[str, Ended] = child.result()
    for function, one in ended.items():
        if function != "skipped":
            _assert_ended_rightly(row, function, one)
    assert ended["skipped"].error is None
    assert (ended["skipped"].rows == 1) == (row.error is not None), "the other image is told of"
    assert _elsewhere(home) == before
    _assert_only_what_is_right_was_kept(home / "store")


def _assert_ended_rightly(row: LayerRow, function: str, ended: Ended) -> None:
    told = f"{function}: {ended.error}: {ended.text[:500]}"
    if row.error is None:
        assert ended.error is None, told
        return
    assert ended.error is not None, f"{function} gave {ended.rows} rows"
    kind = getattr(errors, ended.error, None)
    assert kind is row.error, told
    assert row.words in ended.text, told
    assert ended.text.isprintable()
    assert len(ended.text) < 2000, "nobody's terminal is filled by a name"


def _elsewhere(home: Path) -> dict[str, int]:
    """Give what stands anywhere but in the store and the cache, with sizes."""
    return {
        os.fsdecode(path): path.lstat().st_size
        for path in home.parent.rglob("*")
        if not path.is_relative_to(home / "store") and not path.is_relative_to(home / "cache")
    }


def _assert_only_what_is_right_was_kept(store: Path) -> None:
    for path in (store / "blobs").rglob("*"):
        if path.is_file():
            assert Digest.of(path.read_bytes(), path.parent.name) == f"{path.parent.name}:{path.name}"
    names = {path.relative_to(store).parts[0] for path in store.rglob("*")}
    assert names <= {".ocinb", "blobs", "index", "index.json", "oci-layout"}
