"""The catalogue as people use it: add images, ask in SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import duckdb

from ocinb._schemas import NUMBER, TEXT, Column, Schema
from ocinb._text import printable
from ocinb.catalog.connection import MEMORY, Connections
from ocinb.catalog.results import to_frame
from ocinb.catalog.rows import TABLES, Row, Rows, rows_of
from ocinb.errors import InvalidError
from ocinb.frames.collecting import Failure, Names, attempt_all, list_names
from ocinb.frames.images import Platforms
from ocinb.sources.exchange import Exchange, observed_by
from ocinb.sources.images import find_images, resolve_name
from ocinb.sources.session import Session, default_session, open_source
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    import pandas as pd

# How many names are asked for before what came is written: a connection costs as much as several images.
BATCH = 64

# What makes two rows of a table the same row.
KEYS = {
    "manifests": ("manifest_digest",),
    "index_entries": ("index_digest", "position"),
    "configs": ("config_digest",),
    "manifest_layers": ("manifest_digest", "layer"),
    "history": ("manifest_digest", "position"),
    "layers": ("layer_digest",),
}
# Columns that travel as JSON.
CASTS = {
    "index_entries": {"annotations": "MAP(VARCHAR, VARCHAR)"},
    "configs": {
        "entrypoint": "VARCHAR[]",
        "cmd": "VARCHAR[]",
        "env": "MAP(VARCHAR, VARCHAR)",
        "labels": "MAP(VARCHAR, VARCHAR)",
    },
}

ADDED = Schema(
    "added",
    "reference",
    (
        Column("reference", TEXT, "the name as it was typed"),
        Column("digest", TEXT, "what it points at"),
        Column("outcome", TEXT, "added, present or failed"),
        Column("images", NUMBER, "how many images it stands for"),
        Column("fetched_bytes", NUMBER, "what came over the wire", "bytes"),
        Column("error", TEXT, "why it failed"),
    ),
)
CONTENTS = Schema(
    "tables",
    "table or view",
    (
        Column("name", TEXT, "its name"),
        Column("kind", TEXT, "table or view"),
        Column("rows", NUMBER, "how many rows it has"),
        Column("description", TEXT, "what a row of it is"),
    ),
)


@dataclass(frozen=True, slots=True)
class _Found:
    """What was learned about one name."""

    name: str
    digest: str
    images: int
    fetched_bytes: int
    rows: Rows


class Catalog:
    """Images of any number of registries in one DuckDB file, keyed by digest, for questions in SQL.

    Parameters
    ----------
    path
        The file, made if need be; ``":memory:"`` keeps nothing. It is held only while something is read or written, so
        two notebooks can use one file.

    Raises
    ------
    InvalidError
        If the file is no catalogue of this version; it is left as it is.
    TransportError
        If another process holds the file.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
    ...     added = catalog.add([registry.reference("demo/shop:1.0"), registry.reference("demo/shop:2.0")])
    ...     shared = catalog.sql("SELECT count(*) AS layers FROM layer_sharing WHERE images > 1")
    >>> added["outcome"].tolist()
    ['added', 'added']
    """

    def __init__(self, path: str | Path = MEMORY) -> None:
        self._connections = Connections(path)

    @property
    def path(self) -> str | Path:
        """Where it is kept."""
        return self._connections.path

    def add(
        self, references: Names, *, platform: Platforms = "all", depth: Literal["metadata"] = "metadata"
    ) -> pd.DataFrame:
        """Read images and put what their documents say into the tables; what is there already is not put in twice.

        Parameters
        ----------
        references
            The name of an image, or several.
        platform
            ``"all"``, or as for `layers`.
        depth
            How much is read: ``"metadata"``, the documents.

        Returns
        -------
        DataFrame
            One row per reference: reference, digest, outcome (added, present, failed), images, fetched_bytes (bytes),
            error. A name that fails does not end the rest; it also stands in the table ``failures``.
        """
        if depth != "metadata":
            raise InvalidError(f"depth takes 'metadata', not {depth!r}")
        session, names = default_session(), list_names(references)
        told: list[dict[str, Any]] = []
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            results = attempt_all(batch, lambda name: _find(name, session, platform), errors="skip", session=session)
            with self._connections.connect() as connection:
                told.extend(_load(connection, result) for result in results)
        return ADDED.frame(told)

    def sql(self, query: str, params: Sequence[Any] | dict[str, Any] | None = None) -> pd.DataFrame:
        """Ask a question in SQL; it may also name the notebook's own DataFrames.

        Parameters
        ----------
        query
            The question, in DuckDB's SQL.
        params
            The values of ``?`` or ``$name`` in it.

        Returns
        -------
        DataFrame
            The result: whole numbers ``Int64``, text ``str``, times in UTC, MAP as dict. A statement without a result
            gives an empty frame.

        Raises
        ------
        InvalidError
            If DuckDB refuses the query; its own words say why.
        """
        with self._connections.connect() as connection, _refusals():
            relation = connection.sql(query, params=params)
            return CONTENTS.frame([])[[]] if relation is None else to_frame(relation)

    def tables(self) -> pd.DataFrame:
        """Say what there is to ask.

        Returns
        -------
        DataFrame
            One row per table and view: name, kind, rows, description.
        """
        with self._connections.connect() as connection:
            listed = connection.execute(
                "SELECT table_name, 'table', comment FROM duckdb_tables() WHERE comment IS NOT NULL "
                "UNION ALL SELECT view_name, 'view', comment FROM duckdb_views() WHERE comment IS NOT NULL "
                "ORDER BY ALL"
            ).fetchall()
            counts = {name: connection.table(name).count("*").fetchall()[0][0] for name, _, _ in listed}
        return CONTENTS.frame(
            {"name": name, "kind": kind, "rows": counts[name], "description": description}
            for name, kind, description in listed
        )

    def close(self) -> None:
        """Give up a catalogue in memory; one in a file needs no closing."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Catalog({str(self.path)!r})"


def _find(name: str, session: Session, platform: Platforms) -> _Found:
    exchanges: list[Exchange] = []
    with observed_by(exchanges.append):
        reference = Reference(name)
        source = open_source(reference, session=session)
        resolved = resolve_name(source, reference.wanted, session.settings)
        images = find_images(source, resolved, platform, session.settings)
    return _Found(
        name=name,
        digest=resolved.document.digest,
        images=sum(image.config is not None for image in images),
        fetched_bytes=sum(exchange.received_bytes for exchange in exchanges),
        rows=rows_of(reference, resolved, images),
    )


def _load(connection: duckdb.DuckDBPyConnection, result: _Found | Failure) -> Row:
    """Write what was learned about one name, wholly or not at all."""
    if isinstance(result, Failure):
        error = printable(str(result.error))
        failed = Rows()
        failed.add("failures", reference=result.reference, stage="metadata", error=error, failed_at=datetime.now(UTC))
        _insert_all(connection, failed)
        return {"reference": result.reference, "outcome": "failed", "error": error}
    new = _insert_all(connection, result.rows)
    return {
        "reference": result.name,
        "digest": result.digest,
        "outcome": "added" if new else "present",
        "images": result.images,
        "fetched_bytes": result.fetched_bytes,
    }


def _insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> int:
    """Insert rows in one transaction, and say how many were new, observations aside."""
    connection.begin()
    try:
        new = {table: _insert(connection, table, listed) for table, listed in rows.tables.items()}
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return sum(count for table, count in new.items() if table in KEYS)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, rows: list[Row]) -> int:
    keys = KEYS.get(table)
    distinct = list({tuple(row[key] for key in keys): row for row in rows}.values()) if keys else rows
    casts = "".join(f', "{column}"::JSON::{kind} AS "{column}"' for column, kind in CASTS.get(table, {}).items())
    left_out = f"EXCLUDE ({', '.join(CASTS[table])})" if casts else ""
    unknown = f"ANTI JOIN {table} USING ({', '.join(keys)})" if keys else ""
    connection.register("fresh", TABLES[table].frame(distinct))
    try:
        # Only names out of this file become SQL; every value travels in the frame.
        query = f"INSERT INTO {table} BY NAME SELECT * {left_out}{casts} FROM fresh {unknown}"  # noqa: S608
        inserted: int = connection.execute(query).fetchall()[0][0]
    finally:
        connection.unregister("fresh")
    return inserted


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise InvalidError(f"DuckDB refuses the query: {' '.join(str(error).split())}") from None
