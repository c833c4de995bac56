"""The embedded registry answers as the specifications say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import requests

from ocinb.samples import SampleRegistry, registry
from ocinb.samples.handlers import Span, parse_range
from ocinb.spec.digest import Digest
from tests.patience import SECONDS
from tests.samples.asking import TEN, UNKNOWN, error_code, get, index_digest, put_ten

OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def local() -> Iterator[SampleRegistry]:
    with registry() as running:
        yield running


def test_version_check(local: SampleRegistry) -> None:
    assert get(local, "/v2/").json() == {}


@pytest.mark.parametrize(
    "path", ["/", "/v1/", "/v2/demo/shop", "/v2/demo/shop/tags/all", "/v2/UPPER/tags/list", "/token"]
)
def test_there_is_nothing_elsewhere(local: SampleRegistry, path: str) -> None:
    answer = get(local, path)
    assert (answer.status_code, error_code(answer)) == (404, "UNSUPPORTED")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed_from_outside(local: SampleRegistry, method: str) -> None:
    answer = requests.request(
        method, f"http://{local.host}/v2/demo/shop/manifests/2.0", data=b"x" * 99, timeout=SECONDS
    )
    assert (answer.status_code, error_code(answer)) == (405, "UNSUPPORTED")
    assert answer.headers["Allow"] == "GET, HEAD"


def test_catalogue(local: SampleRegistry) -> None:
    names = ["demo/base", "demo/chart", "demo/hello", "demo/lazy", "demo/nested", "demo/shop"]
    assert get(local, "/v2/_catalog").json() == {"repositories": names}


@pytest.mark.parametrize(
    ("query", "expected", "link"),
    [
        ("", ["a", "b", "c", "d"], None),
        ("?n=2", ["a", "b"], '</v2/x/y/z/tags/list?n=2&last=b>; rel="next"'),
        ("?n=2&last=b", ["c", "d"], None),
        ("?n=3&last=b", ["c", "d"], None),
        ("?last=bb", ["c", "d"], None),
        ("?last=z", [], None),
        ("?n=0", [], None),
    ],
)
def test_tags_are_paged(local: SampleRegistry, query: str, expected: list[str], link: str | None) -> None:
    for tag in "dacb":
        local.put_manifest("x/y/z", b"{}", tag=tag)
    answer = get(local, f"/v2/x/y/z/tags/list{query}")
    assert answer.json() == {"name": "x/y/z", "tags": expected}
    assert answer.headers.get("Link") == link


@pytest.mark.parametrize("path", ["/v2/_catalog", "/v2/demo/shop/tags/list"])
@pytest.mark.parametrize("number", ["x", "-1", "1.5", ""])
def test_a_page_size_has_to_be_a_number(local: SampleRegistry, path: str, number: str) -> None:
    answer = get(local, f"{path}?n={number}")
    assert (answer.status_code, error_code(answer)) == (400, "PAGINATION_NUMBER_INVALID")


@pytest.mark.parametrize(("path", "key"), [("/v2/_catalog", "repositories"), ("/v2/demo/shop/tags/list", "tags")])
@pytest.mark.parametrize("query", ["", "?n=1000", "?n=2"])
def test_the_server_limits_pages(path: str, key: str, query: str) -> None:
    with registry() as whole, registry(page_size=2) as paged:
        expected = get(whole, path).json()[key]
        found, following = [], f"{path}{query}"
        while following:
            answer = get(paged, following)
            assert len(answer.json()[key]) <= 2
            found += answer.json()[key]
            following = answer.links.get("next", {}).get("url", "")
    assert found == expected


@pytest.mark.parametrize("kind", ["tags/list", "manifests/1", f"blobs/{UNKNOWN}", f"referrers/{UNKNOWN}"])
def test_an_unknown_repository(local: SampleRegistry, kind: str) -> None:
    answer = get(local, f"/v2/demo/none/{kind}")
    assert (answer.status_code, error_code(answer)) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize("reference", ["3.0", UNKNOWN, "sha256:abc"])
def test_an_unknown_manifest(local: SampleRegistry, reference: str) -> None:
    answer = get(local, f"/v2/demo/shop/manifests/{reference}")
    assert (answer.status_code, error_code(answer)) == (404, "MANIFEST_UNKNOWN")


def test_an_unknown_blob(local: SampleRegistry) -> None:
    answer = get(local, f"/v2/demo/shop/blobs/{UNKNOWN}")
    assert (answer.status_code, error_code(answer)) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("demo/shop:2.0", OCI_INDEX),
        ("demo/hello:latest", "application/vnd.docker.distribution.manifest.v2+json"),
        ("demo/chart:0.1", "application/vnd.oci.image.manifest.v1+json"),
    ],
)
@pytest.mark.parametrize("accept", ["*/*", "application/vnd.docker.distribution.manifest.v1+json"])
def test_manifests_come_as_they_are_stored(local: SampleRegistry, name: str, media_type: str, accept: str) -> None:
    repository, _, tag = name.partition(":")
    answer = get(local, f"/v2/{repository}/manifests/{tag}", Accept=accept)
    digest = Digest.of(answer.content)
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Docker-Content-Digest"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    assert get(local, f"/v2/{repository}/manifests/{digest}").content == answer.content
    assert get(local, f"/v2/{repository}/manifests/{digest.replace(':', '%3A')}").content == answer.content


def test_head_says_the_same_without_a_body(local: SampleRegistry) -> None:
    path = "/v2/demo/shop/manifests/2.0"
    full, head = get(local, path), get(local, path, method="HEAD")
    differing = {name for name in full.headers if full.headers[name] != head.headers.get(name)} - {"Date"}
    assert (head.status_code, head.content, differing) == (200, b"", set())


def test_an_etag_saves_the_body(local: SampleRegistry) -> None:
    etag = f'"{index_digest(local)}"'
    for value in (etag, f'"other", W/{etag}', "*"):
        answer = get(local, "/v2/demo/shop/manifests/2.0", If_None_Match=value)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert "Content-Length" not in answer.headers
    assert get(local, "/v2/demo/shop/manifests/1.0", If_None_Match=etag).status_code == 200


def test_blobs_carry_their_digest(local: SampleRegistry) -> None:
    path = put_ten(local)
    answer = get(local, path)
    assert answer.content == TEN
    assert answer.headers["Docker-Content-Digest"] == Digest.of(TEN)
    assert answer.headers["Accept-Ranges"] == "bytes"
    head = get(local, path, method="HEAD", Range="bytes=0-1")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "10")
    assert get(local, path, If_None_Match=answer.headers["ETag"]).status_code == 304


RANGES = [
    ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
    ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
    ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=0-", 206, TEN, "bytes 0-9/10"),
    ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-99", 206, TEN, "bytes 0-9/10"),
    ("bytes=10-", 416, b"", "bytes */10"),
    ("bytes=99-100", 416, b"", "bytes */10"),
    ("bytes=-0", 416, b"", "bytes */10"),
    ("bytes=4-2", 200, TEN, None),
    ("bytes=-", 200, TEN, None),
    ("bytes=x-y", 200, TEN, None),
    ("lines=0-1", 200, TEN, None),
    ("bytes=0-1,4-5", 200, TEN, None),
]


@pytest.mark.parametrize(("asked", "status", "body", "content_range"), RANGES)
def test_ranges(local: SampleRegistry, asked: str, status: int, body: bytes, content_range: str | None) -> None:
    answer = get(local, put_ten(local), Range=asked)
    assert (answer.status_code, answer.content, answer.headers.get("Content-Range")) == (status, body, content_range)
    assert answer.headers["Content-Length"] == str(len(body))


def test_no_part_of_nothing() -> None:
    assert parse_range("bytes=0-", 0) == Span(0, 0)
    assert parse_range(None, 10) is None


def test_if_range_wants_the_very_blob(local: SampleRegistry) -> None:
    path, etag = put_ten(local), f'"{Digest.of(TEN)}"'
    assert get(local, path, Range="bytes=5-", If_Range=etag).status_code == 206
    for other in ('"other"', f"W/{etag}", "Mon, 01 Jan 2024 00:00:00 GMT"):
        assert get(local, path, Range="bytes=5-", If_Range=other).content == TEN


def test_referrers_of_the_index(local: SampleRegistry) -> None:
    path = f"/v2/demo/shop/referrers/{index_digest(local)}"
    answer = get(local, path)
    assert answer.headers["Content-Type"] == OCI_INDEX
    assert answer.json()["mediaType"] == OCI_INDEX
    found = answer.json()["manifests"]
    assert {entry["artifactType"] for entry in found} == {
        "application/vnd.cncf.notary.signature",
        "application/spdx+json",
    }
    for entry in found:
        raw = get(local, f"/v2/demo/shop/manifests/{entry['digest']}").content
        assert (Digest.of(raw), len(raw)) == (entry["digest"], entry["size"])
        assert entry["annotations"] == json.loads(raw)["annotations"]
    assert "OCI-Filters-Applied" not in answer.headers


def test_referrers_are_filtered(local: SampleRegistry) -> None:
    answer = get(local, f"/v2/demo/shop/referrers/{index_digest(local)}?artifactType=application/spdx%2Bjson")
    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert [entry["artifactType"] for entry in answer.json()["manifests"]] == ["application/spdx+json"]


def test_nobody_refers_to_the_unknown(local: SampleRegistry) -> None:
    answer = get(local, f"/v2/demo/shop/referrers/{UNKNOWN}")
    assert (answer.status_code, answer.json()["manifests"]) == (200, [])
    bad = get(local, "/v2/demo/shop/referrers/2.0")
    assert (bad.status_code, error_code(bad)) == (400, "DIGEST_INVALID")


def test_a_referrer_without_artifact_type_is_of_its_config_s_type(local: SampleRegistry) -> None:
    subject = local.put_manifest("x", b"{}")
    document = {"config": {"mediaType": "application/x"}, "subject": {"digest": subject}}
    digest = local.put_manifest("x", json.dumps(document).encode(), media_type="text/plain")
    for nonsense in (f"{{{subject}", f'["{subject}"]', f'{{"subject": "{subject}"}}'):
        local.put_manifest("x", nonsense.encode())
    assert get(local, f"/v2/x/referrers/{subject}").json()["manifests"] == [
        {
            "mediaType": "text/plain",
            "digest": digest,
            "size": len(json.dumps(document)),
            "artifactType": "application/x",
        }
    ]
