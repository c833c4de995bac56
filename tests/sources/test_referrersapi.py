"""The list of referrers is read where there is one, and a registry without one is asked for it once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import InvalidError, OcinbError, RateLimitError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.spec.mediatypes import OCI_INDEX
from tests.sources.referring import (
    SBOM,
    asked,
    entry,
    index,
    put_subject,
    subjects,
    ways,
)
from tests.transferring import open_repository

LIST = {"Content-Type": OCI_INDEX}


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    with start_registry(referrers_api=False) as running:
        yield running


def test_the_list_is_read_over_all_pages() -> None:
    with start_registry(page_size=1) as paged:
        source = open_repository(paged)
        assert ways(source.referrers(source.resolve("2.0"))) == ["api", "api", "cosign"]
        assert len(asked(paged)) == 2


NO_LIST: dict[str, tuple[dict[str, Any], bool]] = {
    "as the specification wants it": ({"status": 404, "body": "404 page not found"}, True),
    "another manifest is meant": ({"status": 404, "body": '{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'}, True),
    "bad request": ({"status": 400}, True),
    "no such method": ({"status": 405}, True),
    "not acceptable": ({"status": 406}, True),
    "not implemented": ({"status": 501}, True),
    "a web page": ({"body": "<html>hello</html>", "headers": {"Content-Type": "text/html"}}, True),
    "a list of tags": ({"body": '{"tags": []}', "headers": {"Content-Type": "application/json"}}, True),
    "a JSON list": ({"body": "[]", "headers": {"Content-Type": "application/json"}}, True),
    "nothing": ({"body": "", "headers": {"Content-Type": None}}, True),
    "for others only": ({"status": 401}, False),
    "for nobody": ({"status": 403}, False),
    "no such repository": ({"status": 404, "body": '{"errors": [{"code": "NAME_UNKNOWN"}]}'}, False),
}


@pytest.mark.parametrize(("answer", "remembered"), NO_LIST.values(), ids=NO_LIST)
def test_a_registry_without_a_list_has_a_tag(
    registry: SampleRegistry,
    answer: dict[str, Any],
    remembered: bool,  # noqa: FBT001 - a row
) -> None:
    source = open_repository(registry)
    whole, image = subjects(source)
    for subject in (whole, image):
        tag = subject.digest.replace(":", "-")
        registry.put_manifest("demo/shop", index(entry(b"{}", artifactType=SBOM)), media_type=OCI_INDEX, tag=tag)
    registry.fault("*/referrers/*", times=None, **answer)
    assert ways(source.referrers(whole)) == ["tag", "cosign"]
    assert ways(source.referrers(image)) == ["tag"]
    assert len(asked(registry)) == (1 if remembered else 2)


def failure(registry: SampleRegistry) -> OcinbError:
    source = open_repository(registry)
    with pytest.raises(OcinbError) as caught:
        source.referrers(source.resolve("2.0"))
    assert registry.host in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("effect", "error"),
    [
        ({"status": 500}, TransportError),
        ({"status": 503}, TransportError),
        ({"status": 418}, TransportError),
        ({"status": 429, "headers": {"Retry-After": "3600"}}, RateLimitError),
        ({"drop": True}, TransportError),
        ({"cut": 5}, TransportError),
    ],
)
def test_a_list_that_cannot_be_had_is_never_a_shorter_one(
    registry: SampleRegistry, effect: dict[str, Any], error: type[OcinbError]
) -> None:
    settings.retries = 0
    registry.fault("*/referrers/*", times=None, **effect)
    assert type(failure(registry)) is error


GOOD = entry(b"{}")
BAD_LISTS: dict[str, tuple[Any, str]] = {
    "no JSON": (b"<html></html>", "not valid JSON"),
    "a list": (b"[]", "not a JSON object"),
    "a doubled key": (b'{"manifests": [], "manifests": []}', "stands twice"),
    "manifests are a text": ({"manifests": "a"}, "'manifests' of the list of referrers"),
    "manifests are an object": ({"manifests": {"a": 1}}, "has to be a list"),
    "an entry is null": ({"manifests": [None]}, "has to be a JSON object"),
    "no digest": ({"manifests": [{**GOOD, "digest": None}]}, "needs mediaType, digest and size"),
    "no media type": ({"manifests": [{**GOOD, "mediaType": ""}]}, "needs mediaType, digest and size"),
    "a digest that is none": ({"manifests": [{**GOOD, "digest": "\x1b[2J"}]}, r"'\x1b[2J' is not a digest"),
    "an unknown algorithm": ({"manifests": [{**GOOD, "digest": f"md5:{'0' * 32}"}]}, "unknown algorithm"),
    "a negative size": ({"manifests": [{**GOOD, "size": -1}]}, "has the size -1"),
    "a size as a text": ({"manifests": [{**GOOD, "size": "1"}]}, "has to be a whole number"),
    "a huge size": ({"manifests": [{**GOOD, "size": 2**64}]}, "more than 64 bits"),
    "a type that is no text": ({"manifests": [{**GOOD, "artifactType": 1}]}, "has to be a text"),
    "annotations of numbers": ({"manifests": [{**GOOD, "annotations": {"a": 1}}]}, "has to be an object of texts"),
    "deep nesting": (b'{"manifests": ' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper"),
}


@pytest.mark.parametrize(("body", "words"), BAD_LISTS.values(), ids=BAD_LISTS)
def test_a_list_that_is_none(registry: SampleRegistry, body: Any, words: str) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    registry.fault("*/referrers/*", body=raw, headers=LIST, times=None)
    told_of = failure(registry)
    assert type(told_of) is InvalidError
    assert words in str(told_of)
    assert f"{registry.host}/v2/demo/shop/referrers/sha256:" in str(told_of)


def test_a_list_larger_than_a_page_may_be(registry: SampleRegistry) -> None:
    settings.max_list_bytes = 100
    source, subject = open_repository(registry), put_subject(registry)
    registry.fault("*/referrers/*", body=index(GOOD), headers=LIST)
    with pytest.raises(InvalidError, match="larger than the limit of 100 bytes"):
        source.referrers(subject)
