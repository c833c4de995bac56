"""What is given for platforms is judged before anybody is asked, and serves any number of names."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.frames.resolve import wanted_platforms
from ocinb.samples import SampleRegistry


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (None, None),
        ("all", "all"),
        ("arm64", ("arm64",)),
        (["arm64", "linux/amd64"], ("arm64", "linux/amd64")),
        (pd.Series(["arm64"]), ("arm64",)),
        ((text for text in ["arm64", "amd64"]), ("arm64", "amd64")),
    ],
)
def test_platforms_are_held(given: Any, wanted: Any) -> None:
    assert wanted_platforms(given) == wanted


WRONG: list[Any] = ["", "amd46", "a/b/c/d", 5.5, 3, [], ["arm64", 5], ["all"], {"arm64": 1}, b"arm64", True]


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("helper", [ocinb.layers, ocinb.history, ocinb.configs, ocinb.pull, ocinb.Catalog().add])
def test_what_is_no_platform_is_the_callers_fault_and_no_images(
    registry: SampleRegistry, helper: Any, wrong: Any
) -> None:
    skip = {} if helper.__name__ == "add" else {"errors": "skip"}
    with pytest.raises(InvalidError):
        helper([registry.reference("demo/shop:1.0")], platform=wrong, **skip)
    assert not registry.requests
