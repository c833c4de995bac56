"""The list of referrers is read where there is one, and a registry without one is asked for it once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, InvalidError, OcinbError, RateLimitError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session
from ocinb.spec.mediatypes import OCI_INDEX
from tests.sources.referring import (
    SBOM,
    SIGNATURE,
    artifact,
    asked,
    entry,
    index,
    put_subject,
    subjects,
    told,
    ways,
)
from tests.transferring import open_repository

LIST = {"Content-Type": OCI_INDEX}


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    with start_registry(referrers_api=False) as running:
        yield running


def test_the_list_of_the_registry_is_told(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    whole, image = subjects(source)
    found = source.referrers(whole)
    assert ways(found) == ["api", "api", "cosign"]
    assert {one.descriptor.artifact_type for one in found[:2]} == {SBOM, SIGNATURE}
    assert {one.subject for one in found} == {whole.digest}
    assert [one.descriptor.artifact_type for one in source.referrers(image)] == [SBOM]


def test_the_list_is_asked_for_as_an_index(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    whole = source.resolve("2.0")
    source.referrers(whole)
    [request] = [request for request in registry.requests if "/referrers/" in request.path]
    assert request.path == f"/v2/demo/shop/referrers/{whole.digest}"
    assert request.header("Accept") == OCI_INDEX


def test_the_list_is_read_over_all_pages() -> None:
    with start_registry(page_size=1) as paged:
        source = open_repository(paged)
        assert ways(source.referrers(source.resolve("2.0"))) == ["api", "api", "cosign"]
        assert len(asked(paged)) == 2


def test_the_list_is_kept_for_the_life_of_a_tag(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    whole = source.resolve("2.0")
    assert source.referrers(whole) == source.referrers(whole)
    assert len(asked(registry)) == 1
    settings.tag_ttl = 0
    source.referrers(whole)
    assert len(asked(registry)) == 2


def test_an_empty_list_is_an_answer(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    subject = put_subject(registry)
    tag = subject.digest.replace(":", "-")
    registry.put_manifest("demo/shop", index(entry(b"{}")), media_type=OCI_INDEX, tag=tag)
    assert source.referrers(subject) == []
    assert not [path for path in asked(registry, tag) if path.endswith(tag)], "the tag is for registries without a list"


@pytest.mark.parametrize("artifact_type", [SBOM, "a b&c=d/é+%2B", "x" * 500])
def test_the_registry_chooses_by_type(registry: SampleRegistry, artifact_type: str) -> None:
    source = open_repository(registry)
    whole = source.resolve("2.0")
    raw = artifact(whole.digest, artifact_type=artifact_type)
    digest = registry.put_manifest("demo/shop", raw)
    found = [one for one in source.referrers(whole, artifact_type) if one.found_via == "api"]
    assert digest in [one.descriptor.digest for one in found]
    assert {one.descriptor.artifact_type for one in found} == {artifact_type}


@pytest.mark.parametrize(
    ("applied", "types"),
    [("artifactType", [SBOM, "b"]), ("other, artifactType", [SBOM, "b"]), ("other", [None, "b"]), (None, [None, "b"])],
)
def test_what_was_chosen_by_its_type_is_of_that_type(
    registry: SampleRegistry, applied: str | None, types: list[str | None]
) -> None:
    source = open_repository(registry)
    subject = put_subject(registry)
    body = index(entry(b"a"), entry(b"b", artifactType="b"))
    registry.fault("*/referrers/*", body=body, headers={"OCI-Filters-Applied": applied})
    assert [one.descriptor.artifact_type for one in source.referrers(subject, SBOM)] == types


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


def test_what_one_repository_taught_holds_for_all_of_its_registry(old: SampleRegistry) -> None:
    for repository in ("demo/shop", "demo/base", "demo/nested"):
        source = open_repository(old, repository)
        source.referrers(source.resolve(source.tags()[0]))
    assert len(asked(old)) == 1


def test_each_session_finds_out_anew(old: SampleRegistry) -> None:
    settings.tag_ttl = 0
    for _ in range(2):
        source = open_repository(old)
        source.referrers(source.resolve("2.0"))
        close_default_session()
    assert len(asked(old)) == 2


def test_a_list_that_was_there_is_asked_for_again_after_a_404(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    source = open_repository(registry)
    whole, image = subjects(source)
    source.referrers(whole)
    registry.fault("*/referrers/*", status=404, body="404 page not found")
    assert ways(source.referrers(image)) == []
    assert ways(source.referrers(image)) == ["api"]


def test_a_digest_that_a_registry_may_not_know_says_nothing_of_its_list(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    registry.fault("*/referrers/sha512*", status=400, times=None)
    assert source.referrers(put_subject(registry, algorithm="sha512")) == []
    assert ways(source.referrers(source.resolve("2.0"))) == ["api", "api", "cosign"]


def test_of_many_at_once_one_finds_out(old: SampleRegistry) -> None:
    old.fault("*/referrers/*", delay=0.2, status=404, body="404 page not found")
    source = open_repository(old)
    whole, image = subjects(source)
    threads = [threading.Thread(target=source.referrers, args=(subject,)) for subject in (whole, image) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked(old)) == 1


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


@pytest.mark.parametrize("body", [b'{"manifests": null}', b'{"manifests": []}', b"{}"])
def test_lists_of_nothing(registry: SampleRegistry, body: bytes) -> None:
    registry.fault("*/referrers/*", body=body, headers=LIST)
    assert open_repository(registry).referrers(put_subject(registry)) == []


@pytest.mark.parametrize("content_type", ["application/json", None, "Application/VND.oci.image.index.v1+json; a=b"])
def test_what_has_manifests_is_a_list_whatever_its_type(registry: SampleRegistry, content_type: str | None) -> None:
    registry.fault("*/referrers/*", body=index(GOOD), headers={"Content-Type": content_type})
    assert told(open_repository(registry).referrers(put_subject(registry))) == [(GOOD["digest"], None, "api")]


def test_manifests_of_unknown_types_are_told(registry: SampleRegistry) -> None:
    odd = entry(b"odd", "text/odd", artifactType="\x1b[2J<b>", annotations={"x": "y" * 100_000})
    registry.fault("*/referrers/*", body=index(odd), headers=LIST)
    [found] = open_repository(registry).referrers(put_subject(registry))
    assert (found.descriptor.media_type, found.descriptor.artifact_type) == ("text/odd", "\x1b[2J<b>")
    assert len(found.descriptor.annotations["x"]) == 100_000


def test_a_list_of_too_many(registry: SampleRegistry) -> None:
    settings.max_index_children = 3
    body = index(*(entry(bytes([number])) for number in range(4)))
    registry.fault("*/referrers/*", body=body, headers=LIST)
    with pytest.raises(InvalidError, match=r"more referrers of sha256:.* than max_index_children = 3"):
        open_repository(registry).referrers(put_subject(registry))


def test_too_many_over_many_pages(registry: SampleRegistry) -> None:
    settings.max_index_children = 2
    source, subject = open_repository(registry), put_subject(registry)
    for number in range(5):
        link = {**LIST, "Link": f'</v2/demo/shop/referrers/{subject.digest}?page={number}>; rel="next"'}
        registry.fault("*/referrers/*", body=index(entry(bytes([number]))), headers=link)
    with pytest.raises(InvalidError, match="max_index_children = 2"):
        source.referrers(subject)
    assert len(asked(registry)) == 3


def test_a_list_larger_than_a_page_may_be(registry: SampleRegistry) -> None:
    settings.max_list_bytes = 100
    source, subject = open_repository(registry), put_subject(registry)
    registry.fault("*/referrers/*", body=index(GOOD), headers=LIST)
    with pytest.raises(InvalidError, match="larger than the limit of 100 bytes"):
        source.referrers(subject)


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "leads back to a page of its own"),
        ("http://127.0.0.2:1/v2/demo/shop/referrers/x", "at another host"),
        ("?page={number}", "more than 3 pages"),
    ],
)
def test_a_list_that_goes_nowhere(registry: SampleRegistry, link: str, words: str) -> None:
    settings.max_list_pages = 3
    source, subject = open_repository(registry), put_subject(registry)
    for number in range(4):
        following = link.format(number=number) or f"/v2/demo/shop/referrers/{subject.digest}"
        headers = {**LIST, "Link": f'<{following}>; rel="next"'}
        registry.fault("*/referrers/*", body=index(GOOD), headers=headers)
    with pytest.raises(TransportError, match=words):
        source.referrers(subject)


def test_a_later_page_that_is_none_is_an_error(registry: SampleRegistry) -> None:
    source, subject = open_repository(registry), put_subject(registry)
    registry.fault("*/referrers/*", body=index(GOOD), headers={**LIST, "Link": '<?page=2>; rel="next"'})
    registry.fault("*/referrers/*", body="<html></html>", headers={"Content-Type": "text/html"})
    with pytest.raises(InvalidError, match="not valid JSON"):
        source.referrers(subject)


def test_a_lie_about_a_referrer_shows_when_it_is_read(registry: SampleRegistry) -> None:
    source, subject = open_repository(registry), put_subject(registry)
    raw = artifact("sha256:" + "0" * 64, artifact_type=SBOM)
    registry.put_manifest("demo/shop", raw)
    wrong = {**entry(raw), "size": len(raw) + 1}
    registry.fault("*/referrers/*", body=index(wrong), headers=LIST)
    [found] = source.referrers(subject)
    assert found.subject == subject.digest
    with pytest.raises(IntegrityError, match="bytes long"):
        source.document(found.descriptor)


def test_those_who_refer_to_each_other_are_each_told_once(registry: SampleRegistry) -> None:
    source, subject = open_repository(registry), put_subject(registry)
    other = put_subject(registry, algorithm="sha384")
    for one, another in ((subject, other), (other, subject)):
        body = index({"mediaType": OCI_INDEX, "digest": another.digest, "size": another.size})
        registry.fault(f"*/referrers/{one.digest}", body=body, headers=LIST)
    assert told(source.referrers(subject)) == [(other.digest, None, "api")]
    assert told(source.referrers(other)) == [(subject.digest, None, "api")]
