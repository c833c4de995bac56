"""Meanings: the one place that says what each column of the tables and views says.

Most columns say the same wherever they stand; the others have a meaning of their own in their table.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from operator import itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb

from ocinb._arguments import suggesting
from ocinb._suggestions import nearest
from ocinb._text import card, counted, human_size
from ocinb.catalog import schemas
from ocinb.catalog.connection import Connections
from ocinb.errors import InvalidError, NotFoundError, OcinbError

if TYPE_CHECKING:
    import pandas as pd


# What the views and functions are made of, which nobody else needs to know.
HELPERS = frozenset({"current_images", "current_names", "ocinb_version", "stored_files"})

_EVERYWHERE = MappingProxyType(
    {
        "annotations": "the annotations",
        "architecture": "the architecture, as it came",
        "artifact_type": "what kind of artifact it says that it is",
        "chain_id": "the identity of all layers up to this one",
        "change": "added, modified (the path stood below) or deleted (of a marker)",
        "compressed_bytes": "the size of its layers, as they are stored, one that stands twice twice; NULL if unknown",
        "config_digest": "the digest of the image's config",
        "created": "when it was made; NULL for Go's zero time and the Unix epoch",
        "created_by": "what the builder wrote down, as it came",
        "deduplicated_bytes": "the size of the distinct layers of its images",
        "diff_id": "the digest of the tar in the layer",
        "digest": "what the tag points at",
        "gid": "the number of the group that owns it",
        "images": "how many images it has, each counted once however many tags it has",
        "index_digest": "the digest of the index",
        "indexed_at": "when its files were read; NULL if they were not",
        "instruction": "what the Dockerfile said",
        "labels": "the labels",
        "layer": "the layer's number, from 0 at the base",
        "layer_digest": "the digest of the layer's blob",
        "layers": "how many layers it has",
        "link_target": "what a link names; NULL if it is none",
        "logical_bytes": "the size of its images, whatever they share",
        "manifest_bytes": "the size of the manifest itself",
        "manifest_digest": "the digest of the image's manifest",
        "media_type": "the media type",
        "mode": "the permission bits, with setuid, setgid and sticky",
        "mtime": "when its content was last changed; NULL if no clock shows it",
        "observed_at": "when that was seen",
        "os": "the operating system, as it came",
        "path": "the path, without a leading slash; the root's is empty, of a marker what it removes",
        "platform": "the platform in its normal form; NULL for what is no image",
        "raw": "the document as it came; its hash is its digest",
        "reference": "the image's name: a tag that points at it now, itself or by its index, else repository@digest",
        "registry": "the registry's host, with its port; NULL for a file",
        "repository": "the repository's path in its registry; of a file its transport and path",
        "sha256": "the SHA-256 of a regular file's content, in 64 hex digits; NULL for all others",
        "size_bytes": "the size of a file's content, 0 for what has none",
        "subject": "the digest of the manifest that it speaks about",
        "tag": "the tag, or the name in a file, empty for what has none; NULL: named by its digest",
        "tags": "how many tags it has",
        "tar_bytes": "the size of the tar, unpacked; NULL if it was not read",
        "type": "file, directory, symlink, hardlink, character, block, fifo, whiteout or opaque",
        "uid": "the number of the user that owns it",
        "user": "who the process runs as; NULL is root",
        "variant": "the variant of the architecture, as it came",
        "visible": "whether this very entry is what the final file system shows there; NULL if that was not worked out",
    }
)

_HERE = MappingProxyType(
    {
        "base_images": {
            "annotated_digest": "the digest of the base, as an annotation of the image says",
            "annotated_name": "the name of the base, as an annotation of the image says",
            "base_digest": "the manifest of the base: the image whose layers are the longest beginning of this one's",
            "base_layers": "how many layers the base has",
            "base_reference": "the base's name, as in images",
            "outdated": "whether the tags of the base have moved on from it; NULL if it has none",
        },
        "configs": {
            "cmd": "the command or its default arguments",
            "created": "when the image was made; NULL for Go's zero time and the Unix epoch",
            "entrypoint": "the entrypoint",
            "env": "the environment",
        },
        "current_names": {"digest": "what the name points at now", "observed_at": "when it was last seen so"},
        "failures": {
            "error": "why it failed",
            "failed_at": "when it failed",
            "reference": "the name as it was typed",
            "stage": "what was to be done",
        },
        "file_duplicates": {
            "copies": "how many regular files have this content in the distinct layers that count now",
            "duplicate_bytes": "what all copies but one take, unpacked: (copies - 1) * size_bytes",
            "example_path": "the path of one of them",
            "layers": "in how many distinct layers they stand",
            "sha256": "the SHA-256 of the content, in 64 hex digits",
        },
        "hidden_files": {
            "hidden_by": "the instruction that made the layer that hides it",
            "hidden_bytes": "the size of the content that nothing shows any more",
            "hidden_in": "the layer that hides it; NULL if it never had a place",
            "path": "the path, without a leading slash",
            "reason": "deleted, overwritten, opaque or replaced; NULL if it never had a place",
            "stored_by": "the instruction that made the layer that stores it",
            "stored_in": "the layer that stores it",
        },
        "history": {
            "created": "when the step was run; NULL for Go's zero time and the Unix epoch",
            "empty_layer": "whether the step made no layer",
            "layer": "the layer that the step made; NULL if none, or if history and layers do not fit",
            "position": "its place in the history, from 0",
        },
        "images": {
            "distribution": 'the distribution in it, such as "debian 12"; NULL before its files were read',
            "files": "how many regular files its layers store; NULL if one was not read",
            "tar_bytes": "the size of its layers, unpacked; NULL if one was not read",
        },
        "index_entries": {
            "kind": "image, attestation, artifact, signature, index or unknown",
            "manifest_digest": "the manifest that stands there, or an index",
            "os_version": "the version of the operating system, as it came",
            "position": "its place in the index, from 0",
        },
        "layer_files": {"position": "its place in the layer's tar, from 0"},
        "files": {"position": "its place in the layer's tar, from 0"},
        "layer_sharing": {
            "compressed_bytes": "the size of the layer's blob; NULL in Docker's schema 1",
            "images": "how many images have it",
            "instruction": "what the Dockerfile said that made it",
            "reference": "the name of an image that has it",
            "repositories": "how many repositories have such images",
            "saved_bytes": "what sharing it saves: (its images - 1) * compressed_bytes, over all registries",
        },
        "layers": {
            "compressed_bytes": "the size of the blob; NULL in Docker's schema 1",
            "compression": "gzip, zstd, bzip2, xz or none",
            "files": "how many regular files it stores; NULL if it was not read",
        },
        "manifests": {
            "config_digest": "the digest of the config; NULL for an index",
            "distribution": 'the distribution in the image, such as "debian 12"; NULL before its files were read',
            "indexed_at": "when the files of the image were read; NULL if they were not",
            "kind": "image, attestation, artifact, signature, index or unknown: what it is by itself",
            "manifest_digest": "the digest of the manifest or index",
        },
        "observations": {"digest": "what the tag pointed at; NULL: it was gone", "observed_at": "when that was seen"},
        "overlay": {
            "hidden": "whether no name of its content is left in the final file system",
            "hidden_in": "the layer that hides it; NULL if none does, or if it never had a place",
            "position": "its place in the layer's tar, from 0",
            "reason": "deleted, overwritten, opaque or replaced; NULL if it never had a place",
        },
        "referrers": {
            "annotations": "the annotations of the referrer",
            "artifact_type": "what the referrer is; NULL where nobody says it",
            "found_via": "api, tag, index or cosign: how it was found",
            "referrer_digest": "the referrer's digest",
            "subject": "the digest of what it refers to",
        },
        "registry_sizes": {"repositories": "how many repositories have such images"},
        "registry_summary": {
            "definition": "what it is, and over what it is reckoned",
            "figure": "the figure's name",
            "unit": "its unit",
            "value": "its value, in its unit; NULL where there is nothing to count",
        },
        "repository_sizes": {"unique_bytes": "the size of the layers that no other repository of the registry has"},
        "size_history": {
            "delta_bytes": "compressed_bytes less that of the tag before; NULL for the first",
            "grown_by": "the instruction that made the layer that grew most",
            "grown_bytes": "by how much that layer grew",
            "grown_in": "the layer that grew most against the tag before; NULL for the first, or if none grew",
        },
        "tag_history": {
            "digest": "what the tag pointed at in this stay",
            "first_seen": "when it was first seen there",
            "last_seen": "when it was last seen there",
            "previous_digest": "what it pointed at in the stay before; NULL for the first",
        },
        "tag_sizes": {
            "platforms": "how many platforms its images are for",
            "reclaimable_bytes": "the size of the layers that would be freed if this tag alone went",
        },
        "tags": {
            "manifest_digest": "the digest of an image behind the tag; NULL if none is in the catalogue",
            "reference": "the tag in full",
        },
    }
)

_TABLES = frozenset({*_HERE, "current_images", "find", "manifest_layers"})


def is_ours(table: str) -> bool:
    """Tell a table, view or macro of ocinb from one that people made."""
    return table in _TABLES


def column_names() -> frozenset[str]:
    """Name all columns of ours."""
    return frozenset(_EVERYWHERE).union(*_HERE.values())


def meaning_of(table: str, column: str) -> str | None:
    """Say what a column says; None if it is none of ours.

    >>> meaning_of("tags", "reference"), meaning_of("mine", "reference")
    ('the tag in full', None)
    """
    if not is_ours(table):
        return None
    return _HERE.get(table, {}).get(column) or _EVERYWHERE.get(column)


def unit_of(table: str, column: str) -> str | None:
    """Give the unit of a column of ours; None if it has none.

    >>> unit_of("layers", "tar_bytes"), unit_of("layers", "files")
    ('bytes', None)
    """
    return "bytes" if column.endswith("_bytes") and meaning_of(table, column) else None


# What has a comment is there to be asked; what has none is a helper of ours, or a table of somebody's own.
_LISTED = """
    SELECT table_name, 'table', comment FROM duckdb_tables()
    WHERE comment IS NOT NULL AND (database_name, schema_name) = (current_database(), 'main')
    UNION ALL
    SELECT view_name, 'view', comment FROM duckdb_views()
    WHERE comment IS NOT NULL AND (database_name, schema_name) = (current_database(), 'main')
    UNION ALL
    SELECT DISTINCT function_name, 'macro', comment FROM duckdb_functions()
    WHERE function_type = 'table_macro' AND comment IS NOT NULL
    AND (database_name, schema_name) = (current_database(), 'main')
    ORDER BY ALL
"""
_COLUMNS = """
    SELECT table_name, column_name, data_type, comment FROM duckdb_columns()
    WHERE NOT internal AND (database_name, schema_name) = (current_database(), 'main')
    ORDER BY table_name, column_index
"""
_MACROS = """
    SELECT function_name, any_value(len(parameters)) FROM duckdb_functions()
    WHERE function_type = 'table_macro' AND NOT internal AND (database_name, schema_name) = (current_database(), 'main')
    GROUP BY function_name
"""
# How to go on, with an empty one and with one that has something.
_NEXT = {
    False: [("next", "catalog.add('python:3.12')", "puts an image into it")],
    True: [
        ("next", "catalog.tables()", "says what there is to ask"),
        ("", "catalog.columns('images')", "says what the columns of one are"),
        ("", "catalog.sql('FROM images')", "asks"),
    ],
}


class Described:
    """What a catalogue says of itself."""

    _connections: Connections

    @suggesting
    def tables(self) -> pd.DataFrame:
        """Say what there is to ask.

        Returns
        -------
        DataFrame
            One row per table, view and table macro: name, kind, rows, description. Of a table ``rows`` is how many it
            has. It is NA for a view and a macro: they are worked out when they are asked, and to count some takes long.

        Raises
        ------
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.Catalog() as catalog:
        ...     tables = catalog.tables()
        >>> tables.loc[tables["name"] == "images", "kind"].tolist()
        ['view']
        """
        return self._connections.ask(_tables, what="the tables cannot be counted")

    @suggesting
    def columns(self, table: str | None = None) -> pd.DataFrame:
        """Say what the columns of the tables, views and table macros are called, and what they say.

        Parameters
        ----------
        table
            The name of one table, view or table macro, such as ``"find"``; None for all of them.

        Returns
        -------
        DataFrame
            One row per column, in its order: table, column, type (DuckDB's), unit, description.

        Raises
        ------
        NotFoundError
            If there is no such table, view or macro; the hint says which one may have been meant.
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.Catalog() as catalog:
        ...     columns = catalog.columns("layers")
        >>> columns.loc[columns["column"] == "tar_bytes", ["type", "unit"]].values.tolist()
        [['BIGINT', 'bytes']]
        """
        if table is not None and not isinstance(table, str):
            raise InvalidError(f"table takes the name of a table or a view, not {table!r}")
        return self._connections.ask(lambda connection: _columns(connection, table), what="the columns cannot be read")

    def _shown(self, name: str) -> str:
        """Show it as HTML: where it is kept, what is in it, and how to go on."""
        path = self._connections.path
        try:
            tables = self.tables()
            size = human_size(path.stat().st_size) if isinstance(path, Path) else "in memory"
        except (OcinbError, OSError) as error:  # another process may hold it, or it may be gone
            return card(name, str(error), [])
        filled = tables[(tables["kind"] == "table") & (tables["rows"].fillna(0) > 0)]
        rows = [
            (str(row["name"]), counted(row["rows"], "row"), str(row["description"]))
            for row in filled.to_dict("records")
        ]
        return card(name, size if rows else f"{size}, empty", [*rows, *_NEXT[bool(rows)]])


def _tables(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    listed = [row for row in connection.execute(_LISTED).fetchall() if row[0] not in HELPERS]
    counts = {name: connection.table(name).count("*").fetchall()[0][0] for name, kind, _ in listed if kind == "table"}
    return schemas.TABLES.frame(
        {"name": name, "kind": kind, "rows": counts.get(name), "description": description}
        for name, kind, description in listed
    )


def _columns(connection: duckdb.DuckDBPyConnection, table: str | None) -> pd.DataFrame:
    macros = dict(connection.execute(_MACROS).fetchall())
    rows: list[tuple[str, str, str, str | None]] = connection.execute(_COLUMNS).fetchall()
    for name in [name for name in macros if is_ours(name)] if table is None else macros.keys() & {table}:
        rows += _columns_of_macro(connection, name, macros[name])
    wanted = [row for row in rows if row[0] == table or (table is None and row[0] not in HELPERS)]
    if table is not None and not wanted:
        raise _no_table(table, {name for name, *_ in rows} | macros.keys())
    return schemas.COLUMNS.frame(
        {
            "table": name,
            "column": column,
            "type": kind,
            "unit": unit_of(name, column),
            "description": meaning_of(name, column) or comment,
        }
        for name, column, kind, comment in sorted(wanted, key=itemgetter(0))
    )


def _columns_of_macro(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: int
) -> list[tuple[str, str, str, None]]:
    """Give what a macro returns; DuckDB says it of one that is called, which is not run for that."""
    called = connection.table_function(name, [None] * parameters)
    return [(name, column, str(kind), None) for column, kind in zip(called.columns, called.types, strict=True)]


def _no_table(table: str, known: AbstractSet[str]) -> NotFoundError:
    names = sorted(known - HELPERS)
    near = nearest(table, names)
    hint = f"Did you mean {near!r}?" if near else f"There are: {', '.join(names)}"
    return NotFoundError(f"there is no table, view or macro {table!r} in this catalogue", hint=hint)
