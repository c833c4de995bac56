"""What fails for a moment is asked again; who wants to be left alone is, by all; and nobody waits for too long."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import socket
from typing import Any

import pytest

import ocinb
from ocinb._pool import StoppedError, run_all
from ocinb._settings import Settings, settings
from ocinb.errors import InvalidError, NotFoundError, OcinbError, RateLimitError, TransportError
from ocinb.network import retry
from ocinb.network.retry import Attempts, Quiet, retry_after
from ocinb.samples import SampleRegistry
from ocinb.sources.session import default_session
from tests.patience import until
from tests.sources.servers import listening, open_host
from tests.transferring import BLOB, blob_path, describe, open_repository

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ORIGIN = "https://registry.example"
PASSING: list[dict[str, Any]] = [{"status": status} for status in (408, 429, 500, 502, 503, 504)] + [{"drop": True}]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        (" 17 ", 17.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("+3", 3.0),
        (format_datetime(NOW + timedelta(seconds=30), usegmt=True), 30.0),
        (format_datetime(NOW - timedelta(days=30), usegmt=True), 0.0),
        ("Wed, 06 May 2026 07:09:09 -0000", 60.0),
        ("Wed, 06 May 2026 09:09:09 +0200", 60.0),
        (str(int(NOW.timestamp()) + 90), 90.0),
        ("99999999999999999999", 3650 * 86400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3650 * 86400.0),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("", None),
        ("soon", None),
        ("17 seconds", None),
        ("1e3", None),
        ("nan", None),
        ("٣", None),
    ],
)
def test_how_long_a_registry_wants_to_be_left_alone(header: str, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


@pytest.mark.parametrize("path", ["*/tags/list*", "*/manifests/*", "*/blobs/*"])
def test_what_breaks_off_in_its_middle_is_asked_for_anew(registry: SampleRegistry, path: str) -> None:
    fault = registry.fault(path, cut=10, times=settings.retries)
    document = ocinb.document(registry.reference("demo/shop:2.0"), platform="arm64")
    assert document.config.json["architecture"] == "arm64"
    assert len(ocinb.tags(registry.reference("demo/shop"))) == 5
    assert fault.hits == settings.retries


@pytest.mark.parametrize("path", ["*/tags/list*", "*/blobs/*"])
def test_what_always_breaks_off_is_an_error(registry: SampleRegistry, path: str) -> None:
    digest = registry.put_blob(BLOB)
    source = open_repository(registry)
    default_session().endpoint(registry.host)._sure = True
    fault = registry.fault(path, cut=10, times=None)
    with pytest.raises(TransportError, match="10 bytes came"):
        source.tags() if "tags" in path else ocinb.document(registry.reference(f"demo/shop@{digest}"))
    assert fault.hits == settings.retries + 1


@pytest.mark.parametrize("effect", PASSING)
@pytest.mark.parametrize("path", ["*/tags/list*", "*/blobs/*"])
def test_what_goes_on_failing_is_an_error_after_as_many_times_as_were_set(
    registry: SampleRegistry, effect: dict[str, Any], path: str
) -> None:
    settings.retries = 2
    registry.put_blob(BLOB)
    source = open_repository(registry)
    source.tags()
    settings.tag_ttl = 0
    fault = registry.fault(path, method="*", times=None, **effect)
    with pytest.raises(TransportError):
        source.tags() if "tags" in path else source.open_blob(describe(BLOB)).__enter__()
    assert fault.hits == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 501, 505])
def test_what_will_not_change_is_asked_once(registry: SampleRegistry, status: int) -> None:
    fault = registry.fault("*/tags/list*", status=status, headers={"Content-Type": "text/plain"}, times=None)
    with pytest.raises(OcinbError) as caught:
        open_repository(registry).tags()
    asked = {request.path for request in registry.requests if "tags/list" in request.path}
    assert fault.hits == len(asked), "one of them was asked twice"
    assert isinstance(caught.value, NotFoundError if status == 404 else TransportError)


def test_what_may_have_changed_something_is_not_sent_twice() -> None:
    passing, unsent = TransportError("x"), TransportError("y")
    passing.passing = unsent.passing = unsent.unsent = True
    quiet = Quiet(Settings())
    for method, repeatable in (("GET", True), ("HEAD", True), ("POST", False)):
        made = Attempts(Settings(), method)
        assert (made.after_failure(passing) is not None) is repeatable
        assert made.after_failure(unsent) is not None
        for status in (408, 500, 502, 504):
            assert (Attempts(Settings(), method).after_answer(status, {}, quiet, ORIGIN) is not None) is repeatable
        for status in (429, 503):
            assert Attempts(Settings(), method).after_answer(status, {}, quiet, ORIGIN) is not None


def test_retry_after_is_waited_for_and_then_it_goes_on(registry: SampleRegistry) -> None:
    fault = registry.fault("*/tags/list*", status=429, headers={"Retry-After": "0.2"})
    began = time.monotonic()
    assert open_repository(registry).tags()
    assert fault.hits == 1
    assert time.monotonic() - began >= 0.2


@pytest.mark.parametrize("status", [429, 503])
def test_who_wants_too_long_a_silence_is_an_error_at_once_and_not_asked_again(
    registry: SampleRegistry, status: int
) -> None:
    registry.fault("*/tags/list*", status=status, headers={"Retry-After": "3600"}, times=None)
    source = open_repository(registry)
    for ask in (source.tags, source.tags, lambda: source.resolve("2.0")):
        with pytest.raises(RateLimitError, match=r"Come back in (1 h 0 min|60 min 0 s|59 min \d+ s)") as caught:
            ask()
        assert caught.value.retry_at is not None
        assert timedelta(minutes=59) < caught.value.retry_at - datetime.now(UTC) <= timedelta(hours=1)
    assert len(registry.requests) == 1


@pytest.mark.parametrize("effect", [{"status": 429, "headers": {"Retry-After": "600"}}, {"status": 500}])
def test_who_waits_hears_a_stop(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch, effect: dict[str, Any]
) -> None:
    monkeypatch.setattr(retry, "FIRST_PAUSE_SECONDS", 600.0)
    monkeypatch.setattr(retry, "LONGEST_PAUSE_SECONDS", 600.0)
    settings.max_wait = 600
    monkeypatch.setattr(retry, "_jitter", lambda longest: longest)
    registry.fault("*/tags/list*", times=None, **effect)
    source = open_repository(registry)
    outcome: list[type[BaseException]] = []

    def work(what: str) -> object:
        if what == "fail":
            while not registry.requests:
                threading.Event().wait(0.01)
            threading.Event().wait(0.1)
            raise InvalidError("this is why")
        try:
            return source.tags()
        except BaseException as error:
            outcome.append(type(error))
            raise

    with pytest.raises(InvalidError, match="this is why"):
        run_all(work, ["tags", "fail"], workers=2)
    until(lambda: outcome)
    assert outcome == [StoppedError]


def test_a_silent_server_is_not_asked_again() -> None:
    settings.timeout = 0.2
    heard: list[bytes] = []

    def talk(connection: socket) -> None:
        heard.append(connection.recv(65536))
        connection.recv(1)

    with listening(talk) as host:
        default_session().endpoint(host)._sure = True
        with pytest.raises(TransportError, match=r"did not answer within 0.2 s"):
            open_host(host).tags()
    assert len(heard) == 1


def test_a_download_that_cannot_be_opened_is_not_tried_by_two_loops(registry: SampleRegistry) -> None:
    from ocinb import pull

    settings.retries = 2
    digest = registry.put_blob(BLOB)
    fault = registry.fault(blob_path(describe(BLOB)), status=500, times=None)
    assert digest == describe(BLOB).digest
    source = open_repository(registry)
    with pytest.raises(TransportError, match="answered 500"):
        source.small_blob(digest)
    assert fault.hits == 3
    failing = registry.fault("*/blobs/*", status=500, times=None)
    settings.concurrency = 1
    with pytest.raises(TransportError, match="answered 500"):
        pull(registry.reference("demo/hello"), progress=False)
    assert failing.hits == 3
