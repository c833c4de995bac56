"""The name is taken apart by rules, and the story says which of them counted."""

from __future__ import annotations

import pytest

from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.chapters_access import name_chapter
from ocinb.notebook.explain.collect import Asked, ImageFacts
from ocinb.notebook.explain.story import Prose, plain
from ocinb.samples.shop import RELEASES, shop_index
from ocinb.sources.images import Resolved
from ocinb.spec.digest import Digest
from ocinb.spec.documents import RawDocument
from ocinb.spec.mediatypes import OCI_INDEX
from ocinb.spec.reference import Reference

RAW = shop_index(RELEASES[0]).raw
DIGEST = Digest.of(RAW)


def words(name: str, *exchanges: Exchange) -> str:
    asked = Asked(name, Reference(name), None, "linux/amd64", 300)
    resolved = Resolved(RawDocument(RAW, DIGEST, OCI_INDEX), (), ())
    chapter = name_chapter(ImageFacts(asked, resolved, (), None, None, (), None, exchanges))
    return " ".join(plain(part.spans) for part in chapter.parts if isinstance(part, Prose))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("python", ["a name of Docker Hub", "kept under library/", "latest is meant"]),
        ("org/app:1.0", ["a name of Docker Hub", "is the tag"]),
        ("ghcr.io/org/app", ["it is the registry", "latest is meant"]),
        (f"ghcr.io/org/app@{DIGEST}", ["it is the registry", "these very bytes"]),
        (f"ghcr.io/org/app:1@{DIGEST}", ["the digest says what is meant"]),
        ("oci:folder:name", ["a file or a folder on this machine"]),
    ],
)
def test_each_rule_that_counted_is_said(name: str, said: list[str]) -> None:
    told = words(name)
    assert [one for one in said if one not in told] == []


def test_docker_hub_has_one_name_for_people_and_another_for_its_registry() -> None:
    url = "https://registry-1.docker.io/v2/library/python/manifests/latest"
    told = words("python", Exchange("GET", url, 401, False, 0, 0.1, "manifest latest"))  # noqa: FBT003 - not kept
    assert "TLS proves who answers." in told
    assert "Its registry answers at registry-1.docker.io." in told
