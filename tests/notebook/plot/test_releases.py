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


def test_names_that_fail_are_an_error_of_their_kind(registry: SampleRegistry) -> None:
    with pytest.raises(NotFoundError, match="demo/shop:9"):
        ocinb.plot.growth([registry.reference("demo/shop:9")])
    with pytest.raises(NotFoundError):
        ocinb.plot.growth(registry.reference("demo/none"))
    with pytest.raises(NotFoundError, match="windows"):
        ocinb.plot.growth(registry.reference("demo/shop"), platform="windows/amd64")
