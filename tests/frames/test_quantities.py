"""Durations and sizes are read as people type them, or refused with an example."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ocinb.errors import InvalidError
from ocinb.frames.stored_images import read_duration, read_size


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30d", 2_592_000),
        ("2w", 1_209_600),
        ("1.5h", 5400),
        (" 10 min ", 600),
        ("0s", 0),
        ("30 days", 2_592_000),
        ("30D", 2_592_000),
        ("1 day", 86_400),
        ("2 weeks", 1_209_600),
        ("1 hour", 3600),
        ("10 minutes", 600),
        ("10 mins", 600),
        ("90 seconds", 90),
        (90, 90),
        (1.5, 1.5),
        (np.float64(2.5), 2.5),
        (timedelta(days=1), 86_400),
        (pd.Timedelta("1h"), 3600),
    ],
)
def test_a_duration(value: Any, seconds: float) -> None:
    assert read_duration(value, "older_than") == seconds


@pytest.mark.parametrize(
    "value",
    [
        "30",
        "",
        "d",
        "30m",
        "-1d",
        "1 month",
        "1 M",
        "1 dayss",
        -1,
        timedelta(-1),
        pd.NaT,
        float("nan"),
        float("inf"),
        True,
        None,
        [1],
    ],
)
def test_what_is_no_duration(value: Any) -> None:
    with pytest.raises(InvalidError, match=r"older_than takes a duration, not .*'30d'"):
        read_duration(value, "older_than")


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("10GB", 10**10),
        ("10 gb", 10**10),
        ("10G", 10**10),
        ("1.5KiB", 1536),
        ("2GiB", 2 * 1024**3),
        ("5 B", 5),
        ("5", 5),
        ("1kB", 1000),
        ("3TB", 3 * 10**12),
        (0, 0),
        (1e9, 10**9),
        (np.int64(7), 7),
    ],
)
def test_a_size(value: Any, size: int) -> None:
    assert read_size(value, "keep_bytes") == size


@pytest.mark.parametrize("value", ["", "GB", "10XB", "-5", "1iB", -1, float("nan"), True, None, "10 GB or so"])
def test_what_is_no_size(value: Any) -> None:
    with pytest.raises(InvalidError, match=r"keep_bytes takes a size, not .*'10GB'"):
        read_size(value, "keep_bytes")
