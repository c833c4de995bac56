"""The manifest is hashed step by step; of one that is signed, what was signed."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb import samples
from ocinb.network.exchange import Exchange
from ocinb.notebook.explain.chapters_access import name_chapter
from ocinb.notebook.explain.collect import Asked, ImageFacts
from ocinb.notebook.explain.story import Prose, plain
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.shop import RELEASES, shop_index
from ocinb.samples.tokens import TokenIssuer
from ocinb.sources.images import Resolved
from ocinb.spec.digest import Digest
from ocinb.spec.documents import RawDocument
from ocinb.spec.mediatypes import OCI_INDEX
from ocinb.spec.reference import Reference
from tests.notebook.explaining.places import PLACES
from tests.notebook.explaining.replaying import chapter, figures, replayed, tables

TITLE = "The manifest, hashed"


@pytest.mark.parametrize(("place", "is_signed"), [("schema 1, signed", True), ("schema 1", False)])
def test_of_schema_1_what_was_signed_is_hashed(
    registry: SampleRegistry, tmp_path: Path, place: str, *, is_signed: bool
) -> None:
    name = PLACES[place](registry, tmp_path)
    story, document = ocinb.explain(name), ocinb.document(name)
    assert figures(story, TITLE)["digest"].value == document.digest.partition(":")[2]
    assert ("that of the part that was signed" in story.markdown) is is_signed
    assert (hashlib.sha256(document.raw).hexdigest() in document.digest) is not is_signed


def test_an_archive_of_docker_says_that_it_was_made(registry: SampleRegistry, tmp_path: Path) -> None:
    story = ocinb.explain(PLACES["docker archive"](registry, tmp_path))
    assert "this one is made from its config and its layers" in story.markdown


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


TITLE_REFERRERS = "The referrers"


@pytest.mark.parametrize("has_api", [True, False], ids=["by the list", "by the tag"])
def test_each_is_told_with_the_way_to_it(*, has_api: bool) -> None:
    with start_registry(referrers_api=has_api) as registry:
        story = ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/amd64")
        assert [one for one in replayed(story) if one[1] is not None and one[1] != one[2]] == []
    rows = tables(story, TITLE_REFERRERS)["Each of them"].rows
    expected = ["signature", "SBOM", "attestation", "attestation", "signature", "SBOM"]
    assert [plain(row.cells[0]) for row in rows] in (expected[:5], expected[5:])
    assert plain(chapter(story, TITLE_REFERRERS).gist) == "2 signatures, 2 SBOMs, 2 attestations"
    looked = [plain(row.cells[0]) for row in tables(story, TITLE_REFERRERS)["Where they were looked for"].rows]
    assert looked.count("cosign's tag: signature") == 2
    assert ("the tag that lists referrers, where a registry has no list" in looked) is not has_api
    assert figures(story, TITLE_REFERRERS)["requests"].value == len(looked)


_TITLE = "The token"


def story_with(monkeypatch: pytest.MonkeyPatch, **claims: Any) -> Any:
    """Tell of an image whose token has some claims."""
    usual = TokenIssuer._claims

    def unusual(self: TokenIssuer, *about: Any) -> dict[str, Any]:
        return usual(self, *about) | claims

    monkeypatch.setattr(TokenIssuer, "_claims", unusual)
    with samples.registry(token=True) as registry:
        return ocinb.explain(registry.reference("demo/hello"))


def test_a_token_says_how_long_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    lives = figures(story_with(monkeypatch), _TITLE)["lives"]
    assert (lives.spans, lives.value) == (("5 min",), 300)


@pytest.mark.parametrize(
    "odd",
    [
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": 1e308},
        {"exp": 10**400, "iat": 0.5},
        {"exp": "soon"},
        {"exp": True},
        {"iat": -1e300, "nbf": None},
        {"exp": 10**11},
    ],
    ids=str,
)
def test_a_life_that_is_none_is_not_told(monkeypatch: pytest.MonkeyPatch, odd: dict[str, Any]) -> None:
    monkeypatch.setattr(TokenIssuer, "_verified", lambda *_: {"access": [_ACCESS]})
    story = story_with(monkeypatch, **odd)
    told = figures(story, _TITLE)
    assert ("lives" in told) is (odd == {"exp": 10**11})
    assert max(map(len, repr(story).splitlines())) < 200
    assert story.html
    assert story.markdown


_ACCESS = {"type": "repository", "name": "demo/hello", "actions": ["pull"]}
