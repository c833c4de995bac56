"""Before anything is fetched it is known whether there is room for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ocinb._settings import settings
from ocinb.errors import TransportError
from ocinb.progress.protocol import State
from ocinb.samples.tars import noise
from ocinb.spec.documents import Descriptor
from ocinb.storage.partial_downloads import left_here
from ocinb.transfer import Job, Transfer
from tests.transferring import Place, blob_path, describe, open_repository

SetFree = Callable[[int | None], None]
SIZES = 40_000, 50_000, 10_000


@pytest.fixture
def set_free(monkeypatch: pytest.MonkeyPatch) -> SetFree:
    return lambda free: monkeypatch.setattr("ocinb.transfer.free_bytes", lambda _: free)


@pytest.fixture
def blobs(place: Place) -> list[Descriptor]:
    return [place.put(noise(f"blob {size}", size)) for size in SIZES]


def test_nothing_is_fetched_where_there_is_no_room_for_all(
    place: Place, blobs: list[Descriptor], set_free: SetFree
) -> None:
    set_free(sum(SIZES) - 1)
    with pytest.raises(TransportError, match=r"100,000 bytes\) are needed") as caught:
        place.run(*blobs)
    assert "99,999 bytes" in str(caught.value)
    assert str(place.layout.root) in str(caught.value)
    assert place.asked() == []
    assert place.parts == []


def test_each_error_names_the_image_that_it_is_for(place: Place, blobs: list[Descriptor], set_free: SetFree) -> None:
    set_free(0)
    place.layout.prepare()
    source = open_repository(place.registry, store=place.layout)
    jobs = [Job(blob, source, f"image:{blob.size}") for blob in blobs]
    transfer = Transfer(place.layout, settings, place.log, verify="size")
    with pytest.raises(TransportError, match=r"^image:40000: .* are needed"):
        transfer.run(jobs, errors="raise")
    errors = transfer.run(jobs, errors="skip").values()
    assert [getattr(error, "reference", None) for error in errors] == [f"image:{size}" for size in SIZES]


def test_what_fits_comes_if_the_others_may_be_skipped(place: Place, blobs: list[Descriptor], set_free: SetFree) -> None:
    set_free(60_000)
    results = place.run(*blobs, errors="skip")
    assert [isinstance(results[blob.digest], TransportError) for blob in blobs] == [False, True, False]
    assert place.log.states[blobs[1].digest] == [State.FAILED]
    assert len(place.asked()) == 2


def test_what_another_process_left_is_copied_first_and_needs_room_for_that(place: Place, set_free: SetFree) -> None:
    raw = noise("most of it", 50_000)
    blob = place.put(raw)
    settings.retries = 0
    breaking = place.registry.fault(blob_path(blob), cut=40_000, times=None)
    with pytest.raises(TransportError):
        place.run(blob)
    breaking.cancel()
    left_here.clear()  # as if it had been another process
    [part] = place.parts
    left = part.stat().st_size
    assert left > len(raw) - left
    set_free(left - 1)
    with pytest.raises(TransportError, match=rf"{left:,} bytes\) are needed"):
        place.run(blob)
    assert place.parts == [part]
    set_free(left)
    assert place.fetch(blob).outcome == "resumed"


def test_a_lie_about_a_size_is_told_before_it_fills_the_disk(place: Place) -> None:
    liar = describe(b"small", size=10**18)
    with pytest.raises(TransportError, match=r"1\.0 EB"):
        place.run(liar)
    assert place.parts == []
