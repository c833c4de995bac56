"""Where many names of one repository are added, one list of its tags spares asking for three of each image."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog.ingest import NAMES_PER_PAGE
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_INDEX
from ocinb.spec.tag_schema import cosign_tags, referrers_tags
from tests.sources.referring import artifact, cosigned, entry, index

REPOSITORY = "demo/many"


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    """Run a registry that lists no referrers."""
    with start_registry(referrers_api=False) as running:
        yield running


def put(registry: SampleRegistry, count: int = NAMES_PER_PAGE) -> list[str]:
    """Put images, of which the last is signed."""
    for number in range(count):
        digest = registry.put_image(REPOSITORY, [make_layer([file(str(number))])], tag=f"v{number}")
    registry.put_manifest(REPOSITORY, cosigned("a/signature"), tag=cosign_tags(Digest(digest))[0])
    return [registry.reference(f"{REPOSITORY}:v{number}") for number in range(count)]


def asked(registry: SampleRegistry) -> tuple[int, int]:
    """Count how often a list of tags was asked for, and how often a tag that tools make."""
    paths = [request.path for request in registry.requests if f"/{REPOSITORY}/" in request.path]
    return sum("/tags/list" in path for path in paths), sum("/manifests/sha256-" in path for path in paths)


def found(catalog: ocinb.Catalog) -> list[list[str]]:
    rows: list[list[str]] = (
        catalog.sql("SELECT artifact_type, found_via FROM referrers ORDER BY ALL").to_numpy().tolist()
    )
    return rows


SIGNED = [["a/signature", "cosign"]]


def test_a_registry_without_referrers_is_spared_the_tag_that_lists_them(old: SampleRegistry) -> None:
    names = put(old)
    subject = Digest(ocinb.document(names[0]).digest)
    raw = artifact(str(subject), artifact_type="a/listed")
    old.put_manifest(REPOSITORY, raw)
    listed = index(entry(raw, artifactType="a/listed"))
    old.put_manifest(REPOSITORY, listed, media_type=OCI_INDEX, tag=referrers_tags(subject)[0])
    with ocinb.Catalog() as catalog:
        catalog.add(names, referrers=True)
        assert found(catalog) == [["a/listed", "tag"], *SIGNED]
    assert asked(old)[1] <= 4


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500])
def test_where_there_is_no_list_each_tag_is_asked_for(registry: SampleRegistry, status: int) -> None:
    settings.retries = 0
    registry.fault("*/tags/list*", status=status, times=None)
    with ocinb.Catalog() as catalog:
        assert set(catalog.add(put(registry), referrers=True)["outcome"]) == {"added"}
        assert found(catalog) == SIGNED
        assert catalog.sql("FROM failures").empty
    assert asked(registry)[1] >= 3 * NAMES_PER_PAGE


def test_a_list_that_lacks_the_name_itself_says_nothing(registry: SampleRegistry) -> None:
    settings.tag_ttl = 3600
    registry.put_image(REPOSITORY, [make_layer([file("old")])], tag="old")
    ocinb.tags(registry.reference(REPOSITORY))
    with ocinb.Catalog() as catalog:
        catalog.add(put(registry), referrers=True)
        assert found(catalog) == SIGNED
    assert asked(registry)[1] >= 3 * NAMES_PER_PAGE
