"""What would be freed if tags or digests went: worked out by hand, and against a slow reckoning."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from tests.catalog import slow_removal
from tests.catalog.making import sha256
from tests.catalog.slow_removal import Removal
from tests.catalog.slow_sizes import behind, now
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


def test_a_tag_frees_what_it_alone_leads_to() -> None:
    with shop().catalog() as catalog:
        assert freed(catalog, "r.test/shop:1") == {"old": 20}
        assert freed(catalog, "r.test/shop:2") == {}, "latest still leads there"
        assert freed(catalog, "r.test/shop") == {}, "which is latest"


def test_all_tags_of_an_image_free_it() -> None:
    with shop().catalog() as catalog:
        assert freed(catalog, "r.test/shop:2", "r.test/shop:latest") == {"new": 300, "arm": 4}
        assert freed(catalog, "r.test/shop:2", "r.test/shop:latest", "r.test/shop:1") == {
            "base": 1000,
            "new": 300,
            "old": 20,
            "arm": 4,
        }


def test_the_largest_stand_first() -> None:
    with shop().catalog() as catalog:
        frame = catalog.what_if(remove=[f"r.test/shop:{tag}" for tag in ("1", "2", "latest")])
    assert frame["freed_bytes"].tolist() == [1000, 300, 20, 4]


def test_a_digest_goes_with_all_its_names_and_an_index_with_its_children() -> None:
    with shop().catalog() as catalog:
        assert freed(catalog, f"r.test/shop@{INDEX}") == {"new": 300, "arm": 4}
        assert freed(catalog, f"r.test/shop:1@{INDEX}") == {"new": 300, "arm": 4}, "beside a tag the digest counts"


def test_children_that_have_another_name_stay() -> None:
    stock = shop()
    stock.see("r.test/shop", "2-arm", ARM)
    with stock.catalog() as catalog:
        assert freed(catalog, f"r.test/shop@{INDEX}") == {"new": 300}
        assert freed(catalog, f"r.test/shop@{INDEX}", "r.test/shop:2-arm") == {"new": 300, "arm": 4}


def test_an_image_in_an_index_goes_by_its_own_digest() -> None:
    with shop().catalog() as catalog:
        assert freed(catalog, f"r.test/shop@{ARM}") == {"arm": 4}
        assert freed(catalog, f"r.test/shop@{TWO}") == {"new": 300}, "the base is needed by 1"


def test_an_index_within_an_index() -> None:
    stock = shop()
    stock.looks.clear()
    stock.see("r.test/shop", "nested", OUTER)
    with stock.catalog() as catalog:
        everything = {"base": 1000, "new": 300, "arm": 4}
        assert freed(catalog, "r.test/shop:nested") == everything
        assert freed(catalog, f"r.test/shop@{INDEX}") == everything
        assert freed(catalog, f"r.test/shop@{ARM}") == {"arm": 4}


def test_an_index_that_names_itself_ends() -> None:
    stock = shop()
    stock.index(INDEX, TWO, f"{OUTER}\nindex")
    with stock.catalog() as catalog:
        assert freed(catalog, "r.test/shop:2", "r.test/shop:latest") == {"new": 300}


def test_what_was_added_by_digest_is_a_name_too() -> None:
    stock = shop()
    stock.see("r.test/shop", None, ONE)
    with stock.catalog() as catalog:
        assert freed(catalog, "r.test/shop:1") == {}
        assert freed(catalog, f"r.test/shop@{ONE}") == {"old": 20}


def test_a_repository_keeps_what_another_one_of_its_registry_needs() -> None:
    stock = shop()
    stock.see("r.test/copy", "1", ONE)
    with stock.catalog() as catalog:
        assert freed(catalog, "r.test/shop:1") == {}
        assert freed(catalog, f"r.test/shop@{ONE}") == {}, "it is another repository's too"
        assert freed(catalog, "r.test/shop:1", "r.test/copy:1") == {"old": 20}


def test_registries_and_files_share_nothing_and_each_counts() -> None:
    stock = shop()
    stock.see("s.test/shop", "1", ONE)
    stock.see("oci:/folder", "1", ONE)
    stock.see("oci:/folder", "", ONE)
    with stock.catalog() as catalog:
        assert freed(catalog, "s.test/shop:1") == {"base": 1000, "old": 20}
        assert freed(catalog, "s.test/shop:1", "r.test/shop:1") == {"base": 1000, "old": 40}
        assert freed(catalog, "oci:/folder:1") == {}
        assert freed(catalog, "oci:/folder:1", "oci:/folder") == {"base": 1000, "old": 20}
        assert freed(catalog, f"oci:/folder@{ONE}") == {"base": 1000, "old": 20}


def test_a_tag_that_moved_counts_where_it_points_now() -> None:
    stock = shop()
    stock.see("r.test/shop", "1", TWO)
    with stock.catalog() as catalog:
        assert freed(catalog, "r.test/shop:1") == {}
        with pytest.raises(NotFoundError, match="in this catalogue now"):
            catalog.what_if(remove=f"r.test/shop@{ONE}")


def test_sizes_that_are_unknown_or_untrue_stay_so() -> None:
    stock = Stock({"old": None, "liar": 2**62 + 1})
    stock.image(ONE, "old", "liar")
    stock.see("r.test/a", "1", ONE)
    stock.see("s.test/a", "1", ONE)
    with stock.catalog() as catalog:
        assert freed(catalog, "r.test/a:1") == {"liar": 2**62 + 1, "old": None}
        assert freed(catalog, "r.test/a:1", "s.test/a:1") == {"liar": None, "old": None}


def test_nothing_removed_frees_nothing() -> None:
    with shop().catalog() as catalog:
        assert freed(catalog) == {}


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


def test_names_come_in_any_collection() -> None:
    with shop().catalog() as catalog:
        for names in ("r.test/shop:1", ocinb.Reference("r.test/shop:1"), pd.Series(["r.test/shop:1"] * 2)):
            assert catalog.what_if(remove=names)["freed_bytes"].tolist() == [20]


def random_stock(seed: int) -> Stock:
    """Make a catalogue in which much is shared, by tags, indexes, repositories and registries."""
    chance = random.Random(seed)
    stock = Stock({name: chance.choice([0, 1, 20, 300, None, 2**62]) for name in "abcdefgh"[: chance.randint(2, 8)]})
    for number in range(chance.randint(1, 7)):
        below = chance.choice([(), *(image.layers for image in stock.images.values())])
        stock.image(sha256(f"{number}"), *below, *chance.choices(sorted(stock.sizes), k=chance.randint(0, 3)))
    for number in range(chance.randint(0, 4)):
        children = chance.sample([*stock.images, *stock.indexes, "unknown"], k=chance.randint(0, 2))
        kinds = ["index" if child in stock.indexes else chance.choice(["image", "attestation"]) for child in children]
        stock.index(sha256(f"index {number}"), *map("\n".join, zip(children, kinds, strict=True)))
    for _ in range(chance.randint(1, 20)):
        digest = chance.choice([*stock.images, *stock.indexes, None])
        stock.see(chance.choice(PLACES), chance.choice(["1", "2", "latest", None]) if digest else "1", digest)
    return stock


def removable(stock: Stock) -> list[Removal]:
    """Give all that may be removed: tags, what they point at, and the images behind it."""
    found: list[Removal] = [(look.place, look.tag, None) for look in now(stock) if look.tag is not None]
    for look in now(stock):
        found += [(look.place, None, digest) for digest in {str(look.digest), *behind(stock, look.digest)}]
    return sorted(set(found), key=repr)


def spelled(removals: Sequence[Removal]) -> list[str]:
    return [f"{place}:{tag}" if tag is not None else f"{place}@{digest}" for place, tag, digest in removals]


@pytest.mark.parametrize("seed", range(12))
def test_the_bytes_are_those_of_a_slow_reckoning(seed: int) -> None:
    stock = random_stock(seed)
    chance, choices = random.Random(seed), removable(stock)
    with stock.catalog() as catalog:
        for count in [1, 1, 2, 3, 5, len(choices)]:
            removals = chance.sample(choices, k=min(count, len(choices)))
            assert freed(catalog, *spelled(removals)) == slow_removal.freed(stock, removals), spelled(removals)
        alone = catalog.sql("FROM tag_sizes")
        for row in alone.dropna(subset=["reclaimable_bytes"]).to_dict("records"):
            place = row["repository"] if known(row["registry"]) is None else f"{row['registry']}/{row['repository']}"
            assert sum(freed(catalog, f"{place}:{row['tag']}").values()) == row["reclaimable_bytes"]  # type: ignore[arg-type]


def test_the_random_catalogues_have_all_that_is_hard() -> None:
    stocks = [random_stock(seed) for seed in range(12)]
    assert any(look.tag is None for stock in stocks for look in now(stock))
    answers = [slow_removal.freed(stock, [one]) for stock in stocks for one in removable(stock)]
    assert any(answers)
    assert not all(answers)
    assert any(size is None for answer in answers for size in answer.values())
