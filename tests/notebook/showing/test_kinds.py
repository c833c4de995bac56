"""Columns are shown by what they are, and a frame is known as ours by its columns, whole or in part."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.catalog import schemas as of_catalogues
from ocinb.frames import schemas
from ocinb.notebook.show.column_kinds import Kind, is_ours, kind_of, meaning_of, title_of
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


@pytest.mark.parametrize("schema", ALL, ids=lambda schema: schema.name)
def test_every_table_of_ours_is_known_and_named(schema: Any) -> None:
    frame = schema.frame([])
    assert is_ours(frame)
    assert title_of(frame) == schema.name.replace("_", " ")
    assert is_ours(frame[list(reversed(frame.columns))])


PARTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "columns": lambda layers: layers[["layer", "media_type"]],
    "one column": lambda layers: layers[["instruction"]],
    "rows": lambda layers: layers[layers["layer"] > 2].head(2)[["digest"]],
    "the largest": lambda layers: layers.nlargest(2, "compressed_bytes")[["compression", "layer"]],
    "sorted": lambda layers: layers.sort_values("created")[["created", "platform"]],
    "renamed": lambda layers: layers.rename(columns={"layer": "number"})[["number"]],
    "with a column more": lambda layers: layers[["layer", "instruction"]].assign(share=0.5, a=1, b=2, c=3),
    "sums": lambda layers: layers.groupby("platform")[["compressed_bytes"]].sum(),
    "sums of one": lambda layers: layers.groupby("platform")["compressed_bytes"].sum().reset_index(),
    "joined with itself": lambda layers: layers.merge(layers, on="layer"),
    "twice": lambda layers: pd.concat([layers, layers])[["layer"]],
}
NO_PARTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "counts": lambda layers: layers.groupby("platform").count(),
    "counts by name": lambda layers: layers.groupby("digest")["compressed_bytes"].count().reset_index(),
    "turned": lambda layers: layers.T,
}


@pytest.mark.parametrize("name", PARTS)
def test_what_is_made_of_a_frame_is_ours_too(registry: SampleRegistry, name: str) -> None:
    assert is_ours(PARTS[name](ocinb.layers(registry.reference("demo/shop:2.0"))))


@pytest.mark.parametrize("name", NO_PARTS)
def test_what_has_another_sense_is_not(registry: SampleRegistry, name: str) -> None:
    assert not is_ours(NO_PARTS[name](ocinb.layers(registry.reference("demo/shop:2.0"))))


def test_a_frame_of_one_of_our_tables_is_ours_without_a_mark(registry: SampleRegistry) -> None:
    layers = ocinb.layers(registry.reference("demo/shop:2.0"))
    layers.attrs.clear()
    assert is_ours(layers)
    assert not is_ours(layers[["layer", "compressed_bytes"]])


def test_frames_of_several_functions_go_together(registry: SampleRegistry) -> None:
    shop = registry.reference("demo/shop:2.0")
    both = ocinb.layers(shop).merge(ocinb.configs(shop), on="manifest_digest")
    assert is_ours(both[["platform_x", "user"]])
    assert is_ours(pd.concat([ocinb.layers(shop), ocinb.history(shop)])[["layer", "created"]])


def test_an_answer_of_a_catalogue_is_ours(catalog: ocinb.Catalog) -> None:
    assert is_ours(catalog.sql("FROM base_images")[["reference", "platform", "base_layers", "outdated"]])
    assert is_ours(catalog.sql("SELECT 42 AS answer"))
    assert is_ours(catalog.tables()[["name"]])
    assert not is_ours(catalog.sql("SELECT 42 AS answer WHERE false")[[]]), "which has no columns"


def test_a_mark_goes_where_a_frame_is_kept(registry: SampleRegistry) -> None:
    tags = ocinb.tags(f"{registry.host}/demo/shop")[["tag", "kind"]]
    assert json.loads(json.dumps(tags.attrs)) == tags.attrs, "as pandas writes it into Parquet"
    assert is_ours(pickle.loads(pickle.dumps(tags)))
    plain = pd.DataFrame(tags)
    pd.testing.assert_frame_equal(tags, plain)
    assert tags.equals(plain)


def test_what_was_a_size_and_has_a_fraction_is_shown_as_a_number(registry: SampleRegistry) -> None:
    layers = ocinb.layers(registry.reference("demo/shop:2.0"))[["compressed_bytes"]]
    for made in (layers.describe(), layers / 3, layers.rank(), layers.corr()):
        assert is_ours(made)
        assert kind_of("compressed_bytes", made["compressed_bytes"]) is Kind.RATIO
    assert kind_of("compressed_bytes", layers.cumsum()["compressed_bytes"]) is Kind.SIZE


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
        pd.DataFrame({"compressed_bytes": pd.array([1], dtype="Int64"), "layer": pd.array([1], dtype="Int64")}),
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
