"""Schemas: what a table's columns are called, what type and unit they have, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ocinb._imports import collector_off

if TYPE_CHECKING:
    import pandas as pd

TEXT: Final = "str"
NUMBER: Final = "Int64"
TIME: Final = "datetime64[us, UTC]"
FLAG: Final = "boolean"
OBJECT: Final = "object"  # dicts and lists


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name
        Its name.
    dtype
        Its pandas type.
    meaning
        What it says.
    unit
        The unit of a number, else empty.
    """

    name: str
    dtype: str
    meaning: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a table, in their order.

    Attributes
    ----------
    name
        What the table is called.
    row
        What one row is about.
    columns
        The columns.
    """

    name: str
    row: str
    columns: tuple[Column, ...]

    def frame(self, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
        """Make a DataFrame; what a row lacks is NA, and without rows the columns and types are the same.

        Parameters
        ----------
        rows
            A mapping for each row, from column name to value.
        """
        with collector_off():
            import pandas as pd

        listed = list(rows)
        columns = {column.name: _series(column, [row.get(column.name) for row in listed]) for column in self.columns}
        return pd.DataFrame(columns, copy=False)


def _series(column: Column, values: list[Any]) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype == OBJECT:
        return pd.Series([pd.NA if value is None else value for value in values], dtype=object, name=column.name)
    if column.dtype == TEXT:
        # A subclass of str, such as Digest, is stored as the plain text it is.
        values = [None if value is None else str(value) for value in values]
    try:
        return pd.Series(values, dtype=column.dtype, name=column.name)
    except (
        UnicodeEncodeError
    ):  # pyarrow, where it is installed, keeps no lone surrogates; the same type without it does
        return pd.Series(values, dtype=pd.StringDtype("python", na_value=float("nan")), name=column.name)
