"""The embedded registry answers as the specifications say."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from ocinb.samples import SampleRegistry, registry
from ocinb.spec.digest import Digest
from tests.samples.asking import TEN, UNKNOWN, error_code, get, put_ten

OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@pytest.fixture
def local() -> Iterator[SampleRegistry]:
    with registry() as running:
        yield running


@pytest.mark.parametrize("path", ["/v2/_catalog", "/v2/demo/shop/tags/list"])
@pytest.mark.parametrize("number", ["x", "-1", "1.5", ""])
def test_a_page_size_has_to_be_a_number(local: SampleRegistry, path: str, number: str) -> None:
    answer = get(local, f"{path}?n={number}")
    assert (answer.status_code, error_code(answer)) == (400, "PAGINATION_NUMBER_INVALID")


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
