"""On random catalogues the views of names, sizes and bases give what a slow reckoning gives."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pandas as pd
import pytest

from tests.catalog import slow_sizes
from tests.catalog.stock import BASE_DIGEST, BASE_NAME, Stock
from tests.frames.facts import known

VIEWS = ("tags", "registry_sizes", "repository_sizes", "tag_sizes", "base_images")
PLACES = ("r.test/a", "r.test/b", "r.test/c/d", "s.test:5000/a", "oci:one", "oci-archive:two.tar", "s.test/oci:one")
SEEDS = range(20)


def random_stock(seed: int) -> Stock:
    """Make a catalogue in which everything is shared, moves, is gone, unknown or untrue now and then."""
    chance = random.Random(seed)
    tars = "abcdefg"[: chance.randint(2, 7)]
    stock = Stock({f"{tar}{end}": _size(chance, seed) for tar in tars for end in ("", ".gz", ".zst")})
    for number in range(chance.randint(1, 12)):
        below = chance.choice([(), *(image.layers for image in stock.images.values())])
        layers = (*below, *chance.choices(sorted(stock.sizes), k=chance.randint(0, 3)))
        platform = chance.choice(["linux/amd64", "linux/amd64", "linux/arm64", None])
        day = chance.choice([None, 1, 2, 3])
        stock.image(f"image {number}", *layers, platform=platform, day=day, annotations=_notes(chance))
    for number in range(chance.randint(0, 5)):
        names = [*stock.images, *stock.indexes, "unknown"]
        children = chance.sample(names, k=min(len(names), chance.randint(0, 3)))
        kinds = [_kind(chance, stock, child) for child in children]
        notes = {child: _notes(chance) for child in children}
        stock.index(f"index_{number}", *map("\n".join, zip(children, kinds, strict=True)), **notes)
    for _ in range(chance.randint(1, 25)):
        digest = chance.choice([*stock.images, *stock.images, *stock.indexes, "unknown", None])
        tag = chance.choice(["1", "2", "latest", "", None]) if digest else chance.choice(["1", "2"])
        stock.see(chance.choice(PLACES), tag, digest)
    return stock


def _size(chance: random.Random, seed: int) -> int | None:
    unlikely = [None, 2**63 - 1, 2**62] if seed % 3 == 0 else []
    return chance.choice([0, 1, 20, 300, 4000, 50_000, *unlikely])


def _notes(chance: random.Random) -> dict[str, str]:
    every = [{}, {}, {}, {BASE_NAME: "r.test/a:1"}, {BASE_DIGEST: "image 0"}, {BASE_NAME: "", BASE_DIGEST: ""}]
    return chance.choice([*every, {BASE_NAME: "debian:12", BASE_DIGEST: "sha256:0"}])


def _kind(chance: random.Random, stock: Stock, child: str) -> str:
    return "index" if child in stock.indexes else chance.choice(["image", "image", "image", "attestation"])


def counted(rows: list[dict[str, Any]]) -> Counter[str]:
    """Give rows in a form in which their order does not matter, and their number does."""
    return Counter(repr([(name, _plain(row[name])) for name in sorted(row)]) for row in rows)


def _plain(value: Any) -> Any:
    value = known(value)
    return pd.Timestamp(value).isoformat() if hasattr(value, "year") else value


@pytest.mark.parametrize("seed", SEEDS)
def test_the_views_say_what_a_slow_reckoning_says(seed: int) -> None:
    stock = random_stock(seed)
    with stock.catalog() as catalog:
        for view in VIEWS:
            frame = catalog.sql(f"FROM {view}")
            rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
            expected: list[dict[str, Any]] = getattr(slow_sizes, view)(stock)
            wanted = set(expected[0]) if expected else set(frame.columns)
            shown = [{name: value for name, value in row.items() if name in wanted} for row in rows]
            assert counted(shown) == counted(expected), view
        called = catalog.sql("SELECT manifest_digest, reference FROM images")
        based = catalog.sql("FROM base_images")
    names = dict(zip(called["manifest_digest"], called["reference"], strict=True))
    for of, by in (("manifest_digest", "reference"), ("base_digest", "base_reference")):
        assert list(map(known, based[by])) == [known(names.get(digest)) for digest in based[of]]


def test_the_random_catalogues_have_all_that_is_hard() -> None:
    stocks = [random_stock(seed) for seed in SEEDS]
    found = [{view: getattr(slow_sizes, view)(stock) for view in VIEWS} for stock in stocks]
    bases = [row for one in found for row in one["base_images"]]
    assert {row["outdated"] for row in bases} == {True, False, None}
    assert {row["base_digest"] is None for row in bases} == {True, False}
    assert max(row["base_layers"] or 0 for row in bases) > 3
    tags = [row for one in found for row in one["tag_sizes"]]
    assert any(row["logical_bytes"] is None and row["reclaimable_bytes"] for row in tags)
    assert any(row["platforms"] > 1 for row in tags)
    assert any(row["registry"] is None and row["reclaimable_bytes"] for row in tags)
    repositories = [row for one in found for row in one["repository_sizes"]]
    assert any(0 < (row["unique_bytes"] or 0) < (row["deduplicated_bytes"] or 0) for row in repositories)
    assert any(len(image.layers) > len(set(image.layers)) for stock in stocks for image in stock.images.values())
