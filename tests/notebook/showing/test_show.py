"""`ocinb.show` makes a sight of a frame, and leaves the frame as it is."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.samples import SampleRegistry


def test_the_data_are_not_touched(registry: SampleRegistry) -> None:
    names = [registry.reference("demo/shop:2.0"), registry.reference("demo/nope")]
    for frame in (ocinb.layers(names, errors="skip"), ocinb.configs(names, errors="skip", platform="all")):
        before, attrs = frame.copy(deep=True), dict(frame.attrs)
        # Of some columns pandas makes an array anew each time that it is asked for.
        columns = {name: id(frame[name].array) for name in frame if frame[name].array is frame[name].array}
        assert columns
        cells = [id(value) for value in frame["env"]] if "env" in frame else []
        ocinb.show(frame)._repr_mimebundle_()
        pd.testing.assert_frame_equal(frame, before)
        assert frame.attrs == attrs
        assert {name: id(frame[name].array) for name in columns} == columns
        assert ([id(value) for value in frame["env"]] if "env" in frame else []) == cells


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(InvalidError, match=r"a DataFrame; this is of type list\. Such as ocinb\.show\(ocinb\.layers"):
        ocinb.show([1])  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match=r"this is of type Series\. Its to_frame\(\) is one"):
        ocinb.show(pd.Series([1]))  # type: ignore[arg-type]
