"""What goes if names go, and what nodes fetch, by loops over what was stocked: slow, and plain to see."""

from __future__ import annotations

from collections.abc import Iterable

from tests.catalog.slow_sizes import LARGEST, layers, now, total
from tests.catalog.stock import Look, Stock

Removal = tuple[str, str | None, str | None]  # a place, and a tag or a digest


def freed(stock: Stock, removals: Iterable[Removal]) -> dict[str, int | None]:
    """Give the layers that go, with their size once for each place where they were stored."""
    gone = set(removals)
    before, after = _stored(stock, now(stock), set()), _stored(stock, _left(stock, gone), gone)
    lost = [layer for storage, held in before.items() for layer in held - after.get(storage, set())]
    return {layer: _times(stock.sizes[layer], lost.count(layer)) for layer in lost}


def cost(stock: Stock, image: str, held: Iterable[str]) -> tuple[int | None, int | None, int | None]:
    """Give the size of all distinct layers, of those that the held images have, and of the rest."""
    own, there = layers(stock, [image]), layers(stock, held)
    return (
        total(stock.sizes[layer] for layer in own),
        total(stock.sizes[layer] for layer in own & there),
        total(stock.sizes[layer] for layer in own - there),
    )


def _left(stock: Stock, gone: set[Removal]) -> list[Look]:
    return [
        look
        for look in now(stock)
        if (look.place, look.tag, None) not in gone and (look.place, None, look.digest) not in gone
    ]


def _stored(stock: Stock, looks: Iterable[Look], gone: set[Removal]) -> dict[str, set[str]]:
    """Give the layers that each registry or file needs for some names."""
    stored: dict[str, set[str]] = {}
    for look in looks:
        storage = f"registry {look.home[0]}" if look.home[0] else look.place
        stored.setdefault(storage, set()).update(layers(stock, _behind(stock, str(look.digest), look.place, gone)))
    return stored


def _behind(stock: Stock, digest: str, place: str, gone: set[Removal]) -> set[str]:
    """Give the images of a name, but for those that were removed by their digest."""
    if (place, None, digest) in gone:
        return set()
    if digest in stock.images:
        return {digest}
    children = [entry.digest for entry in stock.indexes.get(digest, []) if entry.kind in {"image", "index"}]
    return set().union(*(_behind(stock, child, place, gone) for child in children))


def _times(size: int | None, count: int) -> int | None:
    return None if size is None or size * count > LARGEST else size * count
