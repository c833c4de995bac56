"""What refers to what was added stands in the catalogue as the frame of referrers tells it."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.spec.mediatypes import OCI_MANIFEST
from tests.catalog.laying import put_stack
from tests.catalog.test_adding_files import stack
from tests.documents import REPOSITORY
from tests.sources.referring import artifact

COLUMNS = "subject digest media_type artifact_type manifest_bytes found_via".split()


def told(catalog: ocinb.Catalog) -> pd.DataFrame:
    return catalog.sql("SELECT * RENAME (referrer_digest AS digest) FROM referrers")


def rows(frame: pd.DataFrame) -> list[list[object]]:
    plain = frame[COLUMNS].astype(object)
    return sorted(plain.where(plain.notna(), None).to_numpy().tolist(), key=repr)


def test_they_are_those_of_the_name_and_of_its_images(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    digests = ocinb.manifests(name).query("kind == 'image'")["digest"]
    images = [registry.reference(f"demo/shop@{digest}") for digest in digests]
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        found = told(catalog)
    expected = ocinb.referrers([name, *images]).drop_duplicates(["subject", "digest"])
    assert rows(found) == rows(expected)
    assert set(found["registry"]) == {registry.host}
    assert set(found["repository"]) == {"demo/shop"}
    annotated = found.set_index("digest")["annotations"]
    assert {digest: annotated[digest] for digest in expected["digest"]} == dict(
        zip(expected["digest"], expected["annotations"], strict=True)
    )
    assert len(found) > len(digests) > 1


def test_they_are_asked_for_when_something_is_added_and_then_no_more(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        found, before = rows(told(catalog)), len(registry.requests)
        catalog.add(name)
        assert [request.path for request in registry.requests[before:]] == ["/v2/demo/shop/manifests/2.0"]
        assert rows(told(catalog)) == found


def test_within_the_life_of_a_tag_nothing_is_asked_twice(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    ocinb.Catalog().add(name)
    before = len(registry.requests)
    with ocinb.Catalog() as another:
        assert another.add(name)["outcome"].tolist() == ["added"]
        assert len(told(another)) > 0
    assert len(registry.requests) == before


@pytest.mark.parametrize("together", [True, False])
def test_one_subject_in_two_repositories_has_the_referrers_of_both(registry: SampleRegistry, *, together: bool) -> None:
    document = ocinb.document(put_stack(registry, stack()))
    names = [registry.reference(f"{repository}:1") for repository in (REPOSITORY, "demo/copy")]
    registry.put_manifest("demo/copy", document.raw, media_type=document.media_type, tag="1")
    for repository, blobs in ((REPOSITORY, ("a/here", "a/both")), ("demo/copy", ("a/both", "a/there"))):
        for blob in blobs:
            raw = artifact(document.digest, artifact_type=blob, blobs=(blob,))
            registry.put_manifest(repository, raw, media_type=OCI_MANIFEST)
    with ocinb.Catalog() as catalog:
        for some in [names] if together else names:
            catalog.add(some)
        found = catalog.sql("SELECT repository, artifact_type FROM referrers ORDER BY ALL")
    assert found.to_numpy().tolist() == [
        ["demo/copy", "a/both"],
        ["demo/copy", "a/there"],
        [REPOSITORY, "a/both"],
        [REPOSITORY, "a/here"],
    ]


def test_a_registry_that_has_none_is_no_failure(registry: SampleRegistry) -> None:
    registry.fault("*/referrers/*", status=404, times=None)
    with ocinb.Catalog() as catalog:
        assert catalog.add(put_stack(registry, stack()))["outcome"].tolist() == ["added"]
        assert told(catalog).empty
        assert catalog.sql("FROM failures").empty


@pytest.mark.parametrize("depth", ["metadata", "files"])
def test_a_registry_that_fails_over_them_fails_nothing_else(registry: SampleRegistry, depth: str) -> None:
    settings.retries = 0
    registry.fault("*/referrers/*", status=500, times=None)
    name = put_stack(registry, stack())
    with ocinb.Catalog() as catalog:
        added = catalog.add(name, depth=depth)  # type: ignore[arg-type]
        assert added["outcome"].tolist() == ["added"]
        assert added["error"].isna().all()
        failed = catalog.sql("SELECT reference, stage, error FROM failures")
        assert failed[["reference", "stage"]].to_numpy().tolist() == [[name, "referrers"]]
        assert "500" in failed["error"][0]
        assert catalog.add(name, depth=depth)["outcome"].tolist() == ["present"]  # type: ignore[arg-type]
