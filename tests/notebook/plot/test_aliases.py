from __future__ import annotations

from typing import Any

import pandas as pd

from ocinb.notebook.plot.growth_figures import aliased

MADE = pd.Timestamp("2025-01-01", tz="UTC")


def _frame(*rows: tuple[str, str, Any], **columns: Any) -> pd.DataFrame:
    """Give a row for each tag, platform and digest."""
    frame = pd.DataFrame(rows, columns=["tag", "platform", "manifest_digest"])
    return frame.assign(repository="demo/shop", created=MADE, compressed_bytes=5, **columns)


def test_names_of_one_image_are_one_the_most_telling_first() -> None:
    frame = _frame(*((tag, "amd64", "one") for tag in ("3", "latest", "3.12.1", "3.12")), ("3.11", "amd64", "two"))
    assert aliased(frame)["tag"].tolist() == ["3.12.1, 3.12, 3, latest", "3.11"]


def test_they_are_the_same_on_all_platforms_or_not_at_all() -> None:
    same = _frame(("1", "amd64", "a"), ("2", "amd64", "a"), ("1", "arm64", "b"), ("2", "arm64", "b"))
    assert aliased(same)["tag"].tolist() == ["1, 2", "1, 2"]
    other = _frame(("1", "amd64", "a"), ("2", "amd64", "a"), ("1", "arm64", "b"), ("2", "arm64", "c"))
    assert aliased(other)["tag"].tolist() == ["1", "2", "1", "2"]


def test_another_repository_is_another_release() -> None:
    both = pd.concat([_frame(("1", "amd64", "a")), _frame(("2", "amd64", "a")).assign(repository="demo/base")])
    assert aliased(both)["tag"].tolist() == ["1", "2"]


def test_without_digests_the_moment_and_the_size_tell() -> None:
    frame = _frame(("1", "amd64", "a"), ("2", "amd64", "b")).drop(columns="manifest_digest")
    assert aliased(frame)["tag"].tolist() == ["1, 2"]
    assert aliased(frame.assign(compressed_bytes=[5, 6]))["tag"].tolist() == ["1", "2"]


def test_what_is_unknown_is_not_the_same() -> None:
    frame = _frame(("1", "amd64", None), ("2", "amd64", None))
    assert aliased(frame)["tag"].tolist() == ["1", "2"]
    assert aliased(frame.drop(columns="manifest_digest").assign(created=None))["tag"].tolist() == ["1", "2"]
    assert aliased(frame.iloc[:0]).empty
