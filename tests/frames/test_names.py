"""What a registry has: repositories and tags, under names that the next helper takes."""

from __future__ import annotations

import json

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.errors import InvalidError, NotFoundError, TransportError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.frames.facts import fetch, records, sha256

SHOP_TAGS = ["1.0", "1.1", "2.0", "latest"]


def test_repositories_are_those_of_the_catalogue(registry: SampleRegistry) -> None:
    frame = ocinb.repositories(registry.host)
    assert records(frame) == [
        {"registry": registry.host, "repository": name, "reference": f"{registry.host}/{name}"}
        for name in ("demo/base", "demo/chart", "demo/hello", "demo/lazy", "demo/nested", "demo/shop")
    ]


def test_repositories_of_several_registries(registry: SampleRegistry) -> None:
    with start_registry() as other:
        frame = ocinb.repositories([other.host, registry.host, other.host])
    assert frame["registry"].tolist() == [other.host] * 6 + [registry.host] * 6


def test_each_answer_can_be_asked_on(registry: SampleRegistry) -> None:
    tags = ocinb.tags(ocinb.repositories(registry.host)["reference"])
    images = tags[tags["kind"] == "tag"]
    assert len(images) == 11
    manifests = ocinb.manifests(images["reference"])
    assert list(dict.fromkeys(manifests["reference"])) == images["reference"].tolist()


@pytest.mark.parametrize("name", ["https://{}", "http://{}/", "{}/", "{}/demo", "{}/demo/hello:latest", "", " ", "a b"])
def test_what_is_no_host_is_refused(registry: SampleRegistry, name: str) -> None:
    typed = name.format(registry.host)
    with pytest.raises(InvalidError, match=r"is not a registry. A registry is a host"):
        ocinb.repositories(typed)
    assert registry.requests == ()


def test_a_registry_without_a_catalogue_says_so(registry: SampleRegistry) -> None:
    registry.fault("*/_catalog*", status=404)
    with pytest.raises(NotFoundError, match=f"{registry.host} has no catalogue"):
        ocinb.repositories(registry.host)


def test_lists_go_over_all_pages() -> None:
    with start_registry(page_size=2) as registry:
        assert len(ocinb.repositories(registry.host)) == 6
        assert set(SHOP_TAGS) < set(ocinb.tags(registry.reference("demo/shop"))["tag"])


def test_tags_are_those_of_the_list_in_its_order(registry: SampleRegistry) -> None:
    listed = json.loads(fetch(registry, "demo/shop", "tags", "list"))["tags"]
    frame = ocinb.tags(registry.reference("demo/shop"))
    assert frame["tag"].tolist() == listed
    assert frame["reference"].tolist() == [registry.reference(f"demo/shop:{tag}") for tag in listed]
    assert frame["digest"].isna().all()


@pytest.mark.parametrize(
    ("match", "tags"),
    [("1.*", ["1.0", "1.1"]), ("[!0-9s]*", ["latest"]), ("LATEST", []), ("?.?", ["1.0", "1.1", "2.0"]), ("", [])],
)
def test_match_is_a_glob(registry: SampleRegistry, match: str, tags: list[str]) -> None:
    assert ocinb.tags(registry.reference("demo/shop"), match=match)["tag"].tolist() == tags


@pytest.mark.parametrize("match", [5, ["1.*"], b"1.*"])
def test_match_is_a_text(registry: SampleRegistry, match: object) -> None:
    with pytest.raises(InvalidError, match="match takes a glob"):
        ocinb.tags(registry.reference("demo/shop"), match=match)  # type: ignore[arg-type]


def test_digests_are_those_of_the_documents(registry: SampleRegistry) -> None:
    frame = ocinb.tags(registry.reference("demo/shop"), digests=True)
    expected = [sha256(fetch(registry, "demo/shop", "manifests", tag)) for tag in frame["tag"]]
    assert frame["digest"].tolist() == expected


def test_a_tag_that_is_listed_and_gone_has_no_digest(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/1.1", method="*", status=404, times=None)
    frame = ocinb.tags(registry.reference("demo/shop"), match="1.*", digests=True)
    assert frame["tag"].tolist() == ["1.0", "1.1"]
    assert frame["digest"].isna().tolist() == [False, True]


def test_a_tag_that_cannot_be_asked_for_is_an_error(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/1.1", method="*", status=403, times=None)
    with pytest.raises(TransportError):
        ocinb.tags(registry.reference("demo/shop"), match="1.*", digests=True)


def test_a_tag_whose_digest_cannot_be_had_keeps_its_row(registry: SampleRegistry) -> None:
    registry.fault("*/manifests/1.1", method="*", status=500, times=None)
    name = registry.reference("demo/shop")
    frame = ocinb.tags([name, registry.reference("demo/hello")], digests=True, errors="skip")
    assert frame["digest"].isna().tolist() == [tag == "1.1" for tag in frame["tag"]]
    assert set(frame["repository"]) == {"demo/shop", "demo/hello"}
    [failure] = frame.attrs["failures"]
    assert failure["reference"] == f"{name}:1.1"
    assert "answered 500" in failure["error"]


@pytest.mark.parametrize("status", [405, 501])
def test_a_registry_that_knows_no_head_is_asked_for_the_documents(registry: SampleRegistry, status: int) -> None:
    registry.fault("*/manifests/*", method="HEAD", status=status, times=None)
    frame = ocinb.tags(registry.reference("demo/shop"), match="?.?", digests=True)
    assert frame["digest"].tolist() == [sha256(fetch(registry, "demo/shop", "manifests", tag)) for tag in frame["tag"]]


def test_two_spellings_are_asked_for_their_digests_once(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop")
    ocinb.tags([name, f"docker://{name}"], match="1.*", digests=True)
    assert [request.method for request in registry.requests].count("HEAD") == 2


def test_a_deleted_tag_is_no_row(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    registry.untag("demo/shop", "1.1")
    assert "1.1" not in ocinb.tags(registry.reference("demo/shop"))["tag"].tolist()


def test_kinds_stand_in_the_frame(registry: SampleRegistry) -> None:
    frame = ocinb.tags(registry.reference("demo/shop"))
    kinds = dict(zip(frame["tag"], frame["kind"], strict=True))
    assert [kinds[tag] for tag in SHOP_TAGS] == ["tag"] * 4
    assert set(kinds.values()) == {"tag", "signature"}


def test_spellings_of_one_repository_give_its_tags_once(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop")
    frame = ocinb.tags([name, f"{name}:1.0", f"docker://{name}", "no name!"], match="1.*", errors="skip")
    assert frame["tag"].tolist() == ["1.0", "1.1"]
    assert [failure["reference"] for failure in frame.attrs["failures"]] == ["no name!"]


def test_a_repository_that_is_not_there(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match=r"there is no repository .*/demo/gone"):
        ocinb.tags(registry.reference("demo/gone"))


def test_a_repository_without_tags_is_empty(registry: SampleRegistry) -> None:
    registry.put_image("demo/untagged", [])
    assert len(ocinb.tags(registry.reference("demo/untagged"))) == 0
    registry.fault("*/tags/list*", body='{"name": "demo/untagged", "tags": null}')
    assert len(ocinb.tags(registry.reference("demo/untagged"), match="*")) == 0
