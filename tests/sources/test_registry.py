"""What is asked of a registry, how often, and in which words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from ocinb.errors import IntegrityError
from ocinb.samples import SampleRegistry
from ocinb.sources.session import default_session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from tests.transferring import BLOB, describe, open_repository


def asked(registry: SampleRegistry) -> list[tuple[str, str, int | None]]:
    return [(request.method, request.path.rpartition("/")[2], request.status) for request in registry.requests]


def at_once(count: int, act: Callable[[], object]) -> list[Any]:
    results: list[Any] = []
    barrier = threading.Barrier(count)

    def run() -> None:
        barrier.wait()
        results.append(act())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_a_damaged_document_in_the_store_is_fetched_again(registry: SampleRegistry) -> None:
    descriptor = open_repository(registry).resolve("2.0")
    path = default_session().store.blobs.path(descriptor.digest)
    path.write_bytes(path.read_bytes().replace(b"arm64", b"amd64"))
    assert Digest.of(open_repository(registry).document(descriptor).raw) == descriptor.digest
    assert [name for _, name, _ in asked(registry)] == ["2.0", descriptor.digest]


def test_threads_that_want_one_tag_share_one_question(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/2.0", delay=0.2)
    source = open_repository(registry)
    assert len(set(map(str, at_once(6, lambda: source.resolve("2.0"))))) == 1
    assert len(registry.requests) == 1


LONG, SHORT = describe(BLOB, size=len(BLOB) + 1), describe(BLOB, size=len(BLOB) - 1)


@pytest.mark.parametrize("wanted", [LONG, SHORT], ids=["overstated", "understated"])
@pytest.mark.parametrize(("offset", "ignore_range"), [(0, True), (7, True), (7, False)])
def test_a_blob_of_another_size_is_refused_before_it_is_read(
    registry: SampleRegistry,
    wanted: Descriptor,
    offset: int,
    ignore_range: bool,  # noqa: FBT001 - a row
) -> None:
    registry.put_blob(BLOB)
    if ignore_range:
        registry.fault("*/blobs/*", ignore_range=True, times=None)
    source = open_repository(registry)
    with (
        pytest.raises(IntegrityError, match=f"has to be {wanted.size:,} bytes long, not 300,000") as caught,
        source.open_blob(wanted, offset=offset),
    ):
        pytest.fail("a blob of another size was opened")
    assert f"{registry.host}/v2/demo/shop/blobs/" in str(caught.value)
