"""The highlights are the largest, and told in words."""

from __future__ import annotations

import pytest

from ocinb.notebook.explore.model import Wasted
from ocinb.notebook.explore.summary import (
    MOST,
    figures_told,
    highlights,
    largest_files,
    largest_folders,
    largest_waste,
    story,
)
from ocinb.samples.tars import directory, file, hardlink, opaque, whiteout
from tests.notebook.exploring.asking import explored

IMAGE = explored(
    [
        [
            file("a/b/c/deep", "x" * 50),
            file("a/small", "x"),
            file("d/e", "x" * 9),
            hardlink("z", "d/e"),
            directory("empty"),
        ],
        [file("root", "x" * 20), whiteout("a/small"), file("none")],
    ]
)


def test_folders_near_the_root() -> None:
    assert [(one.path, one.size_bytes, one.files) for one in largest_folders(IMAGE, 9)] == [
        ("a", 50, 1),
        ("a/b", 50, 1),
        ("d", 9, 1),
    ]
    assert [one.path for one in largest_folders(IMAGE, 1)] == ["a"]


def test_files_count_once_and_empty_ones_never() -> None:
    told = [(one.path, one.size_bytes) for one in largest_files(IMAGE, 9)]
    assert told == [("a/b/c/deep", 50), ("root", 20), ("d/e", 9)]
    assert len(largest_files(IMAGE, 2)) == 2


def test_waste_without_empty_files() -> None:
    image = explored([[file("a", "xx"), file("b", "xxx"), file("c"), file("../d", "d")], [whiteout("a"), opaque("")]])
    assert [(one.path, story(one)) for one in largest_waste(image, 9)] == [
        ("b", "layer 0, folder emptied in 1"),
        ("a", "layer 0, folder emptied in 1"),
        ("../d", "layer 0, never seen"),
    ]


def test_few_of_each_are_told() -> None:
    image = explored([[file(f"{kind}{number}/x", "x") for kind in "ab" for number in range(20)], [whiteout("a7")]])
    told = highlights(image)
    assert told.figures == figures_told(image)
    assert [len(told.folders), len(told.files), len(told.waste)] == [MOST, MOST, 1]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("overwritten", "layer 2, overwritten in 5"),
        ("replaced", "layer 2, folder replaced in 5"),
        ("opaque", "layer 2, folder emptied in 5"),
        ("deleted", "layer 2, deleted in 5"),
    ],
)
def test_what_became_of_it(reason: str, told: str) -> None:
    assert story(Wasted("x", 1, reason, 2, None, 5, None)) == told


def test_one_of_each_is_told_as_one() -> None:
    told = figures_told(explored([[file("a", "x")]]))
    assert told[:4] == ["1 layer", "0 B compressed", "1 B stored in files", "1 B seen in 1 file"]
