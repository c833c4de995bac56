"""Whatever a registry answers, the error is ours: it says what was asked and what came, and holds no secret."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

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
from ocinb.network.status_errors import UnknownRepositoryError
from ocinb.samples import SampleRegistry
from ocinb.sources.base import Source
from ocinb.sources.images import find_images, resolve_name
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_MANIFEST
from tests.patience import SECONDS
from tests.sources.servers import Talk, closed_port, hang_up, listening, open_host, saying
from tests.transferring import describe, open_repository

HTML: dict[str, Any] = {"body": "<html>please log in</html>", "headers": {"Content-Type": "text/html"}}
WRONG_DIGEST = str(Digest.of(b"something else"))

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
        (HTML, IntegrityError, "A web page came"),
        ({**HTML, "headers": {**HTML["headers"], "Docker-Content-Digest": None}}, InvalidError, "A web page came"),
        ({"body": b""}, IntegrityError, "the bytes of"),
        ({"body": b"", "headers": {"Docker-Content-Digest": None}}, InvalidError, "the empty answer"),
        ({"body": b"[]", "headers": {"Docker-Content-Digest": None}}, InvalidError, "not a JSON object"),
        ({"corrupt": 100}, IntegrityError, "have the digest"),
        ({"headers": {"Docker-Content-Digest": WRONG_DIGEST}}, IntegrityError, WRONG_DIGEST),
        ({"headers": {"Docker-Content-Digest": "nonsense"}}, InvalidError, "'nonsense' is not a digest"),
        ({"headers": {"Docker-Content-Digest": "md5:00"}}, InvalidError, "unknown algorithm"),
        ({"headers": {"Content-Type": OCI_MANIFEST}}, InvalidError, "was served as"),
        ({"cut": 100}, TransportError, "100 bytes came, and"),
        ({"headers": {"Content-Encoding": "gzip"}}, TransportError, "broke off"),
        ({"body": b"x" * 5000}, InvalidError, "larger than the limit of 4,000 bytes"),
        ({"body": b'{"schemaVersion": 1}', "headers": {"Docker-Content-Digest": None}}, None, ""),
        (
            {"headers": {"Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"}},
            InvalidError,
            "was served as application/vnd.docker.distribution.manifest.v1+prettyjws",
        ),
    ],
)
def test_a_manifest_that_is_none(
    registry: SampleRegistry, effect: dict[str, Any], error: type[OcinbError] | None, words: str
) -> None:
    settings.max_manifest_bytes = 4000
    registry.fault("*/manifests/2.0", times=None, **effect)
    source = open_repository(registry)
    if error is None:
        assert source.resolve("2.0").size == 20
        return
    told = failure(QUESTIONS["resolve"], source)
    assert type(told) is error
    assert words in str(told)
    assert f"{registry.host}/v2/demo/shop/manifests/2.0" in str(told)
    assert not (settings.store_dir / "blobs").exists(), "something wrong was kept"
    assert type(failure(QUESTIONS["resolve"], source)) is error, "something wrong was kept by name"


@pytest.mark.parametrize("effect", [{"corrupt": 5}, {"body": b"{}"}])
def test_a_manifest_asked_by_digest_whose_bytes_do_not_match(registry: SampleRegistry, effect: dict[str, Any]) -> None:
    source = open_repository(registry)
    digest = source.head("1.0")
    registry.fault(f"*/manifests/{digest}", **effect)
    told = failure(lambda source: source.resolve(digest), source)
    assert type(told) is IntegrityError
    assert digest in str(told)


@pytest.mark.parametrize(
    ("effect", "error", "words"),
    [
        (HTML, InvalidError, "A web page came"),
        ({"body": b"null"}, InvalidError, "not a JSON object"),
        ({"body": b'{"tags": "latest"}'}, InvalidError, "tags"),
        ({"body": b'{"tags": [1]}'}, InvalidError, "tags"),
        ({"body": b'{"tags": {"a": 1}}'}, InvalidError, "tags"),
        ({"cut": 5}, TransportError, "5 bytes came"),
        ({"body": b"x" * 200}, InvalidError, "larger than the limit of 100 bytes"),
    ],
)
def test_a_tag_list_that_is_none(
    registry: SampleRegistry, effect: dict[str, Any], error: type[OcinbError], words: str
) -> None:
    settings.max_list_bytes = 100
    registry.fault("*/tags/list", times=None, **effect)
    told = failure(QUESTIONS["tags"], open_repository(registry))
    assert type(told) is error
    assert words in str(told)
    assert "demo/shop" in str(told)


@pytest.mark.parametrize(
    ("body", "tags"), [(b'{"tags": null}', []), (b"{}", []), (b'{"tags": ["b", "a", "b"]}', ["b", "a"])]
)
def test_tag_lists_that_are_odd_and_good(registry: SampleRegistry, body: bytes, tags: list[str]) -> None:
    registry.fault("*/tags/list", body=body)
    assert open_repository(registry).tags() == tags


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


def test_a_document_that_is_said_to_be_huge_is_not_even_asked_for(registry: SampleRegistry) -> None:
    wanted = Descriptor(OCI_CONFIG, Digest.of(b"x"), settings.max_manifest_bytes + 1)
    told = failure(lambda source: source.document(wanted), open_repository(registry))
    assert type(told) is InvalidError
    assert "max_manifest_bytes" in str(told)
    assert registry.requests == ()


def test_a_document_whose_size_was_said_wrong(registry: SampleRegistry) -> None:
    registry.put_blob(b"{}")
    source = open_repository(registry)
    assert type(failure(lambda source: source.document(describe(b"{}", size=3)), source)) is IntegrityError
    assert source.document(describe(b"{}")).raw == b"{}"
    told = failure(lambda source: source.document(describe(b"{}", size=3)), source)
    assert "has to be 3 bytes long, not 2" in str(told)


def test_more_diff_ids_than_layers_are_told_in_the_log(
    registry: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    rootfs = {"type": "layers", "diff_ids": [WRONG_DIGEST] * 2}
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": rootfs})
    registry.put_blob(config.encode())
    layer = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": str(registry.put_blob(b"")), "size": 0}
    entry = {"mediaType": OCI_CONFIG, "digest": str(Digest.of(config.encode())), "size": len(config)}
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": entry, "layers": [layer]}
    digest = registry.put_manifest("demo/shop", json.dumps(manifest).encode(), tag="odd")
    source = open_repository(registry)
    with caplog.at_level("WARNING", "ocinb"):
        [image] = find_images(source, resolve_name(source, "odd", settings), None, settings)
    assert len(image.manifest.layers) == 1
    assert caplog.messages == [f"{digest} has 1 layers, but its config has 2 diff_ids: none is told"]


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


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_port_where_nobody_is(question: str) -> None:
    host = closed_port()
    told = failure(QUESTIONS[question], open_host(host))
    assert type(told) is TransportError
    assert "Connection refused" in str(told)
    assert f"{host}/v2/demo/shop/" in str(told)
    assert "object at 0x" not in str(told)
