"""What is asked of a registry, how often, and in which words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import (
    AuthError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    OcinbError,
    RateLimitError,
    TransportError,
)
from ocinb.network.redirects import AstrayError
from ocinb.network.status_errors import UnknownRepositoryError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.base import Source
from ocinb.sources.endpoint import checked
from ocinb.sources.images import find_images, resolve_name
from ocinb.sources.registry import ask_length
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from tests.internet import Internet
from tests.patience import SECONDS
from tests.sources.servers import Talk, closed_port, hang_up, listening, open_host, saying
from tests.transferring import BLOB, blob_path, describe, open_repository


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


@pytest.mark.parametrize("ranges", [True, False])
def test_it_is_that_of_the_blob_whatever_part_of_it_comes(registry: SampleRegistry, *, ranges: bool) -> None:
    if not ranges:
        registry.fault("*/blobs/*", ignore_range=True)
    digest = registry.put_blob(b"x" * 123_456)
    assert ask_length(open_repository(registry), digest) == 123_456
    [request] = [one for one in registry.requests if "/blobs/" in one.path]
    assert request.status == (206 if ranges else 200)


WANTED = describe(BLOB)


@pytest.fixture
def elsewhere() -> Iterator[SampleRegistry]:
    with start_registry() as running:
        running.put_blob(BLOB)
        yield running


def test_it_is_fetched_without_credentials(elsewhere: SampleRegistry) -> None:
    with start_registry(credentials=("ada", "pw")) as private:
        settings.credentials[private.host] = settings.credentials[elsewhere.host] = ("ada", "pw")
        layer = replace(WANTED, urls=(f"http://{closed_port()}/", f"http://{elsewhere.host}{blob_path(WANTED)}"))
        with open_repository(private).open_blob(layer, offset=7) as blob:
            assert (blob.offset, b"".join(blob.chunks())) == (7, BLOB[7:])
    [request] = elsewhere.requests
    assert request.header("Authorization") is None
    assert request.header("Range") == "bytes=7-"


def test_what_is_nowhere_is_not_found(registry: SampleRegistry, elsewhere: SampleRegistry) -> None:
    layer = replace(WANTED, urls=(f"http://{elsewhere.host}/gone",))
    with pytest.raises(NotFoundError), open_repository(registry).open_blob(layer):
        pytest.fail("an error passed as a blob")
    with pytest.raises(NotFoundError), open_repository(registry).open_blob(WANTED):
        pytest.fail("nothing passed as a blob")


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "127.0.0.1"])
def test_a_public_registry_has_nothing_fetched_inside(
    registry: SampleRegistry, elsewhere: SampleRegistry, internet: Internet, address: str
) -> None:
    name = internet.serve("registry.example", registry.host)
    settings.insecure_registries = (name,)
    inside = internet.serve("inside.example", elsewhere.host, address)
    for url in (f"https://{inside}/", f"https://{address}/", f"http://{inside}/"):
        with pytest.raises(AstrayError), open_host(name).open_blob(replace(WANTED, urls=(url,))):
            pytest.fail("something came")
    assert elsewhere.requests == ()


@pytest.mark.parametrize(
    ("base", "url", "may"),
    [
        ("https://registry.example", "https://cdn.example/x", True),
        ("https://registry.example", "http://cdn.example/x", False),
        ("http://registry.example", "http://cdn.example/x", False),
        ("http://127.0.0.1:5000", "http://127.0.0.1:9/x", True),
        ("http://127.0.0.1:5000", "http://cdn.example/x", False),
        ("http://127.0.0.1:5000", "https://cdn.example/x", True),
        ("https://registry.example", "ftp://cdn.example/x", False),
        ("https://registry.example", "file:///etc/passwd", False),
        ("https://registry.example", "https://ada:pw@cdn.example/x", False),
        ("https://registry.example", "https://[::1/x", False),
    ],
)
def test_what_a_document_may_name(base: str, url: str, may: bool) -> None:  # noqa: FBT001 - a row
    if may:
        assert checked(url, base) == url
        return
    with pytest.raises(TransportError):
        checked(url, base)


def test_a_reader_that_fails_is_not_taken_for_a_place_that_does(elsewhere: SampleRegistry) -> None:
    with start_registry() as registry:
        urls = (f"http://{elsewhere.host}{blob_path(WANTED)}",) * 2
        with pytest.raises(OcinbError, match="mine"), open_repository(registry).open_blob(replace(WANTED, urls=urls)):
            raise OcinbError("mine")
    assert len(elsewhere.requests) == 1


DOCUMENT = "/v2/demo/shop/manifests/2.0"


def without_etag(registry: SampleRegistry, **more: str | None) -> None:
    """Let a registry give no ETag, as GitLab's and django-oci do, and other headers if need be."""
    for method in ("GET", "HEAD"):
        registry.fault("*/manifests/*", method=method, headers={"ETag": None, **more}, times=None)


def ask(registry: SampleRegistry) -> str:
    return open_repository(registry).resolve("2.0").digest


def asked_of_confirming(registry: SampleRegistry) -> list[tuple[str, str, int | None]]:
    return [(request.method, request.path, request.status) for request in registry.requests]


@pytest.fixture
def plain(registry: SampleRegistry) -> SampleRegistry:
    without_etag(registry)
    return registry


def test_a_tag_that_is_gone_is_told(plain: SampleRegistry) -> None:
    settings.tag_ttl = 0
    ask(plain)
    plain.untag("demo/shop", "2.0")
    with pytest.raises(NotFoundError):
        ask(plain)


def test_a_token_that_is_over_is_renewed_on_the_way() -> None:
    settings.tag_ttl = 0
    with start_registry(token=True) as registry:
        without_etag(registry)
        digest = ask(registry)
        registry.revoke_tokens()
        before = len(registry.requests)
        assert ask(registry) == digest
        assert [(method, status) for method, _, status in asked_of_confirming(registry)[before:]] == [
            ("HEAD", 401),
            ("GET", 200),
            ("HEAD", 200),
        ]


@pytest.mark.parametrize("said", ["nonsense", "sha256:" + "0" * 64, None])
def test_a_head_that_says_something_else_confirms_nothing(plain: SampleRegistry, said: str | None) -> None:
    settings.tag_ttl = 0
    digest = ask(plain)
    plain.fault(DOCUMENT, method="HEAD", headers={"Docker-Content-Digest": said})
    plain._faults.reverse()
    assert ask(plain) == digest
    assert [method for method, *_ in asked_of_confirming(plain)] == ["GET", "HEAD", "GET"]


def test_a_head_that_breaks_off_is_an_error_and_not_for_ever(plain: SampleRegistry) -> None:
    settings.tag_ttl = settings.retries = 0
    digest = ask(plain)
    plain.fault(DOCUMENT, method="HEAD", drop=True)
    plain._faults.reverse()
    with pytest.raises(TransportError):
        ask(plain)
    assert ask(plain) == digest


def said_at(registry: SampleRegistry, tag: str = "2.0") -> datetime:
    moment = open_repository(registry).look_up(tag).said_at
    assert moment is not None
    return moment


@pytest.mark.parametrize("etag", [True, False])
def test_it_is_when_the_answer_was_confirmed(registry: SampleRegistry, *, etag: bool) -> None:
    if not etag:
        without_etag(registry)
    settings.tag_ttl = 0
    first = said_at(registry)
    before = datetime.now(UTC)
    assert first <= before <= said_at(registry)
    assert [request.status for request in registry.requests] == [200, 304 if etag else 200]


def test_nobody_knows_it_of_what_was_pulled_and_is_not_answered_for(registry: SampleRegistry) -> None:
    name = registry.reference("demo/hello:latest")
    ocinb.pull(name, progress=False)
    (settings.cache_dir / "responses.sqlite").unlink()
    close_default_session()
    settings.offline = True
    source = open_source(Reference(name), session=default_session())
    assert source.look_up("latest").said_at is None


@pytest.fixture(autouse=True)
def _long_life() -> None:
    settings.tag_ttl = 3600


@pytest.mark.parametrize("way", ["resolve", "head"])
def test_what_is_outdated_is_asked_for_again(registry: SampleRegistry, way: str) -> None:
    source = open_repository(registry)
    new = source.resolve("2.0").digest
    getattr(source, way)("1.0")
    registry.tag("demo/shop", "1.0", new)
    assert source.head("1.0", afresh=True) == new
    assert source.resolve("1.0").digest == new
    assert source.head("1.0") == new


@pytest.mark.parametrize("way", ["resolve", "head"])
def test_a_tag_that_is_gone_is_believed_no_longer(registry: SampleRegistry, way: str) -> None:
    source = open_repository(registry)
    getattr(source, way)("1.0")
    registry.untag("demo/shop", "1.0")
    with pytest.raises(NotFoundError, match="there is no tag"):
        source.head("1.0", afresh=True)
    with pytest.raises(NotFoundError):
        getattr(source, way)("1.0")


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_that_knows_no_head_gives_the_document(registry: SampleRegistry, status: int) -> None:
    source = open_repository(registry)
    old, new = source.resolve("1.0").digest, source.resolve("2.0").digest
    registry.tag("demo/shop", "1.0", new)
    registry.fault("*/manifests/1.0", method="HEAD", times=None, status=status)
    assert source.head("1.0", afresh=True) == new != old
    assert source.resolve("1.0").digest == new


HTML: dict[str, Any] = {"body": "<html>please log in</html>", "headers": {"Content-Type": "text/html"}}

Ask = Callable[[Source], object]
QUESTIONS: dict[str, Ask] = {
    "resolve": lambda source: source.resolve("2.0"),
    "head": lambda source: source.head("2.0"),
    "tags": lambda source: source.tags(),
}


def failure(ask: Ask, source: Source) -> OcinbError:
    with pytest.raises(OcinbError) as caught:
        ask(source)
    error = caught.value
    assert type(error).__module__.startswith("ocinb.")
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("effect", "error", "words"),
    [
        ({"status": 401}, AuthError, "credentials"),
        ({"status": 403}, AuthError, "credentials"),
        ({"status": 404}, NotFoundError, "lists"),
        ({"status": 429, "headers": {"Retry-After": "17"}}, RateLimitError, "Come back in 17 s, at 2"),
        ({"status": 429}, RateLimitError, "Wait a while"),
        ({"status": 500}, TransportError, "try again later"),
        ({"status": 503, "headers": {"Retry-After": "17"}}, RateLimitError, "Come back in 17 s, at 2"),
        ({"status": 503}, TransportError, "try again later"),
        ({"status": 418}, TransportError, "418"),
        ({"status": 300}, TransportError, "300"),
        ({"drop": True}, TransportError, "can this machine reach it"),
    ],
)
def test_an_answer_that_is_no_good(
    registry: SampleRegistry, question: str, effect: dict[str, Any], error: type[OcinbError], words: str
) -> None:
    settings.max_wait = 0
    registry.fault("*/demo/shop/*", method="*", times=None, **effect)
    told = failure(QUESTIONS[question], open_repository(registry))
    assert type(told) is error or (error is NotFoundError and type(told) is UnknownRepositoryError)
    assert "demo/shop" in str(told)
    assert registry.host in str(told)
    assert words in str(told)


@pytest.mark.parametrize(
    ("effect", "error", "words"),
    [
        ({"corrupt": 3}, IntegrityError, "have the digest"),
        ({"cut": 3}, TransportError, "the connection broke"),
        ({"body": b"{}"}, IntegrityError, "2 came"),
        ({"body": b"x" * 9000}, InvalidError, "max_manifest_bytes"),
        ({"status": 404, "body": b'{"errors": [{"code": "BLOB_UNKNOWN"}]}'}, NotFoundError, "there is no blob"),
        ({"drop": True}, TransportError, "can this machine reach it"),
        (HTML, IntegrityError, "A web page came"),
    ],
)
def test_a_config_that_is_none(
    registry: SampleRegistry, effect: dict[str, Any], error: type[OcinbError], words: str
) -> None:
    settings.max_manifest_bytes = 8000
    source = open_repository(registry, "demo/hello")
    registry.fault("*/blobs/*", times=None, **effect)
    told = failure(lambda source: find_images(source, resolve_name(source, "latest", settings), None, settings), source)
    assert type(told) is error
    assert words in str(told)
    assert "sha256:" in str(told)
    registry._faults.clear()
    assert find_images(source, resolve_name(source, "latest", settings), None, settings)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (None, "did not answer within 0.2 s"),
        (hang_up, "can this machine reach it"),
        (saying(b"no HTTP\r\n\r\n"), "can this machine reach it"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), ""),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), ""),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n"), "more than 65536 bytes"),
    ],
)
def test_a_server_that_is_no_registry(question: str, talk: Talk | None, words: str) -> None:
    settings.timeout = SECONDS if talk else 0.2
    with listening(talk) as host:
        told = failure(QUESTIONS[question], open_host(host))
    assert isinstance(told, TransportError)
    assert f"{host}/v2/demo/shop/" in str(told)
    assert words in str(told)
