"""What a picture leaves out is said in it: names that fail, what is no image, and images of which nothing is drawn."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError, NotFoundError
from ocinb.notebook.plot import inputs
from ocinb.samples import SampleRegistry
from tests.notebook.plot import frames
from tests.notebook.plot.test_package import NAMES as ALL_NAMES


def _never(_: object) -> pd.DataFrame:
    pytest.fail("nobody is asked for what is given")


def test_sizes_that_are_none_are_told() -> None:
    with pytest.raises(InvalidError, match="compressed_bytes of this frame holds something else than numbers"):
        inputs.given(frames.layers({}).assign(compressed_bytes=["x"]), ["layer"], made_by="x", platform=None)


NAMES = [name for name in ALL_NAMES if name != "growth"]  # which takes no names
QUIET: dict[str, dict[str, Any]] = {"shared": {}, "waterfall": {}}


def _draw(name: str, references: Any, **options: Any) -> Any:
    return getattr(ocinb.plot, name)(references, **QUIET.get(name, {"progress": False}), **options)


def _words(figure: Any) -> str:
    shown = [figure.layout.title.text, figure.layout.title.subtitle.text]
    return " ".join((*shown, *(note.text for note in figure.layout.annotations))).replace("<br>", " ")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_fails_is_an_error_or_is_told(name: str, registry: SampleRegistry) -> None:
    good, bad = registry.reference("demo/shop:2.0"), registry.reference("demo/shop:9")
    with pytest.raises(NotFoundError, match="there is no tag '9'"):
        _draw(name, [good, bad])
    figure = _draw(name, [good, bad], errors="skip")
    assert f"1 name could not be read: {bad}" in _words(figure).replace("&#37;", "%")
    assert "1 name could not be read" in figure.alt
    [failure] = figure.failures
    assert failure["reference"] == bad
    assert "there is no tag '9'" in failure["error"]
    assert figure.data


@pytest.mark.parametrize("name", NAMES)
def test_where_all_fail_the_picture_says_so(name: str, registry: SampleRegistry) -> None:
    figure = _draw(name, [registry.reference("demo/shop:8"), registry.reference("demo/shop:9")], errors="skip")
    assert "2 names could not be read, such as" in _words(figure)
    assert len(figure.failures) == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_choice_that_is_none_is_told(name: str) -> None:
    with pytest.raises(InvalidError, match="Did you mean 'skip'"):
        _draw(name, frames.layers(), errors="skipp")


@pytest.mark.parametrize("name", NAMES)
def test_beside_images_signatures_and_artifacts_are_left_out(name: str, registry: SampleRegistry) -> None:
    image, chart = registry.reference("demo/shop:2.0"), registry.reference("demo/chart:0.1")
    signature = next(tag for tag in ocinb.tags(registry.reference("demo/shop"))["reference"] if tag.endswith(".sig"))
    figure, alone = _draw(name, [image, signature, chart]), _draw(name, [image])
    assert "2 names that are no images are left out" in _words(figure)
    sizes = [trace["values"] if name in ("treemap", "icicle") else trace.x for trace in figure.data]
    assert [list(one) for one in sizes] == [
        list(trace["values"] if name in ("treemap", "icicle") else trace.x) for trace in alone.data
    ]


def test_an_image_without_layers_is_called_by_its_name(registry: SampleRegistry) -> None:
    registry.put_image("demo/empty", [], tag="1")
    empty, shop = registry.reference("demo/empty:1"), registry.reference("demo/shop:2.0")
    for name, words in (
        ("layers", "<b>Layers of demo/empty:1</b>  this image has no layers"),
        ("compression", "<b>Compression of demo/empty:1</b>  this image has no layers"),
        ("treemap", "<b>Files of demo/empty:1</b>  this image has no files with bytes"),
        ("duplicates", "<b>Duplicates in demo/empty:1</b>  no content is there more than once"),
    ):
        assert _words(_draw(name, empty)) == words
    assert f"{empty} has no layers" in _words(ocinb.plot.layers([shop, empty]))


def test_hostile_names_in_failures_are_harmless() -> None:
    figure = ocinb.plot.layers([frames.HOSTILE, 5], errors="skip")  # type: ignore[list-item]
    bare = "".join(frames.texts(figure)).replace("<b>", "").replace("</b>", "").replace("<br>", "")
    assert not set("<$\x1b\u202e") & set(bare)
    assert len(figure.failures) == 2
