"""A disk that takes not one byte more is made empty again by what people do then: they remove and prune."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.tars import noise
from tests.real.places import small_disk

pytestmark = pytest.mark.real

SIZE = 8_000_000


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with start_registry() as running:
        yield running


@pytest.fixture(params=["part", "foreign"])
def full(request: pytest.FixtureRequest, registry: SampleRegistry, tmp_path: Path) -> Iterator[Path]:
    """Give a store with an image on a disk that is full of a download that broke off, or of somebody else's things."""
    with small_disk(tmp_path / "disk", SIZE) as disk:
        settings.store_dir, settings.cache_dir = disk / "store", disk / "cache"
        ocinb.pull([registry.reference("demo/hello"), registry.reference("demo/shop:1.0")], progress=False)
        fill(disk / "store" / ".ocinb" / "parts" / PART if request.param == "part" else disk / "theirs")
        yield disk


PART = f"sha256-{'0' * 64}.{'elsewhere'}.1.{'0' * 32}.part"


def fill(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("wb", buffering=0) as file, suppress(OSError):  # no space left
        while True:
            file.write(noise("all that is left", 4096))
    os.utime(path, (0, 0))  # its owner is long gone
    assert os.statvfs(path).f_bavail == 0


def test_pruning_removes_first_what_needs_no_room_for_that(full: Path) -> None:
    left = (full / "store" / ".ocinb" / "parts" / PART).exists()
    if left:
        ocinb.store.prune(keep_bytes=0)
    else:
        with pytest.raises(TransportError, match="disk is full") as caught:
            ocinb.store.prune(keep_bytes=0)
        assert str(caught.value.hint).startswith("Free some space")
    entries = ocinb.store.usage().set_index("kind")["entries"]
    assert (entries["parts"], entries["responses"] == 0) == (0, left)
    assert len(ocinb.store.images()) == 2
    assert len(ocinb.store.verify(progress=False)) == 0


def test_an_image_is_removed_at_the_cost_of_the_end_of_a_download_that_broke_off(
    full: Path, registry: SampleRegistry
) -> None:
    part = full / "store" / ".ocinb" / "parts" / PART
    if not part.exists():
        with pytest.raises(TransportError, match="No space left") as caught:
            ocinb.store.remove(registry.reference("demo/shop:1.0"))
        assert str(caught.value.hint).startswith("Free some space")
        assert len(ocinb.store.images()) == 2
        assert len(ocinb.store.verify(progress=False)) == 0
        return
    before = part.read_bytes()
    removed = ocinb.store.remove(registry.reference("demo/shop:1.0"))
    assert removed["freed_bytes"].sum() > 0
    assert len(ocinb.store.images()) == 1
    assert len(ocinb.store.verify(progress=False)) == 0
    after = part.read_bytes()
    assert before.startswith(after)
    assert len(after) > len(before) / 2, "what is left of it is of use"
