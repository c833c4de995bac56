from __future__ import annotations

import pandas as pd
import pytest

from ocinb.errors import InvalidError
from ocinb.notebook.plot import inputs
from ocinb.notebook.plot.inputs import Gaps
from tests.notebook.plot import frames


def _never(_: object) -> pd.DataFrame:
    pytest.fail("nobody is asked for what is given")


def _pictures(*pairs: tuple[str, str]) -> list[inputs.Picked]:
    return [inputs.Picked(reference, platform, frames.layers()) for reference, platform in pairs]


def test_a_frame_is_taken_as_it_is_and_left_as_it_was() -> None:
    given = frames.layers({"compressed_bytes": 1}, {"compressed_bytes": 2}).iloc[[1]]
    taken, _ = inputs.frame_for(given, ["layer"], _never, made_by="x", platform=None, errors="raise")
    assert taken.index.tolist() == [0]
    assert given.index.tolist() == [1]


def test_sizes_that_are_none_are_told() -> None:
    with pytest.raises(InvalidError, match="compressed_bytes of this frame holds something else than numbers"):
        inputs.given(frames.layers({}).assign(compressed_bytes=["x"]), ["layer"], made_by="x", platform=None)


def test_a_platform_goes_with_a_name() -> None:
    with pytest.raises(InvalidError, match="platform= goes with a name"):
        inputs.given(frames.layers(), ["layer"], made_by="x", platform="arm64")


def test_numbers_may_be_floats_and_hold_unknown_ones() -> None:
    frame = pd.DataFrame({"size_bytes": [1.0, float("nan")]})
    assert inputs.numbers(frame, "size_bytes").tolist() == [1, pd.NA]
    with pytest.raises(InvalidError, match="size_bytes of this frame holds something else than numbers"):
        inputs.numbers(pd.DataFrame({"size_bytes": ["a"]}), "size_bytes")


def test_labels_leave_out_what_all_have_in_common() -> None:
    named = inputs.labelled(_pictures(("host:5000/demo/a:1", "linux/amd64"), ("host:5000/demo/b:1", "linux/amd64")))
    assert [name for _, name in named] == ["a:1", "b:1"]
    named = inputs.labelled(_pictures(("python:3", "linux/amd64"), ("demo/b:1", "linux/arm64")))
    assert [name for _, name in named] == ["python:3 linux/amd64", "demo/b:1 linux/arm64"]


def test_what_labels_leave_out_is_told_once() -> None:
    pictures = _pictures(("host:5000/demo/a:1", "linux/amd64"), ("host:5000/demo/b:1", "linux/amd64"))
    assert inputs.common(pictures) == "linux/amd64 · all in host:5000/demo"


def test_the_place_is_told_beside_the_title_unless_it_is_docker_hub() -> None:
    assert inputs.place_of(_pictures(("host:5000/demo/a:1", "linux/amd64"))) == "host:5000 · linux/amd64"
    assert inputs.place_of(_pictures(("python:3", "linux/amd64"), ("python:3", "linux/arm64"))) == (
        "linux/amd64, linux/arm64"
    )


def test_titles_have_the_familiar_name() -> None:
    assert inputs.called(_pictures(("docker.io/library/python:3", "")), Gaps()) == "python:3"
    assert inputs.called(_pictures(("a:1", ""), ("b:1", "")), Gaps()) == "2 images"
    assert inputs.called(_pictures(("host:5000/demo/a:1", "")), Gaps()) == "demo/a:1"
    assert inputs.called([], Gaps()) == "no image"


def test_where_nothing_is_drawn_the_title_says_what_was_asked_for() -> None:
    assert inputs.called([], Gaps(("host:5000/demo/a:1",))) == "demo/a:1"
