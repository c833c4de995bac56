"""The highlights are the largest, and told in words."""

from __future__ import annotations

from ocinb.notebook.explore.summary import (
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


def test_waste_without_empty_files() -> None:
    image = explored([[file("a", "xx"), file("b", "xxx"), file("c"), file("../d", "d")], [whiteout("a"), opaque("")]])
    assert [(one.path, story(one)) for one in largest_waste(image, 9)] == [
        ("b", "layer 0, folder emptied in 1"),
        ("a", "layer 0, folder emptied in 1"),
        ("../d", "layer 0, never seen"),
    ]
