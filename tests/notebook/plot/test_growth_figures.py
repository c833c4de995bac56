"""Tests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.notebook.plot import growth_figures
from ocinb.samples import SampleRegistry

MADE = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"], utc=True)


@pytest.fixture
def catalog(registry: SampleRegistry) -> Iterator[ocinb.Catalog]:
    with ocinb.Catalog() as made:
        made.add(ocinb.tags(registry.reference("demo/shop"))["reference"], progress=False)
        yield made


def _history(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"registry": "docker.io", "repository": "demo/shop", "tag": ["1", "2", "3"], "created": MADE})
    frame["platform"] = "linux/amd64"
    frame["compressed_bytes"] = pd.array([100, 300, 250], dtype="Int64")
    frame["delta_bytes"] = pd.array([pd.NA, 200, -50], dtype="Int64")
    frame["grown_in"] = pd.array([pd.NA, 2, pd.NA], dtype="Int64")
    frame["grown_by"] = [None, "RUN pip install", None]
    frame["grown_bytes"] = pd.array([pd.NA, 180, pd.NA], dtype="Int64")
    return frame.assign(**columns)


def test_the_newest_are_kept_and_unknown_sizes_told() -> None:
    assert list(ocinb.plot.growth(_history(), top=2).data[0].y) == [300, 250]
    unknown = _history(compressed_bytes=pd.array([pd.NA, 300, 250], dtype="Int64"))
    assert "1 tag of unknown size is left out" in ocinb.plot.growth(unknown).layout.title.subtitle.text
    assert ocinb.plot.growth(_history().iloc[:0]).layout.annotations[0].text == "there are no tags to draw"


def _long(count: int, grown: int = 5) -> pd.DataFrame:
    made = pd.date_range("2025-01-01", periods=count, tz="UTC")
    frame = pd.DataFrame({"repository": "demo/shop", "platform": "linux/amd64", "created": made})
    frame["tag"] = [f"1.{number}" for number in range(count)]
    return frame.assign(compressed_bytes=100, delta_bytes=grown, grown_in=1, grown_by="RUN", grown_bytes=grown)


@pytest.mark.parametrize("by", ["tag", "created"])
@pytest.mark.parametrize("count", [2, 3, 6, 60])
def test_what_stands_at_a_line_does_not_stand_on_itself(count: int, by: Any) -> None:
    [trace] = ocinb.plot.growth(_long(count), by=by).data
    along = [number / (count - 1) for number in range(count)]
    begins = [
        one if side == "top right" else one - growth_figures._LABEL
        for one, side, text in zip(along, trace.textposition, trace.text, strict=True)
        if text
    ]
    assert begins
    assert all(after - before >= growth_figures._LABEL - 1e-9 for before, after in pairwise(sorted(begins)))
    assert min(begins) >= 0


def test_a_catalog_is_drawn_and_its_platforms_chosen(catalog: ocinb.Catalog) -> None:
    figure = ocinb.plot.growth(catalog, platform="all")
    assert list(figure.layout.xaxis.ticktext) == ["1.0", "1.1", "2.0, latest"]
    assert [trace.name for trace in figure.data] == ["linux/amd64", "linux/arm64"]
    assert [trace.name for trace in ocinb.plot.growth(catalog, platform="amd64").data] == ["linux/amd64"]


def test_the_tags_of_a_catalog_have_sizes_that_grow_too(catalog: ocinb.Catalog) -> None:
    figure, whole = ocinb.plot.growth(catalog.sql("FROM tags")), ocinb.plot.growth(catalog)
    assert [list(trace.y) for trace in figure.data] == [list(trace.y) for trace in whole.data]
    assert [list(trace.text) for trace in figure.data] == [list(trace.text) for trace in whole.data]
    assert "1 name that is no image is left out" in figure.layout.title.subtitle.text


def test_images_without_a_tag_have_their_digest(registry: SampleRegistry) -> None:
    tags = ocinb.tags(registry.reference("demo/shop"), match="[12].*", digests=True)
    with ocinb.Catalog() as catalog:
        names = [f"{registry.reference('demo/shop')}@{digest}" for digest in tags["digest"]]
        catalog.add(names, platform="amd64", progress=False)
        figure = ocinb.plot.growth(catalog)
    assert list(figure.layout.xaxis.ticktext) == [f"@{digest[7:19]}" for digest in tags["digest"]]
    assert f"demo/shop@{names[0].rpartition(':')[2][:12]}" in figure.data[0].hovertext[0]


def test_the_alternative_text_keeps_platforms_apart() -> None:
    small = _history(platform="linux/arm64", compressed_bytes=pd.array([10, 20, 30], dtype="Int64"), delta_bytes=0)
    alone, both = ocinb.plot.growth(_history()), ocinb.plot.growth(pd.concat([_history(), small]))
    assert "From 100 B to 250 B. 2 grew most, by 200 B, most of it in layer 2, RUN pip install." in alone.alt
    assert "linux/amd64: from 100 B to 250 B. linux/arm64: from 10 B to 30 B. 2 grew most on linux/amd64" in both.alt


def test_what_has_no_sizes_says_who_has(catalog: ocinb.Catalog) -> None:
    with pytest.raises(InvalidError, match=r"growth\(catalog\) draws the sizes in a catalog"):
        ocinb.plot.growth(catalog.sql("FROM tag_history"))
    with pytest.raises(InvalidError, match="platform= goes with a name"):
        ocinb.plot.growth(catalog.sql("FROM size_history"), platform="amd64")
    with pytest.raises(InvalidError, match=r"or give the names in it: frame\['reference'\]"):
        ocinb.plot.growth(catalog.sql("FROM images"))
    with pytest.raises(InvalidError, match=r"growth takes a Catalog .*, not 'python'"):
        ocinb.plot.growth("python")  # type: ignore[arg-type]
