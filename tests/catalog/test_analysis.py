"""What nodes have to fetch: worked out by hand, against a slow reckoning, and on the samples."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import ocinb
from ocinb import settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.samples import SampleRegistry
from tests.catalog.making import sha256
from tests.catalog.slow_removal import Removal
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


ONE, TWO, ARM_REMOVAL, INDEX_REMOVAL, OUTER_REMOVAL = (sha256(name) for name in ("one", "two", "arm", "index", "outer"))
PLACES = ("r.test/a", "r.test/b", "r.test/c/d", "s.test:5000/a", "oci:/one", "oci-archive:/two.tar")


def freed(catalog: ocinb.Catalog, *names: str) -> dict[str, int | None]:
    frame = catalog.what_if(remove=list(names))
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        "layer_digest": "str",
        "freed_bytes": "Int64",
    }
    assert frame["layer_digest"].is_unique
    return {layer: known(size) for layer, size in zip(frame["layer_digest"], frame["freed_bytes"], strict=True)}


def shop_of_removal() -> Stock:
    """Two tags that share a base, one of which has a second name; an index; another repository and registry."""
    stock = Stock({"base": 1000, "old": 20, "new": 300, "arm": 4})
    stock.image(ONE, "base", "old", "old")
    stock.image(TWO, "base", "new")
    stock.image(ARM_REMOVAL, "arm", platform="linux/arm64")
    stock.index(INDEX_REMOVAL, TWO, ARM_REMOVAL)
    stock.index(OUTER_REMOVAL, f"{INDEX_REMOVAL}\nindex")
    stock.see("r.test/shop", "1", ONE)
    stock.see("r.test/shop", "2", INDEX_REMOVAL)
    stock.see("r.test/shop", "latest", INDEX_REMOVAL)
    return stock


def test_a_tag_that_moved_counts_where_it_points_now() -> None:
    stock = shop_of_removal()
    stock.see("r.test/shop", "1", TWO)
    with stock.catalog() as catalog:
        assert freed(catalog, "r.test/shop:1") == {}
        with pytest.raises(NotFoundError, match="in this catalogue now"):
            catalog.what_if(remove=f"r.test/shop@{ONE}")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("r.test/shop:1.", "Did you mean r.test/shop:1?"),
        ("r.test/shop:lates", "Did you mean r.test/shop:latest?"),
        ("r.test/shp:1", "Did you mean r.test/shop:1?"),
        ("r.test/shop:gone", "r.test/shop has: 1, 2, latest"),
        ("quite.different/thing:9", "Catalog.sql('FROM tags') has those that are there"),
        (f"r.test/shop@{sha256('unknown')}", "has those that are there"),
        (f"s.test/shop@{ONE}", f"Did you mean r.test/shop@{ONE}?"),
        ("oci:/folder:1", "has those that are there"),
    ],
)
def test_what_stands_for_nothing_is_told_with_what_may_be_meant(name: str, hint: str) -> None:
    stock = shop_of_removal()
    stock.see("r.test/shop", "gone", ONE)
    stock.see("r.test/shop", "gone", None)
    with stock.catalog() as catalog, pytest.raises(NotFoundError) as caught:
        catalog.what_if(remove=["r.test/shop:1", name])
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("No Name", "is not a reference"),
        (ONE, f"a digest without a repository. Did you mean r.test/shop@{ONE}?"),
        (sha256("unknown"), "A digest is named as repository@digest"),
        (None, "is not a name"),
    ],
)
def test_what_is_no_name_is_refused(name: str, told: str) -> None:
    with shop_of_removal().catalog() as catalog, pytest.raises(InvalidError) as caught:
        catalog.what_if(remove=[name])
    assert told in str(caught.value)


def spelled(removals: Sequence[Removal]) -> list[str]:
    return [f"{place}:{tag}" if tag is not None else f"{place}@{digest}" for place, tag, digest in removals]
