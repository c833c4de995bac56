"""Tests."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.notebook.plot.duplicate_figures import stored_files
from ocinb.samples import SampleRegistry
from tests.notebook.plot import frames

ROWS = [
    ("a", 10, "x"),
    ("b", 10, "x"),
    ("c", 10, "x"),
    ("d", 15, "y"),
    ("e", 15, "y"),
    ("f", 99, "z"),
    ("g", 0, "e"),
    ("h", 0, "e"),
]


def test_the_others_are_gathered() -> None:
    figure = ocinb.plot.duplicates(frames.filesystem(*ROWS), top=1)
    assert list(figure.data[0].x) == [20, 15]
    assert figure.layout.yaxis.ticktext[1] == "… 1 more"
    assert "35 B in copies of 2 contents" in figure.layout.title.subtitle.text


def test_images_are_compared_with_themselves_alone() -> None:
    both = pd.concat([frames.filesystem(*ROWS[:2]), frames.filesystem(*ROWS[2:5], reference="demo/shop:1")])
    assert list(ocinb.plot.duplicates(both).data[0].x) == [15, 10]


def test_hard_links_and_hidden_files_are_no_copies() -> None:
    links = frames.filesystem(*ROWS[:2])
    links.loc[1, "type"] = "hardlink"
    hidden = frames.files(("a", 5, 0, True), ("b", 5, 0, False), sha256="x")
    for frame in (links, hidden):
        assert ocinb.plot.duplicates(frame).layout.annotations[0].text.startswith("no content is there more than once")


def test_the_view_of_a_catalogue_is_drawn_too(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/shop:2.0"), platform="amd64", depth="files", progress=False)
        frame = catalog.sql("FROM file_duplicates")
        few = ocinb.plot.duplicates(catalog, top=1)
    figure = ocinb.plot.duplicates(frame)
    assert sum(figure.data[0].x) == frame["duplicate_bytes"].sum() > 0
    assert figure.layout.title.subtitle.text == few.layout.title.subtitle.text
    assert list(few.data[0].x[:1]) == list(figure.data[0].x[:1])
    assert few.layout.yaxis.ticktext[1].startswith(f"… {len(frame) - 1:,} more")


def test_only_the_contents_that_are_drawn_leave_the_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    ask = ocinb.Catalog.sql

    def noted(catalog: ocinb.Catalog, *args: Any) -> pd.DataFrame:
        answers.append(ask(catalog, *args))
        return answers[-1]

    monkeypatch.setattr(ocinb.Catalog, "sql", noted)
    with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/shop:2.0"), platform="amd64", depth="files", progress=False)
        ocinb.plot.duplicates(catalog, top=1)
    assert [len(answer) for answer in answers] == [1]


def test_hidden_bytes_are_those_of_efficiency(registry: SampleRegistry) -> None:
    names = [registry.reference(name) for name in ("demo/shop:1.0", "demo/shop:2.0", "demo/hello", "demo/nested:1")]
    figures = ocinb.efficiency(names, platform="amd64", progress=False).set_index("reference")
    rows = stored_files(ocinb.files(names, platform="amd64", progress=False))
    hidden = rows[rows["is_hidden"]].groupby("reference")["size_bytes"].sum()
    assert rows.groupby("reference")["size_bytes"].sum().to_dict() == figures["stored_bytes"].to_dict()
    assert hidden.reindex(names, fill_value=0).tolist() == figures.loc[names, "hidden_bytes"].tolist()
    assert hidden.sum() > 0
