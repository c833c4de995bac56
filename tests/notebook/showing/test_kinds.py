"""Columns are shown by what they are, and a frame is known as ours by its columns, whole or in part."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from ocinb.catalog import schemas as of_catalogues
from ocinb.frames import schemas
from ocinb.notebook.show.column_kinds import Kind, kind_of

ALL = [
    value
    for room in (schemas, of_catalogues)
    for value in vars(room).values()
    if isinstance(value, type(schemas.LAYERS))
]


def series(values: list[Any], dtype: str) -> pd.Series[Any]:
    return pd.Series(values, dtype=dtype)


@pytest.mark.parametrize(
    ("name", "dtype", "kind"),
    [
        ("compressed_bytes", "Int64", Kind.SIZE),
        ("mean_bytes", "Float64", Kind.SIZE),
        ("compressed_bytes_h", "Int64", Kind.SIZE),
        ("compressed_bytes_x", "Float64", Kind.RATIO),
        ("digest_right", "str", Kind.DIGEST),
        ("bytes", "Int64", Kind.SIZE),
        ("digest", "str", Kind.DIGEST),
        ("layer_digest", "str", Kind.DIGEST),
        ("sha256", "str", Kind.DIGEST),
        ("instruction", "str", Kind.CODE),
        ("created", "datetime64[us, UTC]", Kind.TIME),
        ("visible", "boolean", Kind.FLAG),
        ("mode", "Int64", Kind.MODE),
        ("files", "Int64", Kind.COUNT),
        ("uid", "Int64", Kind.NUMBER),
        ("seconds", "Float64", Kind.SECONDS),
        ("efficiency", "Float64", Kind.RATIO),
        ("labels", "object", Kind.MAPPING),
        ("path", "str", Kind.NAME),
        ("description", "str", Kind.TEXT),
        ("digest", "Int64", Kind.COUNT),
    ],
)
def test_a_column_is_shown_by_its_name_and_type(name: str, dtype: str, kind: Kind) -> None:
    assert kind_of(name, series([], dtype)) is kind
