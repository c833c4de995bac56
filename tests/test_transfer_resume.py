"""What broke off goes on where it broke off, and what comes instead of the rest never spoils what is there."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, RateLimitError, TransportError
from ocinb.network.status_errors import RangeError
from ocinb.progress.protocol import State
from ocinb.samples import registry as start_registry
from ocinb.samples.tars import noise
from ocinb.spec.digest import Digest
from ocinb.storage.blobs import CHUNK, Blobs
from ocinb.storage.layout import Layout
from ocinb.storage.partial_downloads import HOST
from tests.transferring import BLOB, Place, blob_path

CUT = 100_000


KEPT = "What came is kept; the next pull goes on from there"


def break_off(place: Place, *, cut: int = CUT) -> None:
    """Leave a part, as a call that failed does."""
    blob = place.put()
    place.registry.fault(blob_path(blob), cut=cut)
    settings.retries = 0
    with pytest.raises(TransportError, match=r"broke|ended after"):
        place.run(blob)
    settings.retries = 3
    assert [part.stat().st_size for part in place.parts] == [cut]
    assert place.stands(blob) is None
    assert place.log.received[blob.digest] == cut
    place.log.received.clear()


def test_the_next_call_resumes(place: Place) -> None:
    break_off(place)
    result = place.fetch(place.put())
    assert (result.outcome, result.fetched_bytes) == ("resumed", len(BLOB) - CUT)
    assert place.asked() == [None, f"bytes={CUT}-"]
    assert place.stands(place.put()) == BLOB
    assert place.parts == []


def test_what_was_told_is_on_the_disk_already(place: Place) -> None:
    place.registry._bandwidth = 1_000_000
    blob = place.put(BLOB[:30_000])
    sizes: list[tuple[int, int]] = []
    count = place.log.advance

    def advance(key: str, amount: int) -> None:
        count(key, amount)
        sizes.append((place.log.received[key], place.parts[0].stat().st_size))

    place.log.advance = advance  # type: ignore[method-assign]
    place.registry.fault(blob_path(blob), cut=1001)
    place.fetch(blob)
    assert sizes[0] == (1001, 1001)
    assert all(told == there for told, there in sizes)


def test_a_line_that_brings_something_each_time_may_break_as_often_as_it_likes(place: Place) -> None:
    raw = noise("a long blob", 4 * CHUNK)
    blob = place.put(raw)
    settings.retries = 1
    place.registry.fault(blob_path(blob), cut=CHUNK, times=None)
    assert place.fetch(blob).fetched_bytes == len(raw)
    assert place.asked() == [None, *(f"bytes={times * CHUNK}-" for times in (1, 2, 3))]


def test_what_comes_again_and_again_from_the_beginning_is_no_gain(place: Place) -> None:
    blob = place.put(noise("a long blob", 4 * CHUNK))
    settings.retries = 1
    place.registry.fault(blob_path(blob), cut=2 * CHUNK)
    place.registry.fault(blob_path(blob), cut=2 * CHUNK, ignore_range=True, times=None)
    with pytest.raises(TransportError):
        place.run(blob)
    assert len(place.asked()) == 2


@pytest.mark.parametrize(
    ("effects", "fetched"),
    [
        ([{"ignore_range": True}], len(BLOB)),
        ([{"ignore_range": True, "cut": 7}], len(BLOB)),
        ([{"ignore_range": True, "cut": CUT + 7}], len(BLOB)),
        ([{"ignore_range": True, "cut": 7}, {"ignore_range": True, "cut": 5}], len(BLOB) + 7),
        ([{"wrong_range": True}], len(BLOB)),
        ([{"wrong_range": True}, {"cut": 7}], len(BLOB)),
        ([{"status": 416}], len(BLOB)),
        ([{"headers": {"Content-Range": None}}], len(BLOB)),
        ([{"headers": {"Content-Range": "bytes 0-0/1"}}], len(BLOB)),
        ([{"status": 200, "headers": {"Content-Range": None}, "body": BLOB}], len(BLOB)),
        ([{"corrupt": 3}], 2 * len(BLOB) - CUT),
        ([{"status": 500}, {"drop": True}], len(BLOB) - CUT),
    ],
)
@pytest.mark.parametrize("retries", [0, 3])
def test_what_comes_instead_of_the_rest_is_never_appended(
    place: Place, effects: list[dict[str, Any]], fetched: int, retries: int
) -> None:
    break_off(place)
    blob = place.put()
    for effect in effects:
        place.registry.fault(blob_path(blob), **effect)
    settings.retries = retries
    try:
        result = place.fetch(blob)
    except TransportError:
        assert not retries
        assert place.stands(blob) is None
        settings.retries = 3
        place.fetch(blob)
    else:
        assert result.fetched_bytes == fetched
        assert place.log.received[blob.digest] == len(BLOB)
    assert place.stands(blob) == BLOB
    assert place.parts == []


def test_a_registry_without_ranges_is_asked_for_the_whole(place: Place) -> None:
    break_off(place)
    blob = place.put()
    place.registry.fault(blob_path(blob), ignore_range=True, times=None)
    result = place.fetch(blob)
    assert (result.outcome, result.fetched_bytes, place.stands(blob)) == ("downloaded", len(BLOB), BLOB)


def test_a_registry_that_gives_another_part_for_ever_is_told_of_as_such(place: Place) -> None:
    blob = place.put()
    settings.retries = 1
    headers = {"Content-Range": f"bytes 5-9/{len(BLOB)}"}
    place.registry.fault(blob_path(blob), status=206, headers=headers, times=None)
    with pytest.raises(RangeError, match="bytes from 0 of 300,000 were asked for"):
        place.run(blob)


@pytest.mark.parametrize("content", [b"x" * len(BLOB), b"x" * CUT, BLOB + b"x", BLOB])
def test_a_part_is_proved_like_all_else(place: Place, content: bytes) -> None:
    break_off(place)
    place.parts[0].write_bytes(content)
    blob = place.put()
    result = place.fetch(blob)
    assert place.stands(blob) == BLOB
    assert place.log.received[blob.digest] == len(BLOB)
    if content == BLOB:
        assert (result.outcome, result.fetched_bytes) == ("resumed", 0)


def test_two_parts_of_one_blob_and_the_longer_one_is_resumed(place: Place) -> None:
    break_off(place)
    blob = place.put()
    shorter = place.parts[0]
    longer = shorter.with_name(f"{shorter.name.split('.')[0]}.elsewhere.1.{'0123456789abcdef' * 2}.part")
    longer.write_bytes(BLOB[: 2 * CUT])
    place.fetch(blob)
    assert place.asked()[-1] == f"bytes={CUT}-", "the part of a machine that may be alive was taken"


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Place]:
    with start_registry(credentials=("ada", "pw")) as running:
        settings.credentials[running.host] = ("ada", "pw")
        yield Place(running, Layout(tmp_path / "layout"))


def test_a_token_that_ends_between_is_renewed_and_the_download_goes_on(guarded: Place) -> None:
    break_off(guarded)
    guarded.registry.revoke_tokens()
    result = guarded.fetch(guarded.put())
    assert (result.outcome, result.fetched_bytes) == ("resumed", len(BLOB) - CUT)
    tokens = [request for request in guarded.registry.requests if request.path.startswith("/token")]
    assert len(tokens) == 2


def test_a_corrupt_part_and_a_corrupt_registry(place: Place) -> None:
    break_off(place)
    blob = place.put()
    place.registry.fault(blob_path(blob), corrupt=0, times=None)
    with pytest.raises(IntegrityError):
        place.run(blob)
    assert (place.stands(blob), place.parts) == (None, [])
    assert place.log.received[blob.digest] == 0


def put_part(place: Place, content: bytes, *, token: int = 0) -> Path:
    """Leave a part as a process does that was killed."""
    digest = place.put().digest
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    path = place.layout.root / ".ocinb" / "parts" / f"sha256-{digest.hex}.{HOST}.{process.pid}.{token:032x}.part"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_whoever_seemed_dead_and_writes_on_changes_nothing_that_others_read(place: Place) -> None:
    blob, written = place.put(), b"from beyond"
    with put_part(place, BLOB[:CUT]).open("ab", buffering=0) as theirs:
        count = place.log.advance

        def advance(key: str, amount: int) -> None:
            theirs.write(written)
            count(key, amount)

        place.log.advance = advance  # type: ignore[method-assign]
        result = place.fetch(blob)
        assert (result.outcome, result.fetched_bytes) == ("resumed", len(BLOB) - CUT)
        theirs.write(written)
    assert place.stands(blob) == BLOB
    assert place.parts == []


def move_away(part: Path) -> None:
    part.rename(part.with_name("theirs"))


def put_another_in_its_place(part: Path) -> None:
    part.unlink()
    part.write_bytes(b"x" * len(BLOB))


def append(part: Path) -> None:
    with part.open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize("disturb", [move_away, put_another_in_its_place, append])
@pytest.mark.parametrize("often", [False, True])
def test_a_part_that_others_touched_gets_no_name(place: Place, disturb: Callable[[Path], None], *, often: bool) -> None:
    blob, tell_on, times = place.put(), place.log.state, 0

    def tell(key: str, state: State) -> None:
        nonlocal times
        if state is State.VERIFYING and (often or not times):
            [part] = [path for path in place.parts if path.name != "theirs"]
            disturb(part)
            times += 1
        tell_on(key, state)

    place.log.state = tell  # type: ignore[method-assign]
    if often:
        with pytest.raises(TransportError, match="another process took over the download"):
            place.run(blob)
        assert (place.stands(blob), times) == (None, 2)
    else:
        assert place.fetch(blob).outcome == "downloaded"
        assert place.stands(blob) == BLOB
        assert place.log.received[blob.digest] == len(BLOB)
    assert place.asked() == [None, None]


def test_a_part_that_is_taken_over_in_the_last_moment_is_fetched_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob, adopt = place.put(), Blobs.adopt

    def adopt_too_late(self: Blobs, file: Path, digest: Digest) -> Path:
        monkeypatch.undo()
        move_away(file)
        return adopt(self, file, digest)

    monkeypatch.setattr(Blobs, "adopt", adopt_too_late)
    assert place.fetch(blob).outcome == "downloaded"
    assert place.stands(blob) == BLOB
    assert place.log.received[blob.digest] == len(BLOB)


def test_nothing_vouches_for_bytes_that_the_disk_did_not_take(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Linux shows them until they are dropped from memory, and says of the next sync that all is well."""
    blob = place.put()
    place.layout.prepare()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "Input/output error")))
    with pytest.raises(TransportError, match="Input/output error"):
        place.run(blob)
    monkeypatch.undo()
    assert place.stands(blob) is None
    assert place.parts == []
    assert place.fetch(blob).outcome == "downloaded"
    assert place.asked() == [None, None]


def test_all_that_the_dead_left_of_a_blob_goes_when_it_is_whole(place: Place) -> None:
    for token, count in enumerate((10, CUT, 20, len(BLOB) + 1)):
        put_part(place, (BLOB + b"x")[:count], token=token)
    other = put_part(place, b"x").rename(place.layout.root / ".ocinb" / "parts" / f"sha256-{'0' * 64}.part")
    result = place.fetch(place.put())
    assert (result.outcome, result.fetched_bytes) == ("resumed", len(BLOB) - CUT)
    assert place.parts == [other]


def test_of_a_registry_that_goes_away_in_the_middle_nobody_asks_whether_its_name_is_right(place: Place) -> None:
    blob = place.put()
    settings.retries = 1
    place.registry.fault(blob_path(blob), cut=CUT)
    place.registry.fault(blob_path(blob), drop=True, times=None)
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        place.run(blob)
    assert caught.value.hint == KEPT
    assert [part.stat().st_size for part in place.parts] == [CUT]


def test_what_came_is_kept_also_if_it_was_another_blob(place: Place) -> None:
    first, second = place.put(), place.put(noise("the next one", 1000))
    settings.retries, settings.concurrency = 0, 1
    place.registry.fault(blob_path(second), drop=True, times=None)
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        place.run(first, second)
    assert caught.value.hint == f"Can this machine still reach it? {KEPT}"
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        place.run(second)
    assert caught.value.hint == "Is the name right, and can this machine reach it?", "nothing came"


def test_what_a_registry_says_to_do_is_said_before_what_is_kept(place: Place) -> None:
    blob = place.put()
    settings.retries = 0
    place.registry.fault(blob_path(blob), cut=CUT)
    place.registry.fault(blob_path(blob), status=429, headers={"Retry-After": "3000"}, times=None)
    with pytest.raises(TransportError):
        place.run(blob)
    with pytest.raises(RateLimitError) as caught:
        place.run(blob)
    assert str(caught.value.hint).endswith(f". {KEPT}")
    assert str(caught.value.hint) != f"None. {KEPT}"
