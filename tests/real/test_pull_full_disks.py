"""A disk that takes no more: before, in the middle, by a quota; what came is kept, and said is what to do."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.real import aftermath, children, mischief
from tests.real.children import Pull, Pulled
from tests.real.dockerregistry import DockerRegistry
from tests.real.places import resize, small_disk
from tests.real.realimages import RealImages
from tests.real.relays import Relay
from tests.real.sluices import Sluice, sluice

pytestmark = pytest.mark.real

SMALL = 1_500_000  # the image has two layers of more than a megabyte
LARGE = 16_000_000


@pytest.fixture
def opened(docker_registry: DockerRegistry) -> Iterator[tuple[Relay, Sluice]]:
    with sluice(docker_registry.host) as both:
        yield both


def check_error(pulled: Pulled, layout: Path) -> None:
    assert pulled.kind == "TransportError"
    assert str(layout) in str(pulled.error)
    assert str(pulled.hint).startswith("Free some space")
    assert "destination=" in str(pulled.hint)
    check_layout(layout)


def check_layout(layout: Path) -> None:
    assert aftermath.only_whole_blobs(layout)
    assert aftermath.names_in(layout) == []


def check_rest(pull: Pull, line: Sluice, origin: str) -> None:
    """See that the next pull, for which there is room, fetches what is missing and no more."""
    kept = aftermath.bytes_in(pull.layout)
    line.hang_up()
    pulled = children.pull_in_child(pull)
    assert pulled.error is None
    assert pulled.fetched == line.hang_up()
    assert pulled.fetched <= sum(row["blob_bytes"] for row in pulled.rows) - kept + 2000, "but for the documents"
    assert aftermath.only_whole_blobs(pull.layout)
    assert aftermath.no_parts(pull.layout)
    assert aftermath.verified(pull.layout)
    assert aftermath.accepted_by_peers(pull.layout, str(pull.reference), origin=origin)


def check_room(pulled: Pulled, layout: Path, *, most: int) -> None:
    """See that an error says how much is free, at most, and how much is needed."""
    check_error(pulled, layout)
    said = [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) bytes", str(pulled.error))]
    assert len(said) == 2
    free, needed = said
    assert 0 < free <= most
    assert 2_000_000 < needed < 3_000_000


def test_a_disk_that_is_too_small_is_said_before_anything_comes(
    opened: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    relay, line = opened
    with small_disk(tmp_path / "disk", SMALL) as disk:
        pull = Pull(relay.name(real_images.busybox_oci), tmp_path, destination=disk / "layout")
        check_room(children.pull_in_child(pull), pull.layout, most=SMALL)
        assert line.hang_up() < 2000, "its config"
        resize(disk, LARGE)
        check_rest(pull, line, real_images.busybox_oci)


def test_so_is_one_that_only_says_that_it_is_too_small_and_what_is_there_already_counts(
    opened: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    # It needs no rights, so this is tried on every machine.
    relay, line = opened
    first = (partial(mischief.shrink_disk, SMALL),)
    pull = Pull(relay.name(real_images.busybox_oci), tmp_path, first=first)
    check_room(children.pull_in_child(pull), pull.layout, most=SMALL)
    assert line.hang_up(limit=1_000_000) < 2000, "its config"
    child = children.start(replace(pull, first=()))
    while aftermath.bytes_in(pull.layout) < 1_000_000:
        assert child.process.is_alive()
        time.sleep(0.001)
    child.kill()
    check_rest(pull, line, real_images.busybox_oci)


def test_a_disk_that_another_process_fills_in_the_middle(
    opened: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path
) -> None:
    relay, line = opened
    with small_disk(tmp_path / "disk", LARGE) as disk:
        pull = Pull(relay.name(real_images.busybox_oci), disk)  # the answers of the registry are kept there too
        line.let_pass(1_000_000)
        child = children.start(pull)
        while aftermath.bytes_in(pull.layout) < 1_000_000:
            assert child.process.is_alive()
            time.sleep(0.001)
        filler = disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize)
        line.let_pass(float("inf"))
        check_error(child.result(), pull.layout)
        assert aftermath.bytes_in(pull.layout) >= 1_000_000, "what came is kept"
        filler.unlink()
        check_rest(pull, line, real_images.busybox_oci)


@pytest.mark.parametrize("size", [300_000, 1_085_000])
def test_a_limit_on_the_size_of_files_is_an_error_and_no_death(
    opened: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path, size: int
) -> None:
    # It needs no rights, so this is tried on every machine.
    relay, line = opened
    limited = Pull(relay.name(real_images.busybox_oci), tmp_path, first=(partial(mischief.limit_files, size),))
    check_error(children.pull_in_child(limited), limited.layout)
    assert max(path.stat().st_size for path in aftermath.parts_of(limited.layout)) == size, "to the last byte"
    check_rest(replace(limited, first=()), line, real_images.busybox_oci)


@pytest.mark.parametrize("size", [0, 300, 5_000])
def test_where_not_even_a_document_fits_that_is_said_of_the_folder(
    opened: tuple[Relay, Sluice], real_images: RealImages, tmp_path: Path, size: int
) -> None:
    relay, line = opened
    limited = Pull(relay.name(real_images.busybox_oci), tmp_path, first=(partial(mischief.limit_files, size),))
    pulled = children.pull_in_child(limited)
    assert pulled.kind == "TransportError"
    assert str(tmp_path) in str(pulled.error)
    assert "ocinb.settings." in str(pulled.hint)
    check_layout(limited.layout)
    check_rest(replace(limited, first=()), line, real_images.busybox_oci)
