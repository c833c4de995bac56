"""Kinds: what stands in a column, by its name and type, and so how it is shown."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ocinb._schemas import OBJECT, Column, Schema, is_marked

if TYPE_CHECKING:
    import pandas as pd


class Kind(StrEnum):
    """How the values of a column are shown."""

    SIZE = "size"
    """A number of bytes."""
    DIGEST = "digest"
    CODE = "code"
    """An instruction, or what a builder wrote down."""
    TIME = "time"
    FLAG = "flag"
    MODE = "mode"
    """Permission bits."""
    COUNT = "count"
    NUMBER = "number"
    """A whole number that counts nothing, such as a layer's or a user's."""
    SECONDS = "seconds"
    RATIO = "ratio"
    """A number with a fraction."""
    MAPPING = "mapping"
    """Dicts and lists."""
    NAME = "name"
    """What is typed: a reference, a path, a platform."""
    TEXT = "text"


_DIGESTS = frozenset({"digest", "diff_id", "chain_id", "subject", "sha256"})
_CODE = frozenset({"instruction", "created_by", "stored_by", "hidden_by", "grown_by", "raw", "definition"})
_NUMBERS = frozenset("layer position uid gid status stored_in hidden_in grown_in limit remaining base_layers".split())
_NAMES = frozenset(
    "architecture canonical column example_path link_target local_reference media_type artifact_type method os path "
    "platform reference registry repository tag table type url user variant working_dir annotated_name".split()
)
_BY_NAME = MappingProxyType({"mode": Kind.MODE, "seconds": Kind.SECONDS, "window_seconds": Kind.SECONDS})
# What tells the columns of two frames apart that were merged.
_SUFFIX = re.compile(r"_(?:[a-z0-9]|left|right|old|new|before|after)$")


def kind_of(name: object, values: pd.Series[Any]) -> Kind:
    """Say how the values of a column are shown."""
    import pandas.api.types as dtypes

    if dtypes.is_bool_dtype(values.dtype):
        return Kind.FLAG
    if dtypes.is_datetime64_any_dtype(values.dtype):
        return Kind.TIME
    plain = _SUFFIX.sub("", str(name))
    if dtypes.is_numeric_dtype(values.dtype):
        return _kind_of_number(plain, is_whole=dtypes.is_integer_dtype(values.dtype))
    if dtypes.is_string_dtype(values.dtype) and values.dtype != OBJECT:
        return _kind_of_text(plain)
    return Kind.MAPPING


def _kind_of_number(name: str, *, is_whole: bool) -> Kind:
    if is_size(name):
        # Ours are whole: under the name of one of ours a fraction may be a share, a rank or a mean.
        return Kind.SIZE if is_whole or name not in _vocabulary() else Kind.RATIO
    if name in _BY_NAME:
        return _BY_NAME[name]
    if not is_whole:
        return Kind.RATIO
    return Kind.NUMBER if name in _NUMBERS else Kind.COUNT


def _kind_of_text(name: str) -> Kind:
    if is_digest(name):
        return Kind.DIGEST
    if name in _CODE:
        return Kind.CODE
    return Kind.NAME if name in _NAMES else Kind.TEXT


def is_size(name: str) -> bool:
    """Say whether a column bears the name of a number of bytes."""
    return name.endswith("_bytes") or name == "bytes"


def is_digest(name: str) -> bool:
    """Say whether a column bears the name of a digest."""
    return name in _DIGESTS or name.endswith("_digest")


def is_ours(frame: pd.DataFrame) -> bool:
    """Say whether a frame came from ocinb: all of it, or what pandas made of its rows and columns.

    It bears our mark then, or has all columns of one of our tables, as one has that was kept in a file. No other is
    taken for ours by single names: what was counted under the name of a size is no size.
    """
    return _has_names(frame) and (is_marked(frame) or any(_has_all(frame, schema) for schema in _schemas()))


def title_of(frame: pd.DataFrame) -> str:
    """Give what a frame is called that has all columns of one of our tables, else nothing.

    >>> from ocinb.frames import schemas
    >>> title_of(schemas.KEPT_IMAGES.frame([]))
    'kept images'
    """
    if not _has_names(frame):
        return ""
    return next((schema.name.replace("_", " ") for schema in _schemas() if _has_all(frame, schema)), "")


def _has_names(frame: pd.DataFrame) -> bool:
    """Say whether each column has a text of its own for a name, as ours have."""
    names = list(frame.columns)
    return bool(names) and all(isinstance(name, str) for name in names) and len(set(names)) == len(names)


def _has_all(frame: pd.DataFrame, schema: Schema) -> bool:
    return all(
        column.name in frame.columns and str(frame[column.name].dtype) == column.dtype for column in schema.columns
    )


@cache
def _schemas() -> tuple[Schema, ...]:
    """Give our tables, those with most columns first, so that a frame is called by the one that it is."""
    from ocinb.catalog import schemas as of_catalogues
    from ocinb.frames import schemas as of_frames

    found = [value for room in (of_frames, of_catalogues) for value in vars(room).values()]
    return tuple(sorted({one for one in found if isinstance(one, Schema)}, key=lambda one: -len(one.columns)))


@cache
def _vocabulary() -> frozenset[str]:
    """Give the names of all columns that our tables have, those of a catalogue too."""
    from ocinb.catalog.column_docs import column_names

    return frozenset(column.name for column in _columns()) | column_names()


def _columns() -> list[Column]:
    return [column for schema in _schemas() for column in schema.columns]


def meaning_of(name: str, title: str) -> str:
    """Say what a column says: as the table has it that is called so, else if it says the same in all tables.

    >>> meaning_of("diff_id", "")
    'the digest of the tar in it'
    """
    here = [one for schema in _schemas() if schema.name.replace("_", " ") == title for one in schema.columns]
    meanings = {one.meaning for one in here if one.name == name} or {
        one.meaning for one in _columns() if one.name == name
    }
    return meanings.pop() if len(meanings) == 1 else ""
