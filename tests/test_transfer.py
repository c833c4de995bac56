"""What is transferred is right, or it is not there: whatever the registry does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocinb import pull
from ocinb._settings import settings
from ocinb.errors import AuthError, IntegrityError, NotFoundError, OcinbError, RateLimitError, TransportError
from ocinb.progress.protocol import State
from ocinb.samples.tars import noise
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.storage.blobs import CHUNK
from ocinb.storage.partial_downloads import left_here
from ocinb.transfer import Job, Transfer, Transferred
from tests.transferring import BLOB, Log, Place, blob_path, describe, open_repository


@pytest.mark.parametrize(
    ("status", "error", "requests"),
    [
        (401, AuthError, 1),
        (403, AuthError, 1),
        (404, NotFoundError, 1),
        (429, RateLimitError, 3),
        (500, TransportError, 3),
        (503, TransportError, 3),
        (302, TransportError, 1),
    ],
)
def test_an_error_body_never_lands_in_the_layer_file(
    place: Place, status: int, error: type[OcinbError], requests: int
) -> None:
    blob = place.put()
    settings.retries = 2
    fault = place.registry.fault(blob_path(blob), status=status, times=None)
    with pytest.raises(error) as caught:
        place.run(blob)
    assert fault.hits == requests
    assert str(blob.digest) in str(caught.value)
    assert place.stands(blob) is None
    assert sum(part.stat().st_size for part in place.parts) == 0
    assert place.log.states[blob.digest][-1] is State.FAILED
    fault.cancel()
    assert place.fetch(blob).path.read_bytes() == BLOB


def test_what_fails_now_and_then_is_asked_for_again(place: Place) -> None:
    blob = place.put()
    place.registry.fault(blob_path(blob), status=503, times=2)
    place.registry.fault(blob_path(blob), drop=True)
    assert place.fetch(blob).path.read_bytes() == BLOB
    assert len(place.asked()) == 4


def test_corrupt_bytes_are_thrown_away_and_fetched_once_more_from_zero(place: Place) -> None:
    blob = place.put()
    place.registry.fault(blob_path(blob), corrupt=1000)
    result = place.fetch(blob)
    assert (result.outcome, result.fetched_bytes, result.path.read_bytes()) == ("downloaded", 2 * len(BLOB), BLOB)
    assert place.asked() == [None, None]
    assert place.log.received[blob.digest] == len(BLOB)


def test_bytes_that_stay_corrupt_are_an_error_with_both_digests_and_no_file(place: Place) -> None:
    blob = place.put()
    place.registry.fault(blob_path(blob), body=b"x" * len(BLOB), times=None)
    with pytest.raises(IntegrityError) as caught:
        place.run(blob)
    assert blob.digest in str(caught.value)
    assert Digest.of(b"x" * len(BLOB)) in str(caught.value)
    assert place.asked() == [None, None]
    assert (place.stands(blob), place.parts) == (None, [])
    assert place.log.received[blob.digest] == 0


@pytest.mark.parametrize("said", [len(BLOB) - 1, 0, 100])
@pytest.mark.parametrize("length", [{}, {"Content-Length": None}])
def test_a_blob_that_is_longer_than_said_is_never_kept(place: Place, said: int, length: dict[str, str | None]) -> None:
    place.put()
    blob = describe(BLOB, size=said)
    place.registry.fault(blob_path(blob), headers={"X-Odd": "1", **length}, times=None)
    with pytest.raises(IntegrityError, match=r"bytes long|have the digest"):
        place.run(blob)
    assert (place.stands(blob), place.parts) == (None, [])
    assert place.log.received[blob.digest] == 0


@pytest.mark.parametrize("length", [{}, {"Content-Length": None}])
def test_a_blob_that_is_shorter_than_said_is_told_at_once_and_never_kept(
    place: Place, length: dict[str, str | None]
) -> None:
    place.put()
    blob = describe(BLOB, size=len(BLOB) + 5)
    place.registry.fault(blob_path(blob), headers={"X-Odd": "1", **length}, times=None)
    with pytest.raises(IntegrityError, match=r"has to be 300,005 bytes long,.* 300,000"):
        place.run(blob)
    assert place.stands(blob) is None
    assert place.asked() == [None], "what is whole was fetched again"


@pytest.mark.parametrize("said", [len(BLOB) - 5, len(BLOB) + 5])
@pytest.mark.parametrize("verify", ["size", "full"])
def test_a_wrong_size_of_what_is_there_costs_no_request(place: Place, said: int, verify: str) -> None:
    right = place.put()
    place.fetch(right)
    with pytest.raises(IntegrityError, match=f"has to be {said:,} bytes long, but has 300,000"):
        place.run(describe(BLOB, size=said), verify=verify)
    assert place.asked() == [None]
    assert place.stands(right) == BLOB


@pytest.mark.parametrize("lie", [7, len(BLOB) - 1, len(BLOB) + 1])
@pytest.mark.parametrize("length", [{}, {"Content-Length": None}])
@pytest.mark.parametrize("lie_first", [True, False])
def test_of_two_sizes_for_one_digest_the_right_one_wins(
    place: Place, lie: int, length: dict[str, str | None], *, lie_first: bool
) -> None:
    settings.concurrency = 1
    right, wrong = place.put(), describe(BLOB, size=lie)
    place.registry.fault(blob_path(right), headers={"X-Odd": "1", **length}, times=None)
    results = place.run(*((wrong, right) if lie_first else (right, wrong)), errors="skip")
    assert [type(result) for result in results.values()] == [Transferred]
    assert place.stands(right) == BLOB
    with pytest.raises(IntegrityError):
        place.run(wrong, right)
    assert place.stands(right) == BLOB, "a manifest that says a wrong size took a right blob away"
    assert place.parts == []


@pytest.mark.parametrize(("verify", "outcome"), [("size", "downloaded"), ("full", "downloaded")])
def test_a_corrupt_file_of_the_full_size_does_not_pass_as_there(place: Place, verify: str, outcome: str) -> None:
    blob = place.put()
    path = place.fetch(blob).path
    path.write_bytes(b"x" * len(BLOB))
    assert place.fetch(blob, verify=verify).outcome == outcome
    assert path.read_bytes() == BLOB


def test_who_verifies_what_is_there_says_so_and_how_far_he_is(place: Place) -> None:
    raw = noise("of several pieces", 2 * CHUNK + 5)
    blob = place.put(raw)
    place.fetch(blob)
    told: list[tuple[str, int]] = []

    class Pieces(Log):
        def advance(self, key: str, amount: int) -> None:
            told.append((key, amount))

    place.log = Pieces()
    assert place.fetch(blob, verify="full").outcome == "present"
    assert place.log.states[blob.digest] == [State.VERIFYING, State.PRESENT]
    assert told == [(blob.digest, CHUNK), (blob.digest, CHUNK), (blob.digest, 5)]


@pytest.mark.parametrize("verify", ["size", "full"])
def test_what_was_hashed_and_is_wrong_is_not_counted_twice(place: Place, verify: str) -> None:
    blob = place.put()
    path = place.fetch(blob).path
    path.write_bytes(b"x" * len(BLOB))
    place.log = Log()
    place.fetch(blob, verify=verify)
    assert place.log.states[blob.digest] == [State.VERIFYING, State.DOWNLOADING, State.VERIFYING, State.DONE]
    assert place.log.received[blob.digest] == len(BLOB)


def test_file_names_have_no_colon(place: Place) -> None:
    place.registry.fault("*/blobs/*", cut=1000)
    settings.retries = 0
    whole, broken = place.put(b"whole"), place.put()
    place.fetch(whole)
    with pytest.raises(TransportError):
        place.run(broken)
    names = [path.name for path in place.layout.root.rglob("*")]
    assert whole.digest.hex in names
    assert any(broken.digest.hex in name for name in names)
    assert not [name for name in names if ":" in name]


def test_two_pulls_of_one_digest_share_one_transfer(place: Place) -> None:
    blob = place.put()
    place.registry.fault(blob_path(blob), delay=0.2)
    outcomes: list[str] = []
    threads = [threading.Thread(target=lambda: outcomes.append(place.fetch(blob).outcome)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["downloaded", "present", "present", "present"]
    assert place.asked() == [None]


def test_results_come_in_the_order_of_the_jobs_and_errors_in_their_place(place: Place) -> None:
    blobs = [place.put(noise(f"blob {number}", 1000)) for number in range(6)]
    place.registry.fault(blob_path(blobs[2]), status=403, times=None)
    results = place.run(*blobs, errors="skip")
    assert list(results) == [blob.digest for blob in blobs]
    assert [type(result) for result in results.values()] == [
        Transferred,
        Transferred,
        AuthError,
        Transferred,
        Transferred,
        Transferred,
    ]
    assert place.names == []


def test_a_partly_pulled_image_has_no_name_and_the_next_pull_makes_it_whole(place: Place) -> None:
    reference, folder = place.registry.reference("demo/shop:2.0"), place.layout.root
    settings.concurrency, settings.retries = 1, 0
    fault = place.registry.fault("*/blobs/*", headers={"Content-Type": "layer"}, cut=20_000, times=None)
    with pytest.raises(TransportError):
        pull(reference, platform="linux/amd64", destination=folder, progress=False)
    assert place.names == []
    fault.cancel()
    frame = pull(reference, platform="linux/amd64", destination=folder, progress=False)
    assert "resumed" in set(frame["outcome"])
    assert place.names == [reference]
    again = pull(reference, platform="linux/amd64", destination=folder, progress=False)
    assert set(again["outcome"]) == {"present"}
    assert place.names == [reference]


def test_a_stop_of_the_others_is_not_what_the_caller_hears(place: Place) -> None:
    slow, bad = place.put(noise("slow", 500_000)), place.put(noise("bad", 5000))
    place.registry._bandwidth = 1000
    place.registry.fault(blob_path(bad), status=403, delay=0.2)
    with pytest.raises(AuthError):
        place.run(slow, bad)
    assert place.stands(slow) is None
    assert sum(part.stat().st_size for part in place.parts) < 500_000


@pytest.mark.parametrize("broken", ["layout", ".ocinb/parts", "blobs/sha256"])
def test_a_folder_that_cannot_be_written_is_an_error_that_says_what_to_do(place: Place, broken: str) -> None:
    blob = place.put()
    place.layout.prepare()
    path = place.layout.root if broken == "layout" else place.layout.root / broken
    _replace_by_file(path)
    with pytest.raises(TransportError, match=r"[.] Choose another folder by .*store_dir$") as caught:
        place.run(blob)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_full_disk_is_a_transport_error_and_the_part_stays(place: Place) -> None:
    resource: Any = pytest.importorskip("resource")
    blob = place.put()
    place.layout.prepare()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(TransportError, match="Free some space") as caught:
            place.run(blob)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(place.layout.root) in str(caught.value)
    assert place.stands(blob) is None
    assert [part.stat().st_size for part in place.parts] == [100_000]
    assert place.fetch(blob).outcome == "resumed"
    assert place.stands(blob) == BLOB


def _replace_by_file(path: Path) -> None:
    if path.is_dir():
        path.rename(path.with_name("moved"))
    path.write_bytes(b"")


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
