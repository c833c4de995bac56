from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import NotFoundError
from ocinb.notebook.plot import growth_figures
from ocinb.samples import SampleRegistry

MADE = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"], utc=True)


def _history(**columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"registry": "docker.io", "repository": "demo/shop", "tag": ["1", "2", "3"], "created": MADE})
    frame["platform"] = "linux/amd64"
    frame["compressed_bytes"] = pd.array([100, 300, 250], dtype="Int64")
    frame["delta_bytes"] = pd.array([pd.NA, 200, -50], dtype="Int64")
    frame["grown_in"] = pd.array([pd.NA, 2, pd.NA], dtype="Int64")
    frame["grown_by"] = [None, "RUN pip install", None]
    frame["grown_bytes"] = pd.array([pd.NA, 180, pd.NA], dtype="Int64")
    return frame.assign(**columns)


def test_a_line_goes_from_tag_to_tag_in_the_order_in_which_they_were_made() -> None:
    figure = ocinb.plot.growth(_history().iloc[::-1])
    assert list(figure.data[0].y) == [100, 300, 250]
    assert list(figure.data[0].x) == [0, 1, 2]
    assert list(figure.layout.xaxis.ticktext) == ["1", "2", "3"]
    assert figure.layout.title.text == "<b>Growth of demo/shop</b>"
    assert "2 grew most, by 200 B, most of it in layer 2, RUN pip install." in figure.alt


def test_what_hovers_says_which_layer_grew() -> None:
    shown = ocinb.plot.growth(_history()).data[0].hovertext
    assert "against the tag before: +200 B" in shown[1]
    assert "layer that grew most: 2, RUN pip install" in shown[1]
    assert "layer that grew most" not in shown[0]


def test_each_platform_has_a_line_that_more_than_its_colour_tells() -> None:
    both = pd.concat([_history(), _history(platform="linux/arm64")])
    one, other = ocinb.plot.growth(both).data
    assert (one.name, other.name) == ("linux/amd64", "linux/arm64")
    assert one.line.dash != other.line.dash
    assert one.marker.symbol != other.marker.symbol


def test_along_time_what_has_no_age_is_left_out_and_told() -> None:
    figure = ocinb.plot.growth(_history(created=[pd.NaT, *MADE[1:]]), by="created")
    assert list(figure.data[0].y) == [300, 250]
    assert "1 tag of unknown age left out" in figure.layout.title.subtitle.text


def test_the_newest_are_kept_and_unknown_sizes_told() -> None:
    assert list(ocinb.plot.growth(_history(), top=2).data[0].y) == [300, 250]
    unknown = _history(compressed_bytes=pd.array([pd.NA, 300, 250], dtype="Int64"))
    assert "1 tag of unknown size is left out" in ocinb.plot.growth(unknown).layout.title.subtitle.text
    assert ocinb.plot.growth(_history().iloc[:0]).layout.annotations[0].text == "there are no tags to draw"


def test_a_repository_is_asked_for_its_tags_and_not_for_signatures(registry: SampleRegistry) -> None:
    figure = ocinb.plot.growth(registry.reference("demo/shop"), platform="amd64", match="?.?")
    names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1", "2.0")]
    sizes = ocinb.layers(names, platform="amd64").groupby("reference")["compressed_bytes"].sum()
    assert list(figure.layout.xaxis.ticktext) == ["1.0", "1.1", "2.0"]
    assert list(figure.data[0].y) == sizes[names].tolist()


def test_tags_of_one_image_are_one_point_with_all_their_names(registry: SampleRegistry) -> None:
    figure = ocinb.plot.growth(registry.reference("demo/shop"))
    assert list(figure.layout.xaxis.ticktext) == ["1.0", "1.1", "2.0, latest"]
    assert [len(trace.y) for trace in figure.data] == [3, 3]
    assert "3 images, compressed" in figure.layout.title.subtitle.text
    with ocinb.Catalog() as catalog:
        catalog.add([registry.reference(f"demo/shop:{tag}") for tag in ("1.1", "2.0", "latest")], progress=False)
        figure = ocinb.plot.growth(catalog.sql("FROM size_history"))
    assert list(figure.layout.xaxis.ticktext) == ["1.1", "2.0, latest"]


def test_older_tags_that_are_not_drawn_are_counted() -> None:
    assert "2 older images not drawn" in ocinb.plot.growth(_history(), top=1).layout.title.subtitle.text
    assert "older" not in ocinb.plot.growth(_history()).layout.title.subtitle.text


def _long(count: int, grown: int = 5) -> pd.DataFrame:
    made = pd.date_range("2025-01-01", periods=count, tz="UTC")
    frame = pd.DataFrame({"repository": "demo/shop", "platform": "linux/amd64", "created": made})
    frame["tag"] = [f"1.{number}" for number in range(count)]
    return frame.assign(compressed_bytes=100, delta_bytes=grown, grown_in=1, grown_by="RUN", grown_bytes=grown)


def test_of_many_tags_so_many_are_named_as_can_be_read_and_the_newest_is() -> None:
    shown = ocinb.plot.growth(_long(95)).layout.xaxis.ticktext
    assert 15 < len(shown) <= 20
    assert shown[-1] == "1.94"


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


def test_names_that_fail_are_an_error_of_their_kind(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match="demo/shop:9"):
        ocinb.plot.growth([registry.reference("demo/shop:9")])
    with pytest.raises(NotFoundError):
        ocinb.plot.growth(registry.reference("demo/none"))
    with pytest.raises(NotFoundError, match="windows"):
        ocinb.plot.growth(registry.reference("demo/shop"), platform="windows/amd64")
