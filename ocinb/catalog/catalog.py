"""The catalogue as people use it: add images, ask in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from ocinb._pool import run_all, woken_by
from ocinb.catalog.callers import call_among, frames_of_callers
from ocinb.catalog.connection import MEMORY, Connections, translated
from ocinb.catalog.loading import find, load
from ocinb.catalog.results import to_frame
from ocinb.catalog.rows import Row
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.frames.collecting import Names, attempt_all, list_names
from ocinb.frames.opening import Platforms, wanted_platforms
from ocinb.sources.session import default_session

if TYPE_CHECKING:
    import pandas as pd

# How many names are asked for before what came is written: a connection costs as much as several images.
BATCH = 64


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

        Raises
        ------
        InvalidError
            If `platform` or `depth` is none.
        TransportError
            If the file cannot be written, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        ...     twice = [catalog.add(registry.reference("demo/shop:2.0")) for _ in range(2)]
        >>> [added[["outcome", "images"]].to_dict("records") for added in twice]
        [[{'outcome': 'added', 'images': 2}], [{'outcome': 'present', 'images': 2}]]
        """
        if depth != "metadata":
            raise InvalidError(f"depth takes 'metadata', not {depth!r}")
        session, names, wanted = default_session(), list_names(references), wanted_platforms(platform)
        told: list[Row] = []
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            results = attempt_all(batch, lambda name: find(name, session, wanted), errors="skip", session=session)
            with self._connections.write() as connection:
                told.extend(load(connection, result) for result in results)
        return schemas.ADDED.frame(told)

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
            The result: whole numbers ``Int64``, text ``str``, times and dates in UTC, MAP as dict. A statement without
            a result gives an empty frame.

        Raises
        ------
        InvalidError
            If DuckDB refuses the query; its own words say why.
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Examples
        --------
        >>> import ocinb, pandas
        >>> ports = pandas.DataFrame({"port": [80, 443]})
        >>> with ocinb.Catalog() as catalog:
        ...     catalog.sql("SELECT port FROM ports WHERE port > $least", {"least": 100})["port"].tolist()
        [443]
        """
        if params is not None and not isinstance(params, list | tuple | dict):
            raise InvalidError(f"params takes a list or a dict of values, not a {type(params).__name__}")
        frames = frames_of_callers()

        def ask(asked: str) -> pd.DataFrame:
            with (
                self._connections.connect() as connection,
                translated("DuckDB refuses the query"),
                woken_by(connection.interrupt),
            ):
                relation = call_among(frames, partial(connection.sql, asked, params=params))
                return _empty() if relation is None else to_frame(relation)

        # In a thread of its own, which has the connection to itself: DuckDB heeds another thread's interrupt at once,
        # and Ctrl-C late or never; what does not heed it goes on there, and nobody waits for it.
        [frame] = run_all(ask, [query], workers=1)
        return frame

    def tables(self) -> pd.DataFrame:
        """Say what there is to ask.

        Returns
        -------
        DataFrame
            One row per table and view: name, kind, rows, description.

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
        with self._connections.connect() as connection:
            listed = connection.execute(
                "SELECT table_name, 'table', comment FROM duckdb_tables() WHERE comment IS NOT NULL "
                "UNION ALL SELECT view_name, 'view', comment FROM duckdb_views() WHERE comment IS NOT NULL "
                "ORDER BY ALL"
            ).fetchall()
            counts = {name: connection.table(name).count("*").fetchall()[0][0] for name, _, _ in listed}
        return schemas.TABLES.frame(
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


def _empty() -> pd.DataFrame:
    return schemas.TABLES.frame([])[[]]
