"""Results: from DuckDB to pandas, with whole numbers that stay whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from ocinb._schemas import FLAG, NUMBER, TEXT, marked

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from duckdb.sqltypes import DuckDBPyType

_WHOLE = frozenset("TINYINT SMALLINT INTEGER BIGINT UTINYINT USMALLINT UINTEGER".split())
# sum() of whole numbers is one of these; pandas has no such types, and DuckDB's way out is floating point, or none.
_HUGE = re.compile(r"HUGEINT|UHUGEINT|UBIGINT|BIGNUM|DECIMAL\(\d+,0\)")
_LISTS = frozenset({"list", "array"})
# Of the times only this one comes out in UTC and microseconds.
_TIME = "TIMESTAMP WITH TIME ZONE"
# A cast would round to microseconds, into another year maybe. What is infinite has no number.
_CUT = "coalesce(make_timestamp(epoch_ns({0}) // 1000 - (epoch_ns({0}) % 1000 < 0)::BIGINT), {0}::TIMESTAMP)::" + _TIME


@dataclass(frozen=True, slots=True)
class _Kind:
    """What stands in a column, in lists that are nested so deep."""

    name: str
    depth: int

    @property
    def is_huge(self) -> bool:
        return _HUGE.fullmatch(self.name) is not None

    @property
    def is_text(self) -> bool:
        return self.name in {"VARCHAR", "JSON"} or self.name.startswith("ENUM")

    @property
    def is_time(self) -> bool:
        return self.name.startswith(("TIMESTAMP", "DATE"))

    @property
    def is_finer(self) -> bool:
        """Whether it is a time in nanoseconds."""
        return self.is_time and "_NS" in self.name


def to_frame(relation: duckdb.DuckDBPyRelation | None) -> pd.DataFrame:
    """Run a query and give its result."""
    import pandas as pd

    if relation is None:
        return marked(pd.DataFrame())
    kinds = [_kind(kind) for kind in relation.types]
    columns = [_expression(f"#{place}", kind) for place, kind in enumerate(kinds, start=1)]
    named = zip(columns, relation.columns, strict=True)
    frame: pd.DataFrame = relation.project(", ".join(f"{column} AS {_quoted(name)}" for column, name in named)).df()
    # By the names of the frame: of columns of one name DuckDB calls the second "a_1".
    for name, kind in zip(frame.columns, kinds, strict=True):
        frame[name] = _converted(frame[name], kind)
    return marked(frame)


def _kind(kind: DuckDBPyType) -> _Kind:
    depth = 0
    while kind.id in _LISTS:
        kind, depth = cast("DuckDBPyType", kind.children[0][1]), depth + 1
    return _Kind(str(kind), depth)


def _expression(value: str, kind: _Kind) -> str:
    """Write in SQL how a value becomes one that pandas can take."""
    if kind.is_finer:
        return _cut(value, kind.depth)
    if kind.is_time:
        return f"{value}::{_TIME}{'[]' * kind.depth}"
    if kind.is_huge or kind.name.startswith("ENUM"):
        return f"{value}::VARCHAR{'[]' * kind.depth}"
    return value


def _cut(value: str, depth: int) -> str:
    if not depth:
        return _CUT.format(value)
    return f"list_transform({value}, lambda inner{depth}: {_cut(f'inner{depth}', depth - 1)})"


def _converted(series: pd.Series[Any], kind: _Kind) -> pd.Series[Any]:
    import pandas as pd

    if kind.depth:
        inner = _time if kind.is_time else _number if kind.is_huge else _as_it_is
        return pd.Series([_listed(value, inner) for value in series], dtype=object, index=series.index)
    if kind.name in _WHOLE:
        return series.astype(NUMBER)
    if kind.is_huge:
        return _whole(series)
    if kind.name == "BOOLEAN":
        return series.astype(FLAG)
    return series.astype(TEXT) if kind.is_text else series


def _listed(value: Any, inner: Callable[[Any], Any]) -> Any:
    """Give lists, and those in them, as lists; DuckDB gives arrays, which may be masked."""
    if isinstance(value, list):
        return [_listed(one, inner) for one in value]
    return _listed(value.tolist(), inner) if hasattr(value, "tolist") else inner(value)


def _as_it_is(value: Any) -> Any:
    return value


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, str) else None


def _time(value: Any) -> Any:
    """Give a time as one in UTC, as it is outside of lists; beyond the year 9999 NumPy has microseconds instead."""
    import pandas as pd

    known = isinstance(value, datetime | int)
    return pd.Timestamp(value, unit=None if isinstance(value, datetime) else "us", tz=UTC) if known else None


def _whole(series: pd.Series[Any]) -> pd.Series[Any]:
    import pandas as pd

    values = [None if pd.isna(value) else int(value) for value in series]
    fits = all(value is None or -(2**63) <= value < 2**63 for value in values)
    return pd.Series(values, dtype=NUMBER if fits else object, index=series.index)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
