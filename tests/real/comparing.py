"""All that the helper functions say of an image, to be held against what they say of it elsewhere."""

from collections.abc import Callable

import pandas as pd

import ocinb

_FUNCTIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "manifests": ocinb.manifests,
    "layers": ocinb.layers,
    "history": ocinb.history,
    "configs": ocinb.configs,
}
# Where it was asked for, which is what differs.
_NAMES = ["reference"]


def frames_of(reference: str) -> dict[str, pd.DataFrame]:
    """Give the rows of every function, without the name that was typed."""
    return {name: function(reference).drop(columns=_NAMES) for name, function in _FUNCTIONS.items()}


def assert_same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame], *, but: tuple[str, ...] = ()) -> None:
    """Check that two images have the same rows, but for some columns."""
    assert one.keys() == other.keys()
    for name, frame in one.items():
        assert len(frame), f"{name} has no rows, so it says nothing"
        pd.testing.assert_frame_equal(
            frame.drop(columns=list(but), errors="ignore"), other[name].drop(columns=list(but), errors="ignore")
        )
