"""Whatever a registry answers, the error is ours: it says what was asked and what came, and holds no secret."""

from __future__ import annotations

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
from tests.patience import SECONDS
from tests.sources.servers import Talk, hang_up, listening, open_host, saying
from tests.transferring import open_repository

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
