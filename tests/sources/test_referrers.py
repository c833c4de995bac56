"""What refers to an image is found by tag, in its index and by cosign's tags, each once, and lies are not believed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError, RateLimitError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.base import Referrer
from ocinb.sources.images import resolve_name
from ocinb.sources.referrers import find_referrers
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import OCI_INDEX, OCI_MANIFEST
from tests.sources.referring import (
    REPOSITORY,
    SBOM,
    SIMPLE_SIGNING,
    artifact,
    asked,
    cosigned,
    entry,
    index,
    put_list,
    put_subject,
    subjects,
    told,
    ways,
)
from tests.transferring import open_repository

DSSE = "application/vnd.dsse.envelope.v1+json"


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    with start_registry(referrers_api=False) as running:
        yield running


def referring(registry: SampleRegistry, subject: Descriptor) -> list[Referrer]:
    return open_repository(registry).referrers(subject)


def behind(registry: SampleRegistry, name: str, artifact_type: str | None = None) -> list[Referrer]:
    source = open_repository(registry)
    return find_referrers(source, resolve_name(source, name, settings), artifact_type, settings)


def tag_of(subject: Descriptor, *, digits: int = 64, suffix: str = "") -> str:
    algorithm, _, hexadecimal = subject.digest.partition(":")
    return f"{algorithm}-{hexadecimal[:digits]}{suffix}"


# By tag.


@pytest.mark.parametrize("digits", [64, 128])
@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_the_tag_is_cut_or_in_full(old: SampleRegistry, algorithm: str, digits: int) -> None:
    subject = put_subject(old, algorithm=algorithm)
    put_list(old, tag_of(subject, digits=digits), entry(b"{}", artifactType=SBOM))
    assert told(referring(old, subject)) == [(entry(b"{}")["digest"], SBOM, "tag")]


def test_a_tag_that_is_too_long_may_be_refused(old: SampleRegistry) -> None:
    subject = put_subject(old, algorithm="sha512")
    refused = old.fault(f"*/manifests/{tag_of(subject, digits=128)}", status=400, times=None)
    assert referring(old, subject) == []
    assert refused.hits == 1


def test_an_image_that_is_tagged_by_its_own_digest_has_no_referrers_by_that(
    old: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    subject = put_subject(old)
    old.tag(REPOSITORY, tag_of(subject), subject.digest)
    assert referring(old, subject) == []
    assert caplog.records == []


@pytest.mark.parametrize("raw", [b"no JSON", b"[]", b'{"schemaVersion": 2, "artifactType": 5}', b" " * 5000])
def test_an_entry_whose_manifest_cannot_be_read_is_still_listed(old: SampleRegistry, raw: bytes) -> None:
    settings.max_manifest_bytes = 4000
    subject = put_subject(old)
    old.put_manifest(REPOSITORY, raw)
    put_list(old, tag_of(subject), entry(raw))
    assert told(referring(old, subject)) == [(entry(raw)["digest"], None, "tag")]


def test_an_entry_whose_bytes_are_others_is_an_error(old: SampleRegistry) -> None:
    subject = put_subject(old)
    raw = artifact(subject.digest, artifact_type=SBOM)
    digest = old.put_manifest(REPOSITORY, raw)
    put_list(old, tag_of(subject), entry(raw))
    old.fault(f"*/manifests/{digest}", corrupt=3, times=None)
    with pytest.raises(IntegrityError, match="have the digest"):
        referring(old, subject)


def test_an_entry_that_refers_to_another_is_none(old: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    subject = put_subject(old)
    raw = artifact("\x1b[2J" + "0" * 5000, artifact_type=SBOM)
    digest = old.put_manifest(REPOSITORY, raw)
    put_list(old, tag_of(subject), entry(raw))
    with caplog.at_level(logging.WARNING, "ocinb"):
        assert referring(old, subject) == []
    [record] = caplog.records
    assert record.getMessage().startswith(f"{digest} is listed as a referrer of {subject.digest}, but refers to \\x1b[")
    assert len(record.getMessage()) < 500


BAD_TAGS: dict[str, tuple[dict[str, Any], type[OcinbError], str]] = {
    "other bytes": ({"corrupt": 5}, IntegrityError, "have the digest"),
    "no JSON": ({"body": b"<html>", "headers": {"Docker-Content-Digest": None}}, InvalidError, "is not valid JSON"),
    "an entry without a digest": (
        {"body": index({"mediaType": OCI_MANIFEST, "size": 1}), "headers": {"Docker-Content-Digest": None}},
        InvalidError,
        "needs mediaType, digest and size",
    ),
    "too many": (
        {"body": index(*[entry(b"{}")] * 11), "headers": {"Docker-Content-Digest": None}},
        InvalidError,
        "max_index_children = 10",
    ),
    "too large": ({"body": b" " * 5000}, InvalidError, "larger than the limit of 4,000 bytes"),
}


@pytest.mark.parametrize(("effect", "error", "words"), BAD_TAGS.values(), ids=BAD_TAGS)
def test_a_list_under_a_tag_that_is_none(
    old: SampleRegistry, effect: dict[str, Any], error: type[OcinbError], words: str
) -> None:
    settings.max_manifest_bytes, settings.max_index_children = 4000, 10
    subject = put_subject(old)
    put_list(old, tag_of(subject), entry(b"{}", artifactType=SBOM))
    old.fault(f"*/manifests/{tag_of(subject)}", times=None, **effect)
    with pytest.raises(error, match=words) as caught:
        referring(old, subject)
    assert type(caught.value) is error


def test_a_repository_that_is_gone_is_no_empty_list(old: SampleRegistry) -> None:
    gone = Descriptor(OCI_INDEX, put_subject(old).digest, 1)
    with pytest.raises(NotFoundError, match="there is no repository"):
        open_repository(old, "demo/gone").referrers(gone)


# By cosign's tags.


def test_what_cosign_keeps_is_found_by_its_tags(registry: SampleRegistry) -> None:
    subject = put_subject(registry)
    kept = {".sig": (SIMPLE_SIGNING,), ".att": (DSSE, DSSE), ".sbom": ("text/spdx+json",)}
    digests = [
        registry.put_manifest(REPOSITORY, cosigned(*blobs), tag=tag_of(subject, suffix=suffix))
        for suffix, blobs in kept.items()
    ]
    types = [blobs[0] for blobs in kept.values()]
    assert told(referring(registry, subject)) == [
        (digest, artifact_type, "cosign") for digest, artifact_type in zip(digests, types, strict=True)
    ]


def test_that_a_tag_is_not_there_is_believed_for_the_life_of_a_tag(old: SampleRegistry) -> None:
    subject = put_subject(old)
    assert referring(old, subject) == referring(old, subject) == []
    assert len(old.requests) == 5
    for suffix in ("", ".sig"):
        old.put_manifest(REPOSITORY, cosigned(SIMPLE_SIGNING), tag=tag_of(subject, suffix=suffix))
    settings.tag_ttl = 0
    assert ways(referring(old, subject)) == ["cosign"]


# In the index.


def put_index(registry: SampleRegistry, *entries: object) -> str:
    return registry.put_manifest(REPOSITORY, index(*entries), media_type=OCI_INDEX, tag="made")


def attested(subject: str, **more: Any) -> dict[str, Any]:
    notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject}
    return {**entry(b"attestation"), "annotations": notes, **more}


def test_artifacts_beside_an_image_say_what_they_refer_to(registry: SampleRegistry) -> None:
    image = entry(b"image")
    linked, alone, itself = (artifact(subject, artifact_type=SBOM) for subject in (image["digest"], None, "itself"))
    for raw in (linked, alone, itself):
        registry.put_manifest(REPOSITORY, raw)
    gone = entry(b"gone", artifactType=SBOM)
    put_index(registry, image, *(entry(raw, artifactType=SBOM) for raw in (linked, alone)), gone)
    found = behind(registry, "made")
    assert [(one.subject, one.descriptor.digest) for one in found] == [(image["digest"], entry(linked)["digest"])]


# All together.


@pytest.mark.parametrize("api", [True, False])
@pytest.mark.parametrize(
    ("artifact_type", "found"),
    [
        (SBOM, ["list"]),
        (SIMPLE_SIGNING, ["cosign"]),
        ("none/such", []),
        (None, ["list", "list", *["index"] * 2, "cosign"]),
    ],
)
def test_the_wanted_type_is_wanted_of_all(api: bool, artifact_type: str | None, found: list[str]) -> None:  # noqa: FBT001 - a row
    with start_registry(referrers_api=api) as registry:
        told_ways = ways(behind(registry, "2.0", artifact_type))
    assert told_ways == [{"list": "api" if api else "tag"}.get(way, way) for way in found]


LIST = {"Content-Type": OCI_INDEX}


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
