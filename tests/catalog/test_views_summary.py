"""The figures of a registry are those that one works out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.catalog.filling import Filling, content, entry
from tests.frames.facts import records

QUANTILES = (
    "layer_compressed_bytes compression_ratio files_per_layer layers_per_image copies_per_file layer_references".split()
)
FIGURES = [
    "unique_file_share",
    "deduplicable_bytes_share",
    *(f"{name}_{rank}" for name in QUANTILES for rank in ("p50", "p90")),
]


def summary(rows: Filling) -> dict[str, Any]:
    with rows.catalog() as catalog:
        found = records(catalog.sql("FROM registry_summary"))
    assert [row["figure"] for row in found] == FIGURES
    assert all(row["definition"] for row in found)
    return {row["figure"]: row["value"] for row in found}


def filled() -> Filling:
    """Fill in four layers, of which one was not read, and three images."""
    rows = Filling()
    same, alike = content("same"), content("alike")
    rows.layer("a", *(entry(path, 100, same) for path in "pqr"), entry("s", 50), size=100, tar_bytes=1000)
    rows.layer("b", entry("p", 100, same), entry("x", 25, alike), entry("w", type="whiteout"), size=200, tar_bytes=800)
    rows.layer("c", entry("y", 25, alike), entry("e"), entry("d", type="directory"), size=300, tar_bytes=600)
    rows.layer("unread", size=400, read=False)
    rows.image("one", "a", "b", "a", tags="1 latest")
    rows.image("two", "a", "c", tags="2")
    rows.image("three", "a", "b", "c", "unread", tags="3")
    return rows


def test_shares_are_of_the_files_in_distinct_layers() -> None:
    found = summary(filled())
    # 8 files: 4 of "same", 2 of "alike", s and the empty one: 4 contents. 400 + 50 + 50 bytes, of which 100 + 25 + 50.
    assert found["unique_file_share"] == 4 / 8
    assert found["deduplicable_bytes_share"] == pytest.approx(1 - 175 / 500)


def test_quantiles_are_interpolated() -> None:
    found = summary(filled())
    expected = {
        "layer_compressed_bytes": (250, 370),  # 100, 200, 300, 400
        "compression_ratio": (4, 8.8),  # 2, 4, 10
        "files_per_layer": (2, 3.6),  # 2, 2, 4
        "layers_per_image": (3, 3.8),  # 2, 3, 4: a layer that stands twice counts twice
        "copies_per_file": (1.5, 3.4),  # 1, 1, 2, 4
        "layer_references": (2, 2.7),  # 1, 2, 2, 3: twice in one image is one image
    }
    for name, values in expected.items():
        assert (found[f"{name}_p50"], found[f"{name}_p90"]) == pytest.approx(values), name


def test_of_nothing_there_are_no_figures() -> None:
    assert summary(Filling()) == dict.fromkeys(FIGURES)


def test_without_files_there_are_those_of_layers() -> None:
    rows = Filling()
    rows.layer("a", size=10, read=False)
    rows.image("one", "a", tags="1", read=False)
    rows.image("empty", tags="2", read=False)
    of_it = {"layer_compressed_bytes": 10, "layers_per_image": 0.5, "layer_references": 1}
    found = summary(rows)
    assert {name: found[f"{name}_p50"] for name in QUANTILES} == dict.fromkeys(QUANTILES) | of_it
    assert found["layers_per_image_p90"] == pytest.approx(0.9)
    assert (found["unique_file_share"], found["deduplicable_bytes_share"]) == (None, None)


def test_of_empty_files_alone_no_bytes_can_be_saved_or_not() -> None:
    rows = Filling()
    rows.layer("a", entry("p"), entry("q"), size=0)
    rows.image("one", "a", tags="1")
    found = summary(rows)
    assert (found["unique_file_share"], found["deduplicable_bytes_share"]) == (0.5, None)
    assert (found["layer_compressed_bytes_p50"], found["compression_ratio_p50"]) == (0, None)


def test_sizes_that_are_lies_end_nothing() -> None:
    rows = Filling()
    for name in "ab":
        rows.layer(name, entry(name, 2**63 - 1), size=2**63 - 1, tar_bytes=2**63 - 1)
    rows.image("one", "a", "b", tags="1")
    found = summary(rows)
    assert found["layer_compressed_bytes_p90"] == pytest.approx(2**63)
    assert (found["compression_ratio_p50"], found["deduplicable_bytes_share"]) == (1, 0)


def test_only_what_counts_now_counts() -> None:
    rows = filled()
    before = summary(rows)
    rows.layer("old", *(entry(path, 100) for path in "ijk"), size=1)
    rows.layer("of no image", entry("p", 1), size=1)
    rows.image("past", "old")
    rows.observe("9", "past", 0)
    rows.observe("9", None, 1)
    assert summary(rows) == before


def test_files_whose_content_is_unknown_are_left_out() -> None:
    rows = filled()
    rows.layer("d", entry("u", 999) | {"sha256": None})
    rows.image("four", "d", tags="4")
    found = summary(rows)
    assert found["unique_file_share"] == 4 / 8
    assert found["deduplicable_bytes_share"] == pytest.approx(1 - 175 / 500)
    assert found["copies_per_file_p50"] == 1.5


def test_the_denominators_are_said() -> None:
    with filled().catalog() as catalog:
        told = records(catalog.sql("SELECT figure, unit, definition FROM registry_summary"))
    units = {row["figure"].removesuffix("_p50").removesuffix("_p90"): row["unit"] for row in told}
    assert list(units.values()) == ["share", "share", "bytes", "ratio", "files", "layers", "copies", "images"]
    assert all("distinct" in row["definition"] for row in told)
