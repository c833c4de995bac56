"""Catalogues filled row by row, so that their answers can be worked out by hand."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

import ocinb

REGISTRY, REPOSITORY = "registry.example", "team/app"
START = datetime(2026, 1, 1, tzinfo=UTC)
Row = dict[str, Any]


def at(days: float | None) -> datetime | None:
    """Give the time so many days after the first; None stays None."""
    return None if days is None else START + timedelta(days=days)


def content(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def entry(path: str, size: int = 0, sha256: str | None = None, **more: Any) -> Row:
    """Make an entry of a layer, a regular file whose content is its path if nothing else is said."""
    kind = more.get("type", "file")
    known = (sha256 or content("" if size == 0 else path)) if kind == "file" else None
    return {"path": path, "type": kind, "size_bytes": size, "sha256": known, "mode": 0o644, "uid": 0, "gid": 0} | more


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Put rows into a table; what a row does not say is NULL."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    marks = f"({', '.join('?' * len(columns))})"
    values = [row.get(column) for row in rows for column in columns]
    names = ", ".join(f'"{column}"' for column in columns)
    connection.execute(f"INSERT INTO {table} ({names}) VALUES {', '.join([marks] * len(rows))}", values)


@dataclass
class Filling:
    """The rows of a catalogue by table."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))

    def layer(
        self, digest: str, *entries: Row, size: int | None = 100, tar_bytes: int = 1000, read: bool = True
    ) -> str:
        """Add a layer, with its entries if it was read."""
        files = sum(one["type"] == "file" for one in entries)
        of_it = {"tar_bytes": tar_bytes, "files": files, "indexed_at": START} if read else {}
        self.tables["layers"].append({"layer_digest": digest, "compressed_bytes": size} | of_it)
        for position, one in enumerate(entries):
            self.tables["files"].append({"layer_digest": digest, "position": position} | one)
        return digest

    def image(
        self,
        digest: str,
        *layers: str | tuple[str, str | None],
        tags: str | None = "",
        created: float | None = None,
        architecture: str = "amd64",
        read: bool = True,
    ) -> str:
        """Add an image of layers, or of pairs of a layer and its instruction, and the tags that point at it."""
        steps = [(one, f"RUN {one}") if isinstance(one, str) else one for one in layers]
        self.tables["manifests"].append(
            {
                "manifest_digest": digest,
                "kind": "image",
                "config_digest": f"config of {digest}",
                "indexed_at": START if read else None,
            }
        )
        self.tables["configs"].append(
            {
                "config_digest": f"config of {digest}",
                "created": at(created),
                "os": "linux",
                "architecture": architecture,
            }
        )
        for number, (layer, instruction) in enumerate(steps):
            row = {"manifest_digest": digest, "layer": number, "layer_digest": layer, "instruction": instruction}
            self.tables["manifest_layers"].append(row)
        for tag in (tags or "").split():
            self.observe(tag, digest)
        return digest

    def index(self, digest: str, *children: str, tags: str = "") -> None:
        """Add an index of images."""
        self.tables["manifests"].append({"manifest_digest": digest, "kind": "index"})
        for position, child in enumerate(children):
            row = {"index_digest": digest, "position": position, "manifest_digest": child, "kind": "image"}
            self.tables["index_entries"].append(row)
        for tag in tags.split():
            self.observe(tag, digest)

    def observe(self, tag: str | None, digest: str | None, day: float = 0, **place: str | None) -> None:
        """Add what a tag pointed at, so many days after the first."""
        row = {"registry": REGISTRY, "repository": REPOSITORY, "tag": tag, "digest": digest, "observed_at": at(day)}
        self.tables["observations"].append(row | place)

    def overlay(self, digest: str, layer: int, position: int, **what: Any) -> None:
        """Add what became of an entry of an image."""
        row = {"manifest_digest": digest, "layer": layer, "position": position}
        self.tables["overlay"].append(row | {"change": "added", "visible": False, "hidden": False} | what)

    def catalog(self) -> ocinb.Catalog:
        """Make the catalogue."""
        made = ocinb.Catalog()
        with made._connections.write() as connection:
            for table, rows in self.tables.items():
                insert(connection, table, rows)
        return made
