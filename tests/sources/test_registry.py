"""What is asked of a registry, how often, and in which words."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, NotFoundError
from ocinb.network.status_errors import RangeError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.images import find_images, resolve_name
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_INDEX
from ocinb.spec.reference import Reference
from tests.sources.servers import listening, saying
from tests.transferring import BLOB, describe, open_repository

ALL_TYPES = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
    "application/vnd.cncf.oras.artifact.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
}


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


def test_accept_names_all_types_of_manifest(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    source.resolve("2.0")
    source.head("1.0")
    source.resolve(source.head("1.0"))
    assert len(registry.requests) == 3
    for request in registry.requests:
        assert set((request.header("Accept") or "").split(", ")) == ALL_TYPES


def test_a_tag_beside_a_digest_is_no_part_of_the_url(registry: SampleRegistry) -> None:
    digest = open_repository(registry).head("1.0")
    close_default_session()
    reference = Reference(f"{registry.reference('demo/shop')}:2.0@{digest}")
    source = open_source(reference, session=default_session())
    assert source.resolve(reference.wanted).digest == digest
    assert registry.requests[-1].path == f"/v2/demo/shop/manifests/{digest}"


def test_an_image_without_an_index_is_read(registry: SampleRegistry) -> None:
    source = open_repository(registry, "demo/hello")
    resolved = resolve_name(source, "latest", settings)
    [image] = find_images(source, resolved, None, settings)
    assert not resolved.is_index
    assert (str(image.platform), len(image.manifest.layers)) == ("linux/amd64", 1)


def test_a_tag_costs_one_question_within_its_life(registry: SampleRegistry) -> None:
    digests = {open_repository(registry).resolve("2.0").digest for _ in range(3)}
    assert {open_repository(registry).head("2.0") for _ in range(3)} == digests
    assert asked(registry) == [("GET", "2.0", 200)]


def test_a_tag_whose_digest_was_listed_costs_its_document_once(registry: SampleRegistry) -> None:
    digest = open_repository(registry).head("2.0")
    for _ in range(3):
        assert open_repository(registry).resolve("2.0").digest == digest
        assert open_repository(registry).head("2.0") == digest
    assert asked(registry) == [("HEAD", "2.0", 200), ("GET", digest, 200)]


def test_without_life_a_tag_costs_one_conditional_question(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    source = open_repository(registry)
    digest = source.resolve("2.0").digest
    for _ in range(2):
        assert source.resolve("2.0").digest == digest
    assert asked(registry) == [("GET", "2.0", 200), ("GET", "2.0", 304), ("GET", "2.0", 304)]
    assert registry.requests[-1].header("If-None-Match") == f'"{digest}"'


def test_without_life_a_moved_tag_is_seen_at_once(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    source = open_repository(registry)
    old, new = source.resolve("1.0").digest, source.resolve("2.0").digest
    registry.tag("demo/shop", "1.0", new)
    assert (source.resolve("1.0").digest, source.head("1.0")) == (new, new)
    registry.tag("demo/shop", "1.0", old)
    assert (source.resolve("1.0").digest, source.head("1.0")) == (old, old)
    registry.untag("demo/shop", "1.0")
    for ask in (source.resolve, source.head):
        with pytest.raises(NotFoundError):
            ask("1.0")


def test_a_shorter_life_holds_for_what_was_kept_under_a_longer_one(registry: SampleRegistry) -> None:
    settings.tag_ttl = 3600
    open_repository(registry).resolve("2.0")
    make_older(3400)
    source = open_repository(registry)
    source.resolve("2.0")
    assert len(registry.requests) == 1
    settings.tag_ttl = 300
    source.resolve("2.0")
    assert asked(registry)[1:] == [("GET", "2.0", 304)], "what is 3400 s old passed as younger than 300 s"
    source.resolve("2.0")
    assert len(registry.requests) == 2, "what was just confirmed was asked for again"


def test_what_is_older_than_its_life_is_asked_for_again(registry: SampleRegistry) -> None:
    open_repository(registry).resolve("2.0")
    make_older(301)
    open_repository(registry).resolve("2.0")
    assert asked(registry) == [("GET", "2.0", 200), ("GET", "2.0", 304)]


def test_what_is_from_the_future_is_asked_for_again(registry: SampleRegistry) -> None:
    open_repository(registry).resolve("2.0")
    make_older(-3600)
    open_repository(registry).resolve("2.0")
    assert asked(registry) == [("GET", "2.0", 200), ("GET", "2.0", 304)]


def make_older(seconds: int) -> None:
    """Let all that is kept be older."""
    close_default_session()
    with closing(sqlite3.connect(settings.cache_dir / "responses.sqlite")) as connection:
        rows = connection.execute("SELECT value, key FROM responses").fetchall()
        for value, key in rows:
            document = json.loads(value)
            for name in ("created_at", "expires"):
                document[name] = str(datetime.fromisoformat(document[name]) - timedelta(seconds=seconds))
            connection.execute("UPDATE responses SET value = ? WHERE key = ?", (json.dumps(document), key))
        connection.commit()


@pytest.mark.parametrize("vary", ["*", "Accept", "Authorization", "Accept-Encoding, Cookie"])
def test_what_varies_is_in_the_key_already(vary: str) -> None:
    with start_registry(token=True) as registry:
        registry.fault("*/manifests/2.0", headers={"Vary": vary}, times=None)
        source = open_repository(registry)
        assert source.resolve("2.0") == source.resolve("2.0")
        assert [status for _, name, status in asked(registry) if name == "2.0"] == [401, 200]


def test_an_answer_in_one_type_is_not_for_who_wants_another(registry: SampleRegistry) -> None:
    endpoint = default_session().endpoint(registry.host)
    for accept in (OCI_INDEX, "application/json", OCI_INDEX):
        endpoint.ask("/v2/demo/shop/manifests/2.0", "", limit=10_000, accept=accept, named=True)
    assert [request.header("Accept") for request in registry.requests] == [OCI_INDEX, "application/json"]


def test_what_came_by_tag_is_not_asked_for_by_digest(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    descriptor = source.resolve("2.0")
    assert source.resolve(descriptor.digest) == descriptor
    assert Digest.of(source.document(descriptor).raw) == descriptor.digest
    assert source.small_blob(descriptor.digest).raw == source.document(descriptor).raw
    assert len(registry.requests) == 1


def test_nothing_is_asked_twice_by_digest_in_the_life_of_a_store(registry: SampleRegistry) -> None:
    for _ in range(2):
        source = open_repository(registry)
        resolved = resolve_name(source, "2.0", settings)
        assert len(find_images(source, resolved, "all", settings)) == 2
        close_default_session()
    paths = [request.path for request in registry.requests]
    assert len(paths) == len(set(paths)) == 1 + 2 + 2, "one index, two manifests, two configs"


def test_a_document_is_read_once_by_who_resolved_its_name(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    descriptor = source.resolve("2.0")
    default_session().store.blobs.path(descriptor.digest).unlink()
    document = source.document(descriptor)
    assert Digest.of(document.raw) == descriptor.digest
    assert not document.fetched, "it came with the name"
    assert len(registry.requests) == 1


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


def test_threads_that_want_one_digest_share_one_question(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    digest = source.head("2.0")
    registry.fault(f"*/manifests/{digest}", delay=0.2)
    at_once(6, lambda: source.resolve(digest))
    assert [name for method, name, _ in asked(registry) if method == "GET"] == [digest]


def test_a_registry_that_says_no_digest_is_asked_for_the_whole(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/*", method="*", headers={"Docker-Content-Digest": None, "ETag": None}, times=None)
    source = open_repository(registry)
    assert source.head("2.0") == source.resolve("2.0").digest
    assert asked(registry) == [("HEAD", "2.0", 200), ("GET", "2.0", 200)]
    assert source.head("2.0") == source.resolve("2.0").digest
    assert len(registry.requests) == 2


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_algorithms_are_read(registry: SampleRegistry, algorithm: str) -> None:
    raw = b'{"schemaVersion": 2, "manifests": []}'
    digest = registry.put_manifest("demo/shop", raw, media_type=OCI_INDEX, algorithm=algorithm, tag="other")
    source = open_repository(registry)
    assert source.resolve("other").digest == source.resolve(digest).digest == source.head("other") == digest


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda source: source.resolve("none"), "there is no tag 'none' in"),
        (lambda source: source.head("none"), "there is no tag 'none' in"),
        (lambda source: source.resolve(Digest.of(b"none")), "there is no manifest 'sha256:"),
        (lambda source: source.small_blob(Digest.of(b"none")), "there is no blob 'sha256:"),
    ],
)
def test_what_is_not_there_is_named(registry: SampleRegistry, ask: Callable[[Any], object], words: str) -> None:
    with pytest.raises(NotFoundError, match=words) as caught:
        ask(open_repository(registry))
    assert f"{registry.host}/demo/shop" in str(caught.value)
    assert "lists the tags" in str(caught.value)


def test_a_repository_that_is_not_there_is_named(registry: SampleRegistry) -> None:
    source = open_repository(registry, "demo/none")
    for ask in (lambda: source.resolve("1"), source.tags):
        with pytest.raises(NotFoundError, match="there is no repository") as caught:
            ask()
        assert f"{registry.host}/demo/none" in str(caught.value)
        assert "ocinb.repositories" in str(caught.value)


@pytest.mark.parametrize("tag", ["NAME_UNKNOWN", "v1-NAME_UNKNOWN"])
def test_a_tag_of_a_misleading_name_is_a_tag(registry: SampleRegistry, tag: str) -> None:
    said = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": f"unknown tag={tag}"}]}
    registry.fault(f"*/manifests/{tag}", status=404, body=json.dumps(said))
    with pytest.raises(NotFoundError, match=f"there is no tag '{tag}'"):
        open_repository(registry).resolve(tag)


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


def test_a_blob_whose_size_is_not_said_is_opened() -> None:
    with (
        listening(saying(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}")) as host,
        open_source(Reference(f"{host}/demo/shop"), session=default_session()).open_blob(LONG) as blob,
    ):
        assert (blob.offset, b"".join(blob.chunks())) == (0, b"{}")


@pytest.mark.parametrize("said", ["bytes 8-9/300000", "bytes 7-9", "items 7-9/300000", None])
def test_a_part_that_nobody_asked_for(registry: SampleRegistry, said: str | None) -> None:
    registry.put_blob(BLOB)
    registry.fault("*/blobs/*", status=206, headers={"Content-Range": said}, body=b"x", times=None)
    with (
        pytest.raises(RangeError, match="bytes from 7 of 300,000 were asked for"),
        open_repository(registry).open_blob(describe(BLOB), offset=7),
    ):
        pytest.fail("another part passed for the one that was asked for")
