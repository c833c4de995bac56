"""Tests."""

from __future__ import annotations

import ocinb
from tests.notebook.plot import frames


def test_the_small_ones_are_gathered() -> None:
    frame = frames.layers(*({"compressed_bytes": size, "tar_bytes": 2 * size} for size in (3, 50, 4, 60)))
    figure = ocinb.plot.compression(frame, top=2)
    assert [list(trace.x) for trace in figure.data] == [[100, 120, 14], [50, 60, 7]]
