"""A real registry that dies, restarts, or is reached over a bad line: what comes is whole, or an error says why not."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import IntegrityError, TransportError
from tests.real import aftermath, badlines
from tests.real.comparing import assert_same, frames_of
from tests.real.dockerregistry import DockerRegistry
from tests.real.formats import digest_of
from tests.real.realimages import RealImages
from tests.real.relays import Change, Relay, cut_after, relaying

pytestmark = [pytest.mark.real, pytest.mark.usefixtures("no_pauses")]

ENOUGH = 300_000


@pytest.fixture
def relay(docker_registry: DockerRegistry, real_images: RealImages) -> Iterator[Relay]:
    assert real_images.index, "the images are there before anybody asks"
    with relaying(docker_registry.host) as line:
        yield line


def pulled(reference: str, place: Path) -> dict[str, bytes]:
    frame = ocinb.pull(reference, destination=place, progress=False)
    return {digest: Path(path).read_bytes() for digest, path in zip(frame["digest"], frame["path"], strict=True)}


def cutting(size: int) -> Change:
    return lambda _, chunks: cut_after(size, chunks)


def test_a_line_that_is_cut_now_and_then_brings_all(relay: Relay, real_images: RealImages, tmp_path: Path) -> None:
    cuts = [1, 2]

    def cut_twice(_: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        passed = 0
        for chunk in chunks:
            yield chunk
            passed += len(chunk)
            if passed >= ENOUGH and cuts:
                cuts.pop()
                return

    relay.change = cut_twice
    blobs = pulled(relay.name(real_images.debian_oci), tmp_path)
    assert {digest: digest_of(raw) for digest, raw in blobs.items()} == {digest: digest for digest in blobs}
    assert not cuts, "it was cut"


def test_a_line_that_is_always_cut_is_an_error_and_the_next_pull_goes_on(
    relay: Relay, real_images: RealImages, tmp_path: Path
) -> None:
    relay.change = cutting(ENOUGH)
    ocinb.settings.retries = 0
    with pytest.raises(TransportError, match=relay.host):
        pulled(relay.name(real_images.debian_oci), tmp_path)
    assert aftermath.only_whole_blobs(tmp_path)
    relay.change = lambda _, chunks: chunks
    frame = ocinb.pull(relay.name(real_images.debian_oci), destination=tmp_path, progress=False)
    assert "resumed" in set(frame["outcome"])
    assert frame["fetched_bytes"].sum() < frame["blob_bytes"].sum()
    assert aftermath.only_whole_blobs(tmp_path)


@pytest.mark.parametrize("after", [0, 10, 100])
def test_a_line_that_is_cut_in_a_document_is_an_error(relay: Relay, real_images: RealImages, after: int) -> None:
    relay.change = lambda _, chunks: cut_after(after, chunks) if after else iter(())
    ocinb.settings.retries = 0
    with pytest.raises(TransportError, match=relay.host):
        ocinb.layers(relay.name(real_images.busybox_oci))
    relay.change = lambda _, chunks: chunks
    assert_same(frames_of(relay.name(real_images.busybox_oci)), frames_of(real_images.busybox_oci))


def test_a_slow_line_brings_all(relay: Relay, real_images: RealImages) -> None:
    def slowly(_: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            for start in range(0, len(chunk), 100):
                time.sleep(0.01)
                yield chunk[start : start + 100]

    relay.change = slowly
    assert_same(frames_of(relay.name(real_images.index)), frames_of(real_images.index))


def test_a_line_that_falls_silent_is_given_up(relay: Relay, real_images: RealImages, tmp_path: Path) -> None:
    def silenced(_: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from cut_after(ENOUGH, chunks)
        yield from (chunk for chunk in chunks if not chunk)  # heard, and not passed on, until somebody hangs up

    relay.change = silenced
    ocinb.settings.retries, ocinb.settings.timeout = 0, 0.5
    with pytest.raises(TransportError, match=relay.host):
        pulled(relay.name(real_images.debian_oci), tmp_path)
    assert aftermath.only_whole_blobs(tmp_path)


def test_bytes_that_change_on_the_way_are_never_kept(relay: Relay, real_images: RealImages, tmp_path: Path) -> None:
    bad = [True]

    def changed(_: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        # The last byte of a long answer is one of a layer.
        for chunk in chunks:
            yield bytes((*chunk[:-1], chunk[-1] ^ 1)) if bad and len(chunk) > 8000 else chunk

    relay.change = changed
    with pytest.raises(IntegrityError, match="sha256"):
        pulled(relay.name(real_images.busybox_oci), tmp_path)
    assert aftermath.only_whole_blobs(tmp_path)
    bad.clear()  # connections are kept, so another `change` would not count for them
    blobs = pulled(relay.name(real_images.busybox_oci), tmp_path)
    assert all(digest_of(raw) == digest for digest, raw in blobs.items())


def test_a_registry_that_dies_in_a_pull_is_named_and_what_came_is_kept(
    mortal: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    def killing(_: int, chunks: Iterator[bytes]) -> Iterator[bytes]:
        yield from cut_after(ENOUGH, chunks)
        mortal.server.kill()

    target = tmp_path / "pulled"
    with relaying(mortal.host) as line:
        reference = line.name(mortal.reference(real_images.debian_oci))
        line.change = killing
        ocinb.settings.retries = 1
        with pytest.raises(TransportError, match=line.host):
            pulled(reference, target)
        assert aftermath.only_whole_blobs(target)
        assert not (target / "index.json").exists() or reference not in (target / "index.json").read_text()
        line.change = lambda _, chunks: chunks
        with badlines.risen(mortal, tmp_path / "risen"):
            frame = ocinb.pull(reference, destination=target, progress=False)
    assert "resumed" in set(frame["outcome"])
    assert frame["fetched_bytes"].sum() < frame["blob_bytes"].sum()
    assert aftermath.only_whole_blobs(target)


def test_a_registry_that_was_restarted_answers_on(
    mortal: DockerRegistry, real_images: RealImages, tmp_path: Path
) -> None:
    # The connections that were kept are all dead then.
    reference = mortal.reference(real_images.busybox_oci)
    assert len(ocinb.tags(reference.rpartition(":")[0]))
    mortal.server.kill()
    with badlines.risen(mortal, tmp_path / "risen"):
        assert_same(frames_of(reference), frames_of(real_images.busybox_oci))


def test_a_registry_that_is_gone_is_said_and_what_is_known_by_digest_is_there(
    mortal: DockerRegistry, real_images: RealImages
) -> None:
    reference = mortal.reference(real_images.busybox_oci)
    layers = ocinb.layers(reference)
    by_digest = f"{reference.rpartition(':')[0]}@{layers['manifest_digest'].iloc[0]}"
    mortal.server.kill()
    ocinb.settings.tag_ttl, ocinb.settings.retries = 0, 0
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        ocinb.layers(reference)
    assert mortal.host in str(caught.value)
    assert ocinb.layers(by_digest)["digest"].tolist() == layers["digest"].tolist()


def test_the_catalogue_tells_which_of_many_failed(
    mortal: DockerRegistry, docker_registry: DockerRegistry, real_images: RealImages
) -> None:
    dead = mortal.reference(real_images.busybox_oci)
    mortal.server.kill()
    ocinb.settings.retries = 0
    with ocinb.Catalog() as catalog:
        added = catalog.add([dead, real_images.busybox_oci, dead.replace("busybox", "debian")])
        assert added["outcome"].tolist() == ["failed", "added", "failed"]
        failures = catalog.sql("SELECT reference, error FROM failures")
    assert set(failures["reference"]) == set(chain.from_iterable(added[["reference"]][::2].to_numpy()))
    assert all(mortal.host in error for error in failures["error"])
    assert docker_registry.host not in "".join(failures["error"])


def test_a_line_that_is_cut_in_the_headers_is_no_answer(relay: Relay, real_images: RealImages) -> None:
    # A library that takes an end of the line for the end of the headers believes half a length, or none.
    ocinb.settings.retries = 0
    reached = False
    for after in range(1, 600, 13):
        ocinb.settings.cache_dir = ocinb.settings.cache_dir / "anew"
        relay.change = cutting(after)
        with pytest.raises(TransportError) as caught:
            ocinb.document(relay.name(real_images.busybox_oci))
        reached = reached or "more were promised" in str(caught.value)
    assert reached, "and behind them it is the body that breaks off"


@pytest.mark.parametrize("seed", range(6))
def test_however_a_line_is_cut_a_pull_ends_well_in_the_end(
    relay: Relay, real_images: RealImages, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    relay.change = lambda _, chunks: cut_after(int(2 ** chance.uniform(0, 21.5)), chunks)
    ocinb.settings.retries = 2
    for _ in range(100):
        try:
            blobs = pulled(relay.name(real_images.busybox_oci), tmp_path)
            break
        except TransportError:
            assert aftermath.only_whole_blobs(tmp_path)
    assert {digest: digest_of(raw) for digest, raw in blobs.items()} == {digest: digest for digest in blobs}
