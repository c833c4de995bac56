"""What nodes have to fetch: worked out by hand, against a slow reckoning, and on the samples."""

from __future__ import annotations

import pytest

import ocinb
from ocinb import settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from tests.catalog.making import sha256
from tests.catalog.stock import Stock
from tests.frames.facts import known

OLD, NEW, ARM, INDEX, OUTER = (sha256(name) for name in ("old", "new", "arm", "index", "outer"))
INDEXED = (
    "UPDATE index_entries SET os = 'linux', architecture = CASE manifest_digest WHEN ? THEN 'arm64' ELSE 'amd64' END"
)


def shop() -> ocinb.Catalog:
    """Version 2 is an index; a layer stands twice in version 1; a file is pulled like all else."""
    stock = Stock({"base": 1000, "old": 20, "new": 300, "arm": 4, "data": 50_000})
    stock.image(OLD, "base", "old", "old")
    stock.image(NEW, "base", "new", "data")
    stock.image(ARM, "arm", "data", platform="linux/arm64")
    stock.index(INDEX, NEW, ARM)
    stock.index(OUTER, f"{INDEX}\nindex")
    for tag, digest in (("1", OLD), ("2", INDEX), ("3", OUTER), ("arm", ARM)):
        stock.see("r.test/shop", tag, digest)
    stock.see("oci:/folder", "1", OLD)
    catalog = stock.catalog()
    catalog.sql(INDEXED, [ARM])
    return catalog


def costs(catalog: ocinb.Catalog, *names: str, **more: object) -> list[tuple[object, ...]]:
    frame = catalog.pull_cost(list(names), **more)  # type: ignore[arg-type]
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        "reference": "str",
        "platform": "str",
        "compressed_bytes": "Int64",
        "cached_bytes": "Int64",
        "fetched_bytes": "Int64",
    }
    return [tuple(map(known, row)) for row in frame.itertuples(index=False, name=None)]


def test_a_node_has_the_images_for_its_own_platform() -> None:
    with shop() as catalog:
        assert costs(catalog, "r.test/shop:2", platform="all", cached="r.test/shop:1") == [
            ("r.test/shop:2", "linux/amd64", 51_300, 1000, 50_300),
            ("r.test/shop:2", "linux/arm64", 50_004, 0, 50_004),
        ]
        assert costs(catalog, "r.test/shop:2", platform=["arm64", "amd64"], cached="r.test/shop:arm") == [
            ("r.test/shop:2", "linux/arm64", 50_004, 50_004, 0),
            ("r.test/shop:2", "linux/amd64", 51_300, 0, 51_300),
        ]


@pytest.mark.parametrize(("default", "fetched"), [("linux/amd64", 51_300), ("linux/arm64", 50_004)])
def test_the_platform_is_that_of_the_settings(default: str, fetched: int) -> None:
    settings.platform = default
    with shop() as catalog:
        assert costs(catalog, "r.test/shop:2") == [("r.test/shop:2", default, fetched, 0, fetched)]
        assert costs(catalog, "r.test/shop:1")[0][1] == "linux/amd64", "it has one platform only"


def test_an_index_within_an_index_a_digest_and_a_file() -> None:
    with shop() as catalog:
        assert costs(catalog, "r.test/shop:3", platform="arm64")[0][1:] == ("linux/arm64", 50_004, 0, 50_004)
        assert costs(catalog, f"r.test/shop@{ARM}")[0][1:] == ("linux/arm64", 50_004, 0, 50_004)
        assert costs(catalog, "oci:/folder:1", cached=f"r.test/shop@{OLD}")[0][1:] == ("linux/amd64", 1020, 1020, 0)


@pytest.mark.parametrize(
    ("names", "more", "error", "told"),
    [
        ("r.test/shop:arm", {"platform": "amd64"}, NotFoundError, "no image for linux/amd64. It has: linux/arm64"),
        ("r.test/shop:2", {"platform": "s390x"}, NotFoundError, "It has: linux/amd64, linux/arm64"),
        ("r.test/shop:4", {}, NotFoundError, "r.test/shop has: 1, 2, 3, arm"),
        ("r.test/shop:1", {"cached": "r.test/shop:arm."}, NotFoundError, "Did you mean r.test/shop:arm?"),
        ("r.test/shop:1", {"platform": "nowhere"}, InvalidError, "neither an operating system nor an architecture"),
        ("r.test/shop:1", {"platform": ""}, InvalidError, "is not a platform"),
        ("r.test/shop:1", {"cached": {"a": 1}}, InvalidError, "names are a text or a list of texts"),
        (["r.test/shop:1", "No Name"], {}, InvalidError, "is not a reference"),
    ],
)
def test_what_cannot_be_reckoned_is_an_error(
    names: str, more: dict[str, object], error: type[Exception], told: str
) -> None:
    with shop() as catalog, pytest.raises(error) as caught:
        costs(catalog, *([names] if isinstance(names, str) else names), **more)
    assert told in str(caught.value)


def test_an_image_that_was_not_added_is_told(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        catalog.add(name, platform="arm64")
        assert len(catalog.pull_cost(name, platform="arm64")) == 1
        with pytest.raises(NotFoundError, match=r"the image for linux/amd64 of .* is not in the catalogue"):
            catalog.pull_cost(name, platform="amd64")
        registry.put_image("demo/new", [], tag="1")
        catalog.sql("INSERT INTO observations SELECT registry, 'demo/new', '1', 'sha256:x', now() FROM observations")
        with pytest.raises(NotFoundError, match="is not in the catalogue"):
            catalog.pull_cost(registry.reference("demo/new:1"))
