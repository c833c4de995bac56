"""What the views of names, sizes and bases have to say, by loops over what was stocked: slow, and plain to see."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from tests.catalog.stock import BASE_DIGEST, BASE_NAME, BEGINNING, Look, Stock

Row = dict[str, Any]
LARGEST = 2**63 - 1


def now(stock: Stock) -> list[Look]:
    """Give the last look at each tag, if it still points at something, and what was added by digest."""
    last = {(look.place, look.tag, look.digest if look.tag is None else ""): look for look in stock.looks}
    return [look for look in last.values() if look.digest is not None]


def behind(stock: Stock, digest: str | None) -> set[str]:
    """Give the images of a name that are in the catalogue."""
    if digest in stock.images:
        return {str(digest)}
    children = [entry for entry in stock.indexes.get(str(digest), []) if entry.kind in {"image", "index"}]
    return set().union(*(behind(stock, entry.digest) for entry in children))


def total(sizes: Iterable[int | None]) -> int | None:
    """Add up sizes: unknown if one is, or if it is more than there can be."""
    listed = list(sizes)
    known = [size for size in listed if size is not None]
    return sum(known) if len(known) == len(listed) and sum(known) <= LARGEST else None


def size(stock: Stock, image: str) -> int | None:
    """Give the size of an image, in which a layer may stand twice."""
    return total(stock.sizes[layer] for layer in stock.images[image].layers)


def layers(stock: Stock, images: Iterable[str]) -> set[str]:
    return {layer for image in images for layer in stock.images[image].layers}


def stored(stock: Stock, images: Iterable[str]) -> int | None:
    """Give what images take where each layer is stored once."""
    return total(stock.sizes[layer] for layer in layers(stock, images))


def tags(stock: Stock) -> list[Row]:
    return [
        {
            **_home(look),
            "tag": look.tag,
            "reference": _in_full(look),
            "digest": look.digest,
            "manifest_digest": image,
            "platform": image and stock.images[image].platform,
            "created": image and _created(stock, image),
            "compressed_bytes": image and size(stock, image),
            "observed_at": look.at,
        }
        for look in now(stock)
        if look.tag is not None
        for image in behind(stock, look.digest) or [None]
    ]


def registry_sizes(stock: Stock) -> list[Row]:
    rows = []
    for registry in {look.home[0] for look in now(stock)} - {None}:
        looks = [look for look in now(stock) if look.home[0] == registry and behind(stock, look.digest)]
        images = set().union(*(behind(stock, look.digest) for look in looks))
        if images:
            rows.append(
                {
                    "registry": registry,
                    "repositories": len({look.place for look in looks}),
                    "tags": len({(look.place, look.tag) for look in looks if look.tag is not None}),
                    "images": len(images),
                    "logical_bytes": total(size(stock, image) for image in images),
                    "deduplicated_bytes": stored(stock, images),
                }
            )
    return rows


def repository_sizes(stock: Stock) -> list[Row]:
    rows = []
    for place in {look.place for look in now(stock)}:
        looks = [look for look in now(stock) if look.place == place and behind(stock, look.digest)]
        images = set().union(*(behind(stock, look.digest) for look in looks))
        if images:
            others = [behind(stock, look.digest) for look in _beside(stock, looks[0]) if look.place != place]
            unique = layers(stock, images) - layers(stock, set().union(*others))
            rows.append(
                {
                    **_home(looks[0]),
                    "tags": len({look.tag for look in looks if look.tag is not None}),
                    "images": len(images),
                    "logical_bytes": total(size(stock, image) for image in images),
                    "deduplicated_bytes": stored(stock, images),
                    "unique_bytes": total(stock.sizes[layer] for layer in unique),
                }
            )
    return rows


def tag_sizes(stock: Stock) -> list[Row]:
    rows = []
    for look in now(stock):
        images = behind(stock, look.digest)
        if look.tag is not None and images:
            others = [behind(stock, other.digest) for other in _beside(stock, look) if other is not look]
            freed = layers(stock, images) - layers(stock, set().union(*others))
            rows.append(
                {
                    **_home(look),
                    "tag": look.tag,
                    "digest": look.digest,
                    "platforms": len({stock.images[image].platform for image in images}),
                    "logical_bytes": total(size(stock, image) for image in images),
                    "reclaimable_bytes": total(stock.sizes[layer] for layer in freed),
                }
            )
    return rows


def base_images(stock: Stock) -> list[Row]:
    """Reckon with all but the references, which the view `images` has."""
    rows = []
    for digest, image in stock.images.items():
        base = _base(stock, digest)
        noted = _noted(stock, digest)
        if base is not None or any(noted):
            rows.append(
                {
                    "manifest_digest": digest,
                    "platform": image.platform,
                    "base_digest": base,
                    "base_layers": base and len(stock.images[base].layers),
                    "annotated_name": noted[0],
                    "annotated_digest": noted[1],
                    "outdated": base and _outdated(stock, base),
                }
            )
    return rows


def _base(stock: Stock, digest: str) -> str | None:
    """Try ever shorter beginnings of an image."""
    image = stock.images[digest]
    for length in range(len(image.layers) - 1, 0, -1):
        same = [other for other in stock.images if stock.images[other].chain == image.chain[:length]]
        if same:
            return min(same, key=lambda other: _preference(stock, digest, other))
    return None


def _preference(stock: Stock, digest: str, base: str) -> tuple[Any, ...]:
    platforms, day = (stock.images[one].platform for one in (digest, base)), stock.images[base].day
    return len(set(platforms)), _outdated(stock, base) is None, 10**9 if day is None else day, base


def _outdated(stock: Stock, base: str) -> bool | None:
    """Say whether all tags that ever led here, and still exist, lead elsewhere now."""
    led = {
        (look.place, look.tag) for look in stock.looks if look.tag is not None and base in behind(stock, look.digest)
    }
    standing = [look for look in now(stock) if (look.place, look.tag) in led]
    return all(base not in behind(stock, look.digest) for look in standing) if standing else None


def _noted(stock: Stock, digest: str) -> tuple[str | None, str | None]:
    places = [stock.images[digest].annotations]
    for index in sorted(stock.indexes):
        places += [entry.annotations for entry in stock.indexes[index] if entry.digest == digest]
    for told in places:
        noted = told.get(BASE_NAME) or None, told.get(BASE_DIGEST) or None
        if any(noted):
            return noted
    return None, None


def _beside(stock: Stock, look: Look) -> list[Look]:
    """Give the names that share storage with one: those of its registry, or of its file."""
    registry, repository = look.home
    return [one for one in now(stock) if one.home[0] == registry and (registry or one.home[1] == repository)]


def _home(look: Look) -> Row:
    registry, repository = look.home
    return {"registry": registry, "repository": repository}


def _in_full(look: Look) -> str:
    return f"{look.place}:{look.tag}" if look.tag else look.place


def _created(stock: Stock, image: str) -> Any:
    day = stock.images[image].day
    return None if day is None else BEGINNING + timedelta(days=day)
