"""A name was added if it brought an image or an index that was not there, and is present if others brought them all."""

from __future__ import annotations

from typing import Any

import ocinb
from ocinb.samples import SampleRegistry


def outcomes(catalog: ocinb.Catalog, names: str | list[str], depth: Any = "metadata") -> list[str]:
    told: list[str] = catalog.add(names, depth=depth, progress=False)["outcome"].tolist()
    return told


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
