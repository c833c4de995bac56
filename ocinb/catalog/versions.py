"""Versions: which catalogues and exports this ocinb reads, and what it says of all others."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from ocinb.errors import InvalidError

SCHEMA_VERSION = 3


def version_of(connection: duckdb.DuckDBPyConnection, path: str) -> int | None:
    """Give the version of a catalogue; None if nothing is in the file.

    Raises
    ------
    InvalidError
        If it is another one than ours, or no catalogue.
    """
    there = connection.execute(
        "SELECT table_name FROM duckdb_tables() UNION ALL SELECT view_name FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    if not there:
        return None
    if ("ocinb_version",) not in there:
        raise InvalidError(f"{path} is a database, but no catalogue of ocinb", hint="Choose another path")
    versions = [version for (version,) in connection.execute("SELECT version FROM ocinb_version").fetchall()]
    check_version(versions, f"{path} is a catalogue")
    return SCHEMA_VERSION


def check_version(versions: Sequence[object], what: str) -> None:
    """Refuse what another version wrote.

    Parameters
    ----------
    versions
        The versions that it says to be of, which has to be one.
    what
        What it is, for the message.

    Raises
    ------
    InvalidError
        If it is not ours; the hint says what to do.
    """
    if list(versions) == [SCHEMA_VERSION]:
        return
    said = ", ".join(map(str, versions)) or "unknown"
    newer = len(versions) == 1 and isinstance(versions[0], int) and versions[0] > SCHEMA_VERSION
    hint = "Update ocinb, or choose another path" if newer else "Choose another path and add the images anew"
    raise InvalidError(f"{what} of version {said}, and this ocinb reads version {SCHEMA_VERSION}", hint=hint)
