"""A name was added if it brought an image or an index that was not there, and is present if others brought them all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ocinb
from ocinb.catalog import ingest, ingest_documents
from ocinb.catalog.ingest import BATCH
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file

DEPTHS = pytest.mark.parametrize("depth", ["metadata", "files"])


def outcomes(catalog: ocinb.Catalog, names: str | list[str], depth: Any = "metadata") -> list[str]:
    told: list[str] = catalog.add(names, depth=depth, progress=False)["outcome"].tolist()
    return told


@DEPTHS
@pytest.mark.parametrize("between", [0, BATCH])
def test_of_several_names_of_one_image_the_first_added_it(registry: SampleRegistry, depth: str, between: int) -> None:
    digest = registry.put_image("demo/app", [make_layer([file("a")])], tag="1")
    registry.tag("demo/app", "2", digest)
    first, second = (registry.reference(f"demo/app:{tag}") for tag in "12")
    fillers = [registry.reference(f"demo/gone:{number}") for number in range(between)]
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, [first, *fillers, second], depth) == ["added", *["failed"] * between, "present"]
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, [second, *fillers, first], depth) == ["added", *["failed"] * between, "present"]


@DEPTHS
def test_an_image_and_its_index_add_what_is_new_in_each(registry: SampleRegistry, depth: str) -> None:
    index = registry.reference("demo/shop:2.0")
    image, *_ = (registry.reference(f"demo/shop@{digest}") for digest in ocinb.configs(index)["manifest_digest"])
    for names, told in (([image, index], ["added", "added"]), ([index, image], ["added", "present"])):
        with ocinb.Catalog() as catalog:
            assert outcomes(catalog, names, depth) == told
            assert outcomes(catalog, names, depth) == ["present", "present"]


def test_what_was_added_by_its_documents_is_added_by_its_files(registry: SampleRegistry) -> None:
    names = [registry.reference("demo/hello"), registry.reference("demo/hello:latest")]
    with ocinb.Catalog() as catalog:
        assert [outcomes(catalog, names, depth) for depth in ("metadata", "files", "files", "metadata")] == [
            ["added", "present"],
            ["added", "present"],
            ["present", "present"],
            ["present", "present"],
        ]


@pytest.mark.parametrize("repository", ["demo/shop", "demo/copy"])
def test_an_image_that_is_seen_in_another_place_is_present(registry: SampleRegistry, repository: str) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.samples.registry() as other, ocinb.Catalog() as catalog:
        for document in [ocinb.document(name), *map(ocinb.document, _children(registry, name))]:
            other.put_manifest(repository, document.raw, media_type=document.media_type, tag=_tag_of(document, name))
        _copy_blobs(registry, other)
        assert outcomes(catalog, name) == ["added"]
        before = len(other.requests)
        copy = other.reference(f"{repository}:2.0")
        assert outcomes(catalog, copy) == ["present"]
        assert any("/referrers/" in request.path for request in other.requests[before:])
        before = len(other.requests)
        assert outcomes(catalog, copy) == ["present"]
        assert len(other.requests) == before, "what refers to it there was asked for"
        assert set(catalog.sql("FROM current_names")["registry"]) == {registry.host, other.host}


def test_a_new_tag_of_what_is_there_is_present(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    registry.tag("demo/shop", "new", ocinb.document(name).digest)
    with ocinb.Catalog() as catalog:
        assert outcomes(catalog, name) == ["added"]
        assert outcomes(catalog, registry.reference("demo/shop:new")) == ["present"]
        assert set(catalog.sql("FROM tags")["tag"]) == {"2.0", "new"}


def test_what_another_process_adds_meanwhile_is_present(
    registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1", "2.0")]
    catalog, path = ocinb.Catalog(tmp_path / "kept.duckdb"), tmp_path / "kept.duckdb"
    whole: Callable[..., Any] = ingest_documents.with_referrers
    others: list[list[str]] = []

    def meanwhile(*arguments: Any) -> Any:
        if not others:
            others.append([])
            others[0] += outcomes(ocinb.Catalog(path), names[0])
        return whole(*arguments)

    monkeypatch.setattr(ingest, "with_referrers", meanwhile)
    assert outcomes(catalog, names) == ["present", "added", "added"]
    assert others == [["added"]]


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
