"""`ocinb.show` makes a sight of a frame, and leaves the frame as it is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.notebook.show.table import table, text
from ocinb.samples import SampleRegistry
from tests.notebook.reading import Reader


def test_the_data_are_not_touched(registry: SampleRegistry) -> None:
    names = [registry.reference("demo/shop:2.0"), registry.reference("demo/nope")]
    for frame in (ocinb.layers(names, errors="skip"), ocinb.configs(names, errors="skip", platform="all")):
        before, attrs = frame.copy(deep=True), dict(frame.attrs)
        # Of some columns pandas makes an array anew each time that it is asked for.
        columns = {name: id(frame[name].array) for name in frame if frame[name].array is frame[name].array}
        assert columns
        cells = [id(value) for value in frame["env"]] if "env" in frame else []
        ocinb.show(frame)._repr_mimebundle_()
        pd.testing.assert_frame_equal(frame, before)
        assert frame.attrs == attrs
        assert {name: id(frame[name].array) for name in columns} == columns
        assert ([id(value) for value in frame["env"]] if "env" in frame else []) == cells


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(InvalidError, match=r"a DataFrame; this is of type list\. Such as ocinb\.show\(ocinb\.layers"):
        ocinb.show([1])  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match=r"this is of type Series\. Its to_frame\(\) is one"):
        ocinb.show(pd.Series([1]))  # type: ignore[arg-type]


def html(shell: Any, thing: object) -> str | None:
    formatted, _ = shell.display_formatter.format(thing)
    return formatted.get("text/html")  # type: ignore[no-any-return]


@pytest.fixture
def layers(registry: SampleRegistry) -> pd.DataFrame:
    return ocinb.layers(registry.reference("demo/shop:2.0"))


_CELL = """
from IPython.utils.capture import capture_output
with capture_output() as said:
    display(layers)
"""


def test_a_frame_that_cannot_be_shown_is_shown_as_before(
    shell: Any, layers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ocinb.notebook.show.show.as_html", lambda _: 1 / 0)
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
    assert "as pandas shows it" in caplog.text


def test_it_ends_with_the_extension(shell: Any, layers: pd.DataFrame) -> None:
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]
    shell.run_line_magic("load_ext", "ocinb")
    shell.run_line_magic("reload_ext", "ocinb")
    assert "ocinb-show" in (html(shell, layers) or "")
    shell.run_line_magic("unload_ext", "ocinb")
    assert html(shell, layers) == layers._repr_html_()  # type: ignore[operator]


HOSTILE = '</td></table><script>top.canary=1</script>"><img src=x onerror=top.canary=1>\x1b[31m\u202e'


@pytest.mark.parametrize("attrs", [{"failures": 3}, {"failures": ["x"]}, {"failures": [{"a": 1}]}, {"failures": None}])
def test_attributes_of_somebody_else_do_no_harm(attrs: dict[str, object]) -> None:
    frame = schemas.TAGS.frame([])
    frame.attrs.update(attrs)
    assert Reader(table(frame)).text.startswith("tags 0 rows")


def test_nothing_of_a_stranger_gets_through() -> None:
    cells = {"reference": HOSTILE, "instruction": HOSTILE, "created_by": HOSTILE * 50, "media_type": HOSTILE}
    frame = schemas.LAYERS.frame([cells]).assign(**{HOSTILE: [HOSTILE]}).set_index("reference", drop=False)
    frame.index.name = HOSTILE
    read = Reader(table(frame))
    assert not {"script", "img"} & set(read.tags)
    assert {name for name, _ in read.attributes} <= {"class", "title"}
    assert read.tags.count("table") == 1
    assert not {"\x1b", "\u202e"} & set(table(frame))
    assert not {"\x1b", "\u202e"} & set(text(frame))


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame(index=range(3)), pd.DataFrame({"a": []})], ids=len)
def test_a_frame_without_cells_is_text_too(frame: pd.DataFrame) -> None:
    assert text(frame).splitlines()[1:] == ["no rows" if len(frame) == 0 else "no columns"]


def test_odd_frames_are_shown_too() -> None:
    frame = pd.DataFrame([[1, 1 + 2j], [2, None]], columns=["a", "a"])
    assert Reader(table(frame)).cells[:2] == ["a", "a"]
    many = pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("compressed_bytes", "sum")]))
    assert Reader(table(many)).cells == ["compressed_bytes sum", "1"]
    levels = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("layer", ""), ("path", 0)]))
    assert Reader(table(levels)).cells[:2] == ["layer", "path 0"]
