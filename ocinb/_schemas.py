"""Schemas: what a table's columns are called, what type and unit they have, and what they mean."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ocinb._lazy import load

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

TEXT: Final = "str"
NUMBER: Final = "Int64"
TIME: Final = "datetime64[us, UTC]"
FLAG: Final = "boolean"
OBJECT: Final = "object"  # dicts and lists

# By this in its ``attrs`` a frame is known as one of ours: pandas keeps it where rows and columns are chosen, sorted
# and summed, and drops it where they are counted, or joined with somebody else's.
_MARK = ("made_by", "ocinb")


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """Mark a frame as one of ours, so that it is shown as one, also in part."""
    name, maker = _MARK
    frame.attrs[name] = maker
    return frame


def is_marked(frame: pd.DataFrame) -> bool:
    """Say whether a frame is one of ours, or was made of one."""
    name, maker = _MARK
    return bool(frame.attrs.get(name) == maker)


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
        """Make a DataFrame; what a row lacks is NA, and without rows the columns and types are the same."""
        if "pandas" not in sys.modules:
            load("pandas")
        import pandas as pd

        listed = list(rows)
        # Arrays, since pandas compares the indexes of all Series, which takes as long as all else for a few rows.
        columns = {
            column.name: _series(column, [row.get(column.name) for row in listed]).array for column in self.columns
        }
        return marked(pd.DataFrame(columns, copy=False))

    def frame_of(self, columns: Mapping[str, Sequence[Any]], *, same: Mapping[str, Any]) -> pd.DataFrame:
        """Make a DataFrame of whole columns: what has half a million rows has no object for each of them."""
        if "pandas" not in sys.modules:
            load("pandas")
        import pandas as pd

        rows = len(next(iter(columns.values())))
        built = {
            column.name: _whole_column(column, columns[column.name])
            if column.name in columns
            else _same_column(column, same.get(column.name), rows)
            for column in self.columns
        }
        return marked(pd.DataFrame(built, copy=False))

    def joined(self, frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """Put frames of this schema under each other."""
        import pandas as pd

        if len(frames) == 1:
            return frames[0]
        return pd.concat(frames, ignore_index=True) if frames else self.frame([])


def _whole_column(column: Column, values: Sequence[Any]) -> pd.Series[Any]:
    """Make a column of many values; but for text they go through NumPy, which takes them ten times as fast."""
    import numpy as np
    import pandas as pd

    if column.dtype == NUMBER:
        return pd.Series(pd.arrays.IntegerArray(*_masked(values, np.int64)), name=column.name)
    if column.dtype == FLAG:
        return pd.Series(pd.arrays.BooleanArray(*_masked(values, np.bool_)), name=column.name)
    if column.dtype == TIME:
        moments, unknown = _masked(values, np.int64)
        moments[unknown] = np.iinfo(np.int64).min  # which NumPy and pandas read as no time
        return pd.Series(moments.view("datetime64[us]"), dtype=column.dtype, name=column.name)
    return _series(column, list(values))


def _masked(values: Sequence[Any], dtype: type[np.generic]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give values as an array, with any value for what is unknown, and which of them are unknown."""
    import numpy as np

    count = len(values)
    if None not in values:
        return np.fromiter(values, dtype=dtype, count=count), np.zeros(count, dtype=bool)
    unknown = np.fromiter((value is None for value in values), dtype=bool, count=count)
    return np.fromiter((0 if value is None else value for value in values), dtype=dtype, count=count), unknown


def _same_column(column: Column, value: object, rows: int) -> pd.Series[Any]:
    """Make a column that has one value in all rows, of which it is made once."""
    import pandas as pd

    return pd.Series(_series(column, [value]).array.repeat(rows), name=column.name)


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
