"""What refers to an image is found by tag, in its index and by cosign's tags, each once, and lies are not believed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.base import Referrer
from ocinb.sources.images import resolve_name
from ocinb.sources.referrers import find_referrers
from ocinb.spec.documents import Descriptor
from ocinb.spec.mediatypes import DOCKER_CONFIG, OCI_ARTIFACT, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
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


def test_the_form_of_the_specification_comes_first(old: SampleRegistry) -> None:
    subject = put_subject(old, algorithm="sha512")
    put_list(old, tag_of(subject), entry(b"short", artifactType="short"))
    put_list(old, tag_of(subject, digits=128), entry(b"long", artifactType="long"))
    assert [one.descriptor.artifact_type for one in referring(old, subject)] == ["short"]


def test_a_tag_that_is_too_long_may_be_refused(old: SampleRegistry) -> None:
    subject = put_subject(old, algorithm="sha512")
    refused = old.fault(f"*/manifests/{tag_of(subject, digits=128)}", status=400, times=None)
    assert referring(old, subject) == []
    assert refused.hits == 1


def test_any_other_refusal_is_an_error(old: SampleRegistry) -> None:
    subject = put_subject(old)
    old.fault(f"*/manifests/{tag_of(subject)}", status=400, times=None)
    with pytest.raises(TransportError, match="answered 400"):
        referring(old, subject)


def test_an_image_that_is_tagged_by_its_own_digest_has_no_referrers_by_that(
    old: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    subject = put_subject(old)
    old.tag(REPOSITORY, tag_of(subject), subject.digest)
    assert referring(old, subject) == []
    assert caplog.records == []


def test_a_tag_that_points_at_no_index_is_told_in_the_log(
    old: SampleRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    subject = put_subject(old)
    old.put_manifest(REPOSITORY, artifact(None), tag=tag_of(subject))
    with caplog.at_level(logging.WARNING, "ocinb"):
        assert referring(old, subject) == []
    assert [record.getMessage() for record in caplog.records] == [
        f"the tag {tag_of(subject)} should list referrers, but points at {OCI_MANIFEST}"
    ]


@pytest.mark.parametrize("said", [None, OCI_EMPTY])
def test_an_entry_that_says_too_little_is_read(old: SampleRegistry, said: str | None) -> None:
    subject = put_subject(old)
    raw = artifact(subject.digest, artifact_type=SBOM, annotations={"made": "by hand"})
    old.put_manifest(REPOSITORY, raw)
    put_list(old, tag_of(subject), {**entry(raw), "artifactType": said})
    [found] = referring(old, subject)
    assert (found.descriptor.artifact_type, found.descriptor.annotations) == (SBOM, {"made": "by hand"})


def test_an_entry_that_says_enough_is_not_read(old: SampleRegistry) -> None:
    subject = put_subject(old)
    raw = artifact(subject.digest, artifact_type=SBOM)
    digest = old.put_manifest(REPOSITORY, raw)
    put_list(old, tag_of(subject), entry(raw, artifactType="other", annotations={"a": "b"}))
    [found] = referring(old, subject)
    assert (found.descriptor.artifact_type, found.descriptor.annotations) == ("other", {"a": "b"})
    assert asked(old, digest) == []


def test_an_entry_whose_manifest_is_gone_is_still_listed(old: SampleRegistry) -> None:
    subject = put_subject(old)
    put_list(old, tag_of(subject), entry(b"gone", artifactType=OCI_EMPTY), entry(b"odd", "text/odd"))
    assert [one.descriptor.artifact_type for one in referring(old, subject)] == [None, None]


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


@pytest.mark.parametrize(
    ("document", "artifact_type"),
    [
        ({"artifactType": "a", "config": {"mediaType": "b"}}, "a"),
        ({"config": {"mediaType": "b"}}, "b"),
        ({"config": {"mediaType": OCI_CONFIG}, "layers": [{"mediaType": "c"}, {"mediaType": "c"}]}, "c"),
        ({"config": {"mediaType": DOCKER_CONFIG}, "layers": [{"mediaType": "c"}]}, "c"),
        ({"config": {"mediaType": OCI_EMPTY}, "layers": [{"mediaType": "c"}, {"mediaType": "d"}]}, None),
        ({"config": {"mediaType": OCI_EMPTY}, "layers": []}, None),
        ({"blobs": [{"mediaType": "c"}]}, "c"),
        ({"manifests": []}, None),
        ({"artifactType": "", "config": None}, None),
    ],
)
def test_what_a_manifest_is_of(old: SampleRegistry, document: dict[str, Any], artifact_type: str | None) -> None:
    subject = put_subject(old)
    media_type = {"manifests": OCI_INDEX, "blobs": OCI_ARTIFACT}.get(next(iter(document)), OCI_MANIFEST)
    raw = json.dumps({"schemaVersion": 2, "mediaType": media_type, **document}).encode()
    old.put_manifest(REPOSITORY, raw, media_type=media_type)
    put_list(old, tag_of(subject), entry(raw, media_type))
    assert [one.descriptor.artifact_type for one in referring(old, subject)] == [artifact_type]


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


def test_a_tag_that_is_not_there_costs_a_head(registry: SampleRegistry) -> None:
    subject = put_subject(registry)
    referring(registry, subject)
    heads = sorted(request.path.rpartition(".")[2] for request in registry.requests if request.method == "HEAD")
    assert heads == ["att", "sbom", "sig"]
    assert [request.path for request in registry.requests if request.method == "GET"] == asked(registry)


def test_that_a_tag_is_not_there_is_believed_for_the_life_of_a_tag(old: SampleRegistry) -> None:
    subject = put_subject(old)
    assert referring(old, subject) == referring(old, subject) == []
    assert len(old.requests) == 5
    for suffix in ("", ".sig"):
        old.put_manifest(REPOSITORY, cosigned(SIMPLE_SIGNING), tag=tag_of(subject, suffix=suffix))
    settings.tag_ttl = 0
    assert ways(referring(old, subject)) == ["cosign"]


def test_that_a_tag_of_people_is_not_there_is_asked_each_time(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    for ask in (source.resolve, source.head):
        with pytest.raises(NotFoundError):
            ask("3.0")
    registry.put_manifest(REPOSITORY, artifact(None), tag="3.0")
    assert source.resolve("3.0").digest == source.head("3.0")


@pytest.mark.parametrize("suffix", ["", ".sig"])
def test_a_tag_of_tools_that_was_not_there_is_an_error_each_time(registry: SampleRegistry, suffix: str) -> None:
    source = open_repository(registry)
    for ask in (source.head, source.resolve, source.head, source.resolve):
        with pytest.raises(NotFoundError, match="there is no tag 'sha256-"):
            ask(tag_of(put_subject(registry), suffix=suffix))
    assert len(registry.requests) == 2


def test_no_tag_is_made_of_a_digest_that_is_too_long_for_one(registry: SampleRegistry) -> None:
    referring(registry, put_subject(registry, algorithm="sha512"))
    assert [request.method for request in registry.requests] == ["GET"]


def test_a_signature_that_was_deleted_meanwhile_is_none(registry: SampleRegistry) -> None:
    subject = put_subject(registry)
    digest = registry.put_manifest(REPOSITORY, cosigned(SIMPLE_SIGNING), tag=tag_of(subject, suffix=".sig"))
    registry.fault(f"*/manifests/{digest}", status=404, body="", times=None)
    assert referring(registry, subject) == []


def test_a_tag_that_cannot_be_asked_for_is_an_error(registry: SampleRegistry) -> None:
    registry.fault("*.att", method="HEAD", status=403, times=None)
    with pytest.raises(TransportError, match="refused access"):
        referring(registry, put_subject(registry))


# In the index.


def put_index(registry: SampleRegistry, *entries: object) -> str:
    return registry.put_manifest(REPOSITORY, index(*entries), media_type=OCI_INDEX, tag="made")


def attested(subject: str, **more: Any) -> dict[str, Any]:
    notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": subject}
    return {**entry(b"attestation"), "annotations": notes, **more}


def test_attestations_are_linked_to_their_image(registry: SampleRegistry) -> None:
    found = [one for one in behind(registry, "2.0") if one.found_via == "index"]
    children = json.loads(open_repository(registry).document(open_repository(registry).resolve("2.0")).raw)["manifests"]
    assert [one.subject for one in found] == [child["digest"] for child in children[:2]]
    assert [one.descriptor.digest for one in found] == [child["digest"] for child in children[2:]]


def test_attestations_cost_nothing(registry: SampleRegistry) -> None:
    found = [one for one in behind(registry, "2.0") if one.found_via == "index"]
    assert [asked(registry, one.descriptor.digest) for one in found] == [[], []]


def test_attestations_in_an_index_in_an_index(registry: SampleRegistry) -> None:
    inner = index(entry(b"image"), attested(entry(b"image")["digest"]))
    registry.put_manifest(REPOSITORY, inner, media_type=OCI_INDEX)
    put_index(registry, entry(inner, OCI_INDEX))
    assert [(one.subject, one.found_via) for one in behind(registry, "made")] == [(entry(b"image")["digest"], "index")]


def test_a_link_of_nonsense_is_told_as_it_came(registry: SampleRegistry) -> None:
    put_index(registry, attested("\x1b[2J"), {**attested(""), "digest": entry(b"unlinked")["digest"]})
    assert [one.subject for one in behind(registry, "made")] == ["\x1b[2J"]


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


def test_who_is_found_in_several_ways_is_told_once_by_the_surest(registry: SampleRegistry) -> None:
    image = entry(b"image")
    signature = artifact(None, artifact_type=SIMPLE_SIGNING)
    subject = put_index(registry, image, attested(image["digest"]), attested(image["digest"]))
    tag = subject.replace(":", "-")
    for suffix in (".sig", ".att"):
        registry.put_manifest(REPOSITORY, signature, tag=f"{tag}{suffix}")
    assert ways(behind(registry, "made")) == ["index", "cosign"]
    registry.fault("*/referrers/*", body=index(*[entry(signature)] * 2), times=None)
    settings.tag_ttl = 0
    assert ways(behind(registry, "made")) == ["api", "index"]


def test_one_that_refers_to_two_is_told_twice(registry: SampleRegistry) -> None:
    put_index(registry, attested("one"), attested("other"))
    assert [one.subject for one in behind(registry, "made")] == ["one", "other"]


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


def test_a_registry_that_does_not_filter_is_filtered_here(registry: SampleRegistry) -> None:
    subject = put_subject(registry)
    entries = [entry(b"a", artifactType="a"), entry(b"b", artifactType="b"), entry(b"c")]
    registry.fault("*/referrers/*", body=index(*entries), headers={"OCI-Filters-Applied": None})
    assert [one.descriptor.digest for one in behind(registry, subject.digest, "b")] == [entry(b"b")["digest"]]
