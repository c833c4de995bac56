"""The embedded registry lists referrers page by page, or has them under tags, like registries that cannot list them."""

from __future__ import annotations

from typing import Any

import pytest

from ocinb.samples import registry
from tests.samples.asking import get, index_digest

SPDX = "application/spdx+json"


def test_pages_keep_the_filter() -> None:
    with registry(page_size=1) as paged:
        subject = index_digest(paged)
        more = f'{{"artifactType": "{SPDX}", "subject": {{"digest": "{subject}"}}}}'
        paged.put_manifest("demo/shop", more.encode())
        first = get(paged, f"/v2/demo/shop/referrers/{subject}?artifactType=application/spdx%2Bjson")
        second = get(paged, first.links["next"]["url"])
    for page in (first, second):
        assert [entry["artifactType"] for entry in page.json()["manifests"]] == [SPDX]
        assert page.headers["OCI-Filters-Applied"] == "artifactType"
    assert "Link" not in second.headers


def by_digest(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(entries, key=lambda entry: str(entry["digest"]))


@pytest.mark.parametrize("child", [None, 0])
def test_without_the_api_a_tag_has_what_it_would_list(child: int | None) -> None:
    with registry() as new, registry(referrers_api=False) as old:
        subject = index_digest(new)
        if child is not None:
            subject = get(new, f"/v2/demo/shop/manifests/{subject}").json()["manifests"][child]["digest"]
        listed = get(new, f"/v2/demo/shop/referrers/{subject}").json()["manifests"]
        tagged = get(old, f"/v2/demo/shop/manifests/{subject.replace(':', '-')}")
    assert listed
    assert by_digest(tagged.json()["manifests"]) == by_digest(listed)
    assert tagged.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
