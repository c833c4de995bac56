"""Tests."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.notebook.plot import palette
from ocinb.notebook.plot.sharing_figures import Stack, matrix
from tests.notebook.plot import frames


def test_what_was_read_is_split_into_visible_and_hidden() -> None:
    figure = ocinb.plot.layers(frames.layers({"compressed_bytes": 5, "tar_bytes": 100, "hidden_bytes": 30}))
    assert [(trace.name, list(trace.x)) for trace in figure.data] == [("not hidden", [70]), ("hidden", [30])]
    assert figure.data[1].marker.color == palette.HIDDEN
    assert figure.data[1].marker.pattern.shape == "/"


def test_several_images_are_stacked_and_what_they_share_has_one_colour() -> None:
    one = frames.layers({"compressed_bytes": 5}, {"compressed_bytes": 6, "digest": "sha256:one"})
    other = frames.layers(
        {"compressed_bytes": 5}, {"compressed_bytes": 9, "digest": "sha256:two"}, reference="demo/shop:1"
    )
    figure = ocinb.plot.layers(pd.concat([one, other]))
    assert [list(trace.x) for trace in figure.data] == [[5, 5], [6, 9]]
    assert len(set(figure.data[0].marker.color)) == 1
    assert set(figure.data[1].marker.color) == {palette.GREY}
    assert list(figure.layout.yaxis.ticktext) == ["shop:2.0", "shop:1"]


def test_an_image_without_layers_says_so() -> None:
    assert ocinb.plot.layers(frames.layers()).layout.annotations[0].text == "there are no layers to draw"
    assert ocinb.plot.layers(frames.layers({})).layout.annotations[0].text == "1 layer of unknown size is left out"
    assert ocinb.plot.layers([]).layout.annotations[0].text == "there are no layers to draw"


def test_the_small_ones_are_gathered() -> None:
    frame = frames.layers(*({"compressed_bytes": size, "tar_bytes": 2 * size} for size in (3, 50, 4, 60)))
    figure = ocinb.plot.compression(frame, top=2)
    assert [list(trace.x) for trace in figure.data] == [[100, 120, 14], [50, 60, 7]]


def _pair() -> pd.DataFrame:
    one = frames.layers({"compressed_bytes": 5}, {"compressed_bytes": 6, "digest": "sha256:one"})
    other = frames.layers(
        {"compressed_bytes": 5}, {"compressed_bytes": 9, "digest": "sha256:two"}, reference="demo/shop:1"
    )
    return pd.concat([one, other], ignore_index=True)


def test_a_matrix_has_what_each_two_have_in_common() -> None:
    figure = ocinb.plot.shared(_pair(), by="pair")
    assert [list(row) for row in figure.data[0].z] == [[None, 5], [5, None]]
    assert "25 B in all · 20 B with each layer stored once" in figure.layout.title.subtitle.text
    assert figure.alt.endswith("Most in common: shop:1 and shop:2.0 5 B.")


def test_what_a_catalogue_answers_is_compared_too() -> None:
    answer = _pair().rename(columns={"digest": "layer_digest"})[["reference", "layer_digest", "compressed_bytes"]]
    assert [list(row) for row in ocinb.plot.shared(answer, by="pair").data[0].z] == [[None, 5], [5, None]]


def test_a_frame_without_digests_is_refused_for_a_matrix() -> None:
    with pytest.raises(InvalidError, match="it has no digest"):
        ocinb.plot.shared(_pair()[["reference", "compressed_bytes"]], by="pair")


def test_nothing_is_told() -> None:
    for by, frame in (("image", schemas.SHARED.frame([])), ("pair", frames.layers())):
        assert ocinb.plot.shared(frame, by=by).layout.annotations[0].text == "there are no images to compare"  # type: ignore[arg-type]


def _stacks(count: int) -> list[Stack]:
    return [Stack(f"image {number}", f"i{number}", {"base": 5, str(number): 1000}) for number in range(count)]


def test_where_figures_are_small_a_scale_says_what_the_colours_mean() -> None:
    few, some, many = (matrix("", _stacks(count), "").data[0] for count in (6, 7, 13))
    assert [one.showscale for one in (few, some, many)] == [False, True, True]
    assert [one.text[0][1] for one in (few, some, many)] == ["5 B", "5 B", ""]
    assert list(many.colorbar.ticktext) == ["0", "2 B", "4 B"]
