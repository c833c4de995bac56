"""What would be freed if tags or digests went: worked out by hand, and against a slow reckoning."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from tests.catalog.making import sha256
from tests.catalog.slow_removal import Removal
from tests.catalog.stock import Stock
from tests.frames.facts import known

ONE, TWO, ARM, INDEX, OUTER = (sha256(name) for name in ("one", "two", "arm", "index", "outer"))
PLACES = ("r.test/a", "r.test/b", "r.test/c/d", "s.test:5000/a", "oci:/one", "oci-archive:/two.tar")


def freed(catalog: ocinb.Catalog, *names: str) -> dict[str, int | None]:
    frame = catalog.what_if(remove=list(names))
    assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == {
        "layer_digest": "str",
        "freed_bytes": "Int64",
    }
    assert frame["layer_digest"].is_unique
    return {layer: known(size) for layer, size in zip(frame["layer_digest"], frame["freed_bytes"], strict=True)}


def shop() -> Stock:
    """Two tags that share a base, one of which has a second name; an index; another repository and registry."""
    stock = Stock({"base": 1000, "old": 20, "new": 300, "arm": 4})
    stock.image(ONE, "base", "old", "old")
    stock.image(TWO, "base", "new")
    stock.image(ARM, "arm", platform="linux/arm64")
    stock.index(INDEX, TWO, ARM)
    stock.index(OUTER, f"{INDEX}\nindex")
    stock.see("r.test/shop", "1", ONE)
    stock.see("r.test/shop", "2", INDEX)
    stock.see("r.test/shop", "latest", INDEX)
    return stock


def test_a_tag_that_moved_counts_where_it_points_now() -> None:
    stock = shop()
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
    stock = shop()
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
    with shop().catalog() as catalog, pytest.raises(InvalidError) as caught:
        catalog.what_if(remove=[name])
    assert told in str(caught.value)


def spelled(removals: Sequence[Removal]) -> list[str]:
    return [f"{place}:{tag}" if tag is not None else f"{place}@{digest}" for place, tag, digest in removals]
