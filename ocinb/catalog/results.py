"""Results: from DuckDB to pandas, with whole numbers that stay whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb

from ocinb._schemas import FLAG, NUMBER, TEXT

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = frozenset("TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER".split())
# sum() of whole numbers is one of these; pandas has no such types, and DuckDB's way out is floating point, or none.
_HUGE = re.compile(r"(HUGEINT|UHUGEINT|UBIGINT|BIGNUM|DECIMAL\(\d+,0\))(?P<lists>(\[\d*\])*)")
# Of the times only this one comes out in UTC and microseconds.
_TIME = "TIMESTAMP WITH TIME ZONE"


def to_frame(relation: duckdb.DuckDBPyRelation) -> pd.DataFrame:
    """Run a query and give its result.

    Parameters
    ----------
    relation
        The query, not run yet.

    Returns
    -------
    DataFrame
        Text as ``str``, whole numbers as ``Int64``, truth values as ``boolean``, times and dates as times in UTC, MAP
        as dict, lists as lists.
    """
    types = [str(kind) for kind in relation.types]
    columns = [_column(place, kind) for place, kind in enumerate(types, start=1)]
    named = zip(columns, relation.columns, strict=True)
    frame: pd.DataFrame = relation.project(", ".join(f"{column} AS {_quoted(name)}" for column, name in named)).df()
    # By the names of the frame: of columns of one name DuckDB calls the second "a_1".
    for name, kind in zip(frame.columns, types, strict=True):
        frame[name] = _converted(frame[name], kind)
    return frame


def _column(place: int, kind: str) -> str:
    if huge := _HUGE.fullmatch(kind):
        return f"#{place}::VARCHAR{huge['lists']}"
    if kind.startswith("ENUM"):
        return f"#{place}::VARCHAR"
    return f"#{place}::{_TIME}" if kind.startswith(("TIMESTAMP", "DATE")) and "[" not in kind else f"#{place}"


def _converted(series: pd.Series[Any], kind: str) -> pd.Series[Any]:
    import pandas as pd

    if kind in _WHOLE:
        return series.astype(NUMBER)
    if huge := _HUGE.fullmatch(kind):
        return _listed_numbers(series) if huge["lists"] else _whole(series)
    if kind == "BOOLEAN":
        return series.astype(FLAG)
    if kind in {"VARCHAR", "JSON"} or kind.startswith("ENUM"):
        return series.astype(TEXT)
    if kind.endswith("]"):
        return pd.Series([_listed(value) for value in series], dtype=object, index=series.index)
    return series


def _listed_numbers(series: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    return pd.Series([_numbers(_listed(value)) for value in series], dtype=object, index=series.index)


def _numbers(value: Any) -> Any:
    """Read the numbers in lists of texts."""
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    return int(value) if isinstance(value, str) else None


def _listed(value: Any) -> Any:
    """Give lists, and those in them, as lists; DuckDB gives arrays."""
    if not hasattr(value, "tolist"):
        return value
    return [_listed(inner) for inner in value.tolist()]


def _whole(series: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    values = [None if pd.isna(value) else int(value) for value in series]
    fits = all(value is None or -(2**63) <= value < 2**63 for value in values)
    return pd.Series(values, dtype=NUMBER if fits else object, index=series.index)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
