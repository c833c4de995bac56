"""What refers to what was added stands in the catalogue as the frame of referrers tells it."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from tests.catalog.laying import put_stack
from tests.catalog.test_adding_files import stack

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
        catalog.add(name, referrers=True)
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


def test_nobody_asks_for_them_unless_told_to(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        assert not [request for request in registry.requests if "/referrers/" in request.path]
        assert told(catalog).empty
        assert catalog.add(name, referrers=True)["outcome"].item() == "present"
        assert len(told(catalog)) > 1


def test_a_registry_that_has_none_is_no_failure(registry: SampleRegistry) -> None:
    registry.fault("*/referrers/*", status=404, times=None)
    with ocinb.Catalog() as catalog:
        assert catalog.add(put_stack(registry, stack()), referrers=True)["outcome"].tolist() == ["added"]
        assert told(catalog).empty
        assert catalog.sql("FROM failures").empty


@pytest.mark.parametrize("depth", ["metadata", "files"])
def test_a_registry_that_fails_over_them_fails_nothing_else(registry: SampleRegistry, depth: str) -> None:
    settings.retries = 0
    registry.fault("*/referrers/*", status=500, times=None)
    name = put_stack(registry, stack())
    with ocinb.Catalog() as catalog:
        added = catalog.add(name, depth=depth, referrers=True)  # type: ignore[arg-type]
        assert added["outcome"].tolist() == ["added"]
        assert added["error"].isna().all()
        failed = catalog.sql("SELECT reference, stage, error FROM failures")
        assert failed[["reference", "stage"]].to_numpy().tolist() == [[name, "referrers"]]
        assert "500" in failed["error"][0]
        assert catalog.add(name, depth=depth, referrers=True)["outcome"].tolist() == ["present"]  # type: ignore[arg-type]
