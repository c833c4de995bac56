"""The table has all columns in our order, exact rows, and says what it leaves out."""

from __future__ import annotations

import pandas as pd
import pytest

from ocinb.frames import schemas
from ocinb.notebook.show.table import table, text
from tests.notebook.reading import Reader

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
