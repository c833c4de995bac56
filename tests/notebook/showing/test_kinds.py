"""Columns are shown by what they are, and a frame is known as ours by its columns, whole or in part."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.catalog import schemas as of_catalogues
from ocinb.frames import schemas
from ocinb.notebook.showing.kinds import Kind, is_ours, kind_of, meaning_of, title_of
from ocinb.samples import SampleRegistry

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


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.name)
def test_every_table_of_ours_is_known_and_named(schema: Any) -> None:
    frame = schema.frame([])
    assert is_ours(frame)
    assert title_of(frame) == schema.name.replace("_", " ")
    assert is_ours(frame[list(reversed(frame.columns))])


def test_a_part_of_a_frame_is_ours_too(registry: SampleRegistry) -> None:
    layers = ocinb.layers(registry.reference("demo/shop:2.0"))
    assert is_ours(layers[["layer", "compressed_bytes"]])
    assert is_ours(layers.head(2)[["digest"]])
    assert is_ours(layers.groupby("platform")[["compressed_bytes"]].sum().reset_index())
    assert is_ours(layers[["layer", "instruction"]].assign(share=0.5))


def test_an_answer_of_a_catalogue_is_ours(catalog: ocinb.Catalog) -> None:
    assert is_ours(catalog.sql("FROM images"))
    assert is_ours(catalog.sql("SELECT reference, sum(compressed_bytes) AS total_bytes FROM images GROUP BY ALL"))
    assert not is_ours(catalog.sql("SELECT 42 AS answer"))


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": [1], "b": ["x"]}),
        pd.DataFrame({"path": ["x"], "type": ["y"], "user": ["z"]}),
        pd.DataFrame({"size_bytes": [1]}),
        pd.DataFrame({"digest": ["of the news"]}),
        pd.DataFrame({1: [1], 2: [2]}),
        pd.DataFrame([[1, 2]], columns=["compressed_bytes", "compressed_bytes"]),
        pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("compressed_bytes", "sum")])),
        pd.DataFrame({"compressed_bytes": pd.array([1], dtype="Int64"), "a": 1, "b": 2, "c": 3}),
    ],
    ids=lambda frame: ",".join(map(str, frame.columns)),
)
def test_what_others_made_is_not_ours(frame: pd.DataFrame) -> None:
    assert not is_ours(frame)
    assert title_of(frame) == ""


def test_a_column_says_what_it_means_in_its_table() -> None:
    assert meaning_of("digest", "layers") == "the digest of the blob"
    assert meaning_of("digest", "") == "", "it means something else in each table"
    assert meaning_of("tar_bytes", "layers").startswith("the size of the tar")
    assert meaning_of("mine", "layers") == ""
