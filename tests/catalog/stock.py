"""Catalogues written row by row, so that their figures are known beforehand; names stand for digests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import ocinb
from tests.catalog.filling import insert

BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
BASE_NAME, BASE_DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"


@dataclass(frozen=True)
class StockedImage:
    """An image: its layers from the base up, of which "a.gz" and "a.zst" are one tar."""

    layers: tuple[str, ...]
    platform: str | None
    day: int | None
    annotations: dict[str, str]

    @property
    def chain(self) -> list[str]:
        """One chain ID for each layer."""
        tars = [layer.partition(".")[0] for layer in self.layers]
        return ["+".join(tars[: number + 1]) for number in range(len(tars))]


@dataclass(frozen=True)
class StockedEntry:
    """A child of an index."""

    digest: str
    kind: str
    annotations: dict[str, str]


@dataclass(frozen=True)
class Look:
    """What a tag was seen to point at; with None as tag, what was added by digest."""

    place: str
    tag: str | None
    digest: str | None
    at: datetime

    @property
    def home(self) -> tuple[str | None, str]:
        """Registry and repository; a file has no registry."""
        if self.place.startswith(("oci:", "oci-archive:", "docker-archive:")):
            return None, self.place
        registry, _, repository = self.place.removeprefix("docker://").partition("/")
        return registry, repository


@dataclass
class Stock:
    """What a catalogue will hold."""

    sizes: Mapping[str, int | None] = field(default_factory=dict)
    images: dict[str, StockedImage] = field(default_factory=dict)
    indexes: dict[str, list[StockedEntry]] = field(default_factory=dict)
    looks: list[Look] = field(default_factory=list)

    def image(
        self,
        digest: str,
        *layers: str,
        platform: str | None = "linux/amd64",
        day: int | None = 0,
        annotations: dict[str, str] | None = None,
    ) -> None:
        """Have an image; the sizes of its layers stand in `sizes`."""
        self.images[digest] = StockedImage(layers, platform, day, annotations or {})

    def index(self, digest: str, *children: str, **annotations: dict[str, str]) -> None:
        """Have an index; a child may be followed by a line with its kind, and may have annotations under its name."""
        named = [(child.partition("\n")[0], child.partition("\n")[2] or "image") for child in children]
        self.indexes[digest] = [StockedEntry(name, kind, annotations.get(name, {})) for name, kind in named]

    def see(self, place: str, tag: str | None, digest: str | None) -> None:
        """See what a tag points at, later than all that was seen before."""
        self.looks.append(Look(place, tag, digest, BEGINNING + timedelta(hours=len(self.looks))))

    def catalog(self) -> ocinb.Catalog:
        """Write it all into a catalogue in memory."""
        catalog = ocinb.Catalog()
        with catalog._connections.write() as connection:
            for table, rows in self._rows().items():
                if rows:
                    insert(connection, table, rows)
        return catalog

    def _rows(self) -> dict[str, list[dict[str, Any]]]:
        return {
            "observations": [
                {
                    "registry": look.home[0],
                    "repository": look.home[1],
                    "tag": look.tag,
                    "digest": look.digest,
                    "observed_at": look.at,
                }
                for look in self.looks
            ],
            "manifests": [
                {
                    "manifest_digest": digest,
                    "kind": "image",
                    "config_digest": f"config of {digest}",
                    "raw": json.dumps({"annotations": image.annotations} if image.annotations else {}),
                }
                for digest, image in self.images.items()
            ]
            + [{"manifest_digest": digest, "kind": "index", "raw": "{}"} for digest in self.indexes],
            "configs": [_config(digest, image) for digest, image in self.images.items()],
            "manifest_layers": [
                {"manifest_digest": digest, "layer": number, "layer_digest": layer, "chain_id": chain}
                for digest, image in self.images.items()
                for number, (layer, chain) in enumerate(zip(image.layers, image.chain, strict=True))
            ],
            "layers": [
                {"layer_digest": layer, "compressed_bytes": self.sizes[layer]}
                for layer in sorted({layer for image in self.images.values() for layer in image.layers})
            ],
            "index_entries": [
                {
                    "index_digest": digest,
                    "position": position,
                    "manifest_digest": entry.digest,
                    "kind": entry.kind,
                    "annotations": entry.annotations,
                }
                for digest, entries in self.indexes.items()
                for position, entry in enumerate(entries)
            ],
        }


def _config(digest: str, image: StockedImage) -> dict[str, Any]:
    os, _, architecture = (image.platform or "/").partition("/")
    created = None if image.day is None else BEGINNING + timedelta(days=image.day)
    return {
        "config_digest": f"config of {digest}",
        "created": created,
        "os": os or None,
        "architecture": architecture or None,
    }
