"""A name was added if it brought an image or an index that was not there, and is present if others brought them all."""

from __future__ import annotations

from typing import Any

import pytest

import ocinb
from ocinb.samples import SampleRegistry

DEPTHS = pytest.mark.parametrize("depth", ["metadata", "files"])


def outcomes(catalog: ocinb.Catalog, names: str | list[str], depth: Any = "metadata") -> list[str]:
    told: list[str] = catalog.add(names, depth=depth, progress=False)["outcome"].tolist()
    return told


@DEPTHS
def test_an_image_and_its_index_add_what_is_new_in_each(registry: SampleRegistry, depth: str) -> None:
    index = registry.reference("demo/shop:2.0")
    image, *_ = (registry.reference(f"demo/shop@{digest}") for digest in ocinb.configs(index)["manifest_digest"])
    for names, told in (([image, index], ["added", "added"]), ([index, image], ["added", "present"])):
        with ocinb.Catalog() as catalog:
            assert outcomes(catalog, names, depth) == told
            assert outcomes(catalog, names, depth) == ["present", "present"]


@pytest.mark.parametrize("repository", ["demo/shop", "demo/copy"])
def test_an_image_that_is_seen_in_another_place_is_present(registry: SampleRegistry, repository: str) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.samples.registry() as other, ocinb.Catalog() as catalog:
        for document in [ocinb.document(name), *map(ocinb.document, _children(registry, name))]:
            other.put_manifest(repository, document.raw, media_type=document.media_type, tag=_tag_of(document, name))
        _copy_blobs(registry, other)
        assert outcomes(catalog, name) == ["added"]
        copy = other.reference(f"{repository}:2.0")
        assert outcomes(catalog, copy) == ["present"]
        assert set(catalog.sql("FROM current_names")["registry"]) == {registry.host, other.host}


def test_a_name_that_the_catalogue_refuses_says_why(registry: SampleRegistry) -> None:
    names = [registry.reference(f"demo/{name}") for name in ("shop:1.0", "hello")]
    with ocinb.Catalog() as catalog:
        catalog.sql("ALTER TABLE history RENAME position TO place")
        added = catalog.add([*names, "No Name"])
        assert added["outcome"].tolist() == ["failed"] * 3
        assert added["error"].str.contains('no.* column named "position"').tolist() == [True, True, False]
        assert catalog.sql("SELECT error FROM failures")["error"].tolist() == added["error"].tolist()
        assert catalog.sql("FROM manifests").empty
        assert catalog.sql("FROM observations").empty


def _children(registry: SampleRegistry, name: str) -> list[str]:
    return [registry.reference(f"demo/shop@{digest}") for digest in ocinb.manifests(name)["digest"]]


def _tag_of(document: Any, name: str) -> str | None:
    return "2.0" if document.digest == ocinb.document(name).digest else None


def _copy_blobs(registry: SampleRegistry, other: SampleRegistry) -> None:
    for digest in ocinb.configs(registry.reference("demo/shop:2.0"), platform="all")["digest"]:
        other.put_blob(ocinb.document(registry.reference(f"demo/shop@{digest}")).raw)
