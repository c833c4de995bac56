"""The table has all columns in our order, exact rows, and says what it leaves out."""

from __future__ import annotations

import pandas as pd
import pytest

import ocinb
from ocinb.frames import schemas
from ocinb.notebook.show.table import FIRST, LAST, table, text
from ocinb.samples import SampleRegistry
from tests.notebook.reading import Reader

HOSTILE = '</td></table><script>top.canary=1</script>"><img src=x onerror=top.canary=1>\x1b[31m\u202e'


def test_a_table_has_our_columns_in_our_order(registry: SampleRegistry) -> None:
    layers = ocinb.layers(registry.reference("demo/shop:2.0"), platform="all")
    read = Reader(table(layers))
    assert read.cells[:15] == list(layers.columns)[1:]
    assert len(read.cells) == 15 * (1 + len(layers))
    assert read.text.startswith(f"layers 14 rows, 16 columns reference {registry.reference('demo/shop:2.0')}")
    assert ("title", "the digest of the tar in it") in read.attributes
    assert read.cells[15 + 3] == layers["digest"][0]


def test_what_all_rows_of_a_table_have_is_said_once_above_it(registry: SampleRegistry) -> None:
    layers = ocinb.layers(registry.reference("demo/shop:2.0"), platform="linux/arm64")
    read = Reader(table(layers))
    assert read.cells[:2] == ["layer", "digest"]
    above = read.text.partition("layer" + "digest")[0]
    assert "platform linux/arm64" in above
    assert layers["manifest_digest"][0] in above
    assert ("title", layers["manifest_digest"][0]) in read.attributes, "so that a click copies it"
    for part in (layers.head(1), layers[["reference", "layer"]]):
        assert Reader(table(part)).cells[0] == "reference", "one row has no others, and a part is as it was chosen"


def test_a_part_has_no_name_but_its_size() -> None:
    read = Reader(table(schemas.LAYERS.frame([{"layer": 0, "compressed_bytes": 1000}])[["layer", "compressed_bytes"]]))
    assert read.text.startswith("1 row, 2 columns")
    assert read.cells == ["layer", "compressed_bytes", "0", "1.0 kB"]


def test_a_long_frame_shows_both_ends_and_says_how_much_lies_between() -> None:
    frame = schemas.FILES.frame({"layer": number, "path": f"file-{number}"} for number in range(5000))
    read = Reader(table(frame))
    assert read.tags.count("tr") == 1 + FIRST + 1 + LAST
    assert "… 4,940 more rows …" in read.cells
    assert f"file-{FIRST - 1}" in read.cells
    assert f"file-{FIRST}" not in read.cells
    assert "file-4990" in read.cells
    assert "file-4999" in read.cells


def test_a_frame_that_just_fits_is_shown_whole() -> None:
    frame = schemas.TAGS.frame({"tag": str(number)} for number in range(FIRST + LAST))
    assert "more rows" not in table(frame)
    assert Reader(table(frame)).tags.count("tr") == 1 + FIRST + LAST


def test_an_empty_frame_has_its_columns() -> None:
    read = Reader(table(schemas.HIDDEN.frame([])))
    assert read.text.startswith("hidden 0 rows, 10 columns")
    assert len(read.cells) == 10


def test_lines_are_broken_where_that_makes_a_table_fit() -> None:
    frame = schemas.LAYERS.frame([{"layer": 0}])
    assert "ocinb-many" in table(frame)
    assert "ocinb-many" not in table(frame[list(frame.columns)[:9]])


def test_an_index_is_shown_that_says_something() -> None:
    frame = schemas.LAYERS.frame({"layer": number, "compressed_bytes": number} for number in range(4))
    part = frame[["layer", "compressed_bytes"]]
    assert Reader(table(part[part["layer"] > 2])).cells == ["", "layer", "compressed_bytes", "3", "3", "3 B"]
    named = part.set_index("layer").tail(1)
    assert Reader(table(named)).cells == ["layer", "compressed_bytes", "3", "3 B"]
    both = part.assign(platform="linux/amd64").set_index(["platform", "layer"]).tail(1)
    assert Reader(table(both)).cells == ["platform", "layer", "compressed_bytes", "linux/amd64", "3", "3 B"]


def test_what_repeats_below_itself_is_dim() -> None:
    frame = schemas.TAGS.frame({"registry": host, "tag": "1"} for host in ("a.example", "a.example", "b.example"))
    assert [row.count("ocinb-same") for row in table(frame).split("<tr>")[2:]] == [0, 1, 0]


def test_what_was_skipped_is_told(registry: SampleRegistry) -> None:
    names = [registry.reference("demo/hello"), registry.reference("demo/<b>nope</b>")]
    frame = ocinb.layers(names, errors="skip")
    read = Reader(table(frame))
    assert "1 skipped" in read.text
    assert "<b>nope</b>" in read.text
    assert read.tags.count("b") == 1, "which is the title's"


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


def test_text_has_the_same_for_a_terminal() -> None:
    frame = schemas.LAYERS.frame([{"layer": 0, "digest": f"sha256:{'ab' * 32}", "compressed_bytes": 2_000_000}])
    told = text(frame[["layer", "digest", "compressed_bytes", "tar_bytes"]])
    assert told.splitlines()[0] == "1 row, 4 columns"
    assert told.splitlines()[2].split() == ["0", "abababababab", "2.0", "MB", "—"]
    assert text(schemas.TAGS.frame([])) == "tags, 0 rows, 6 columns\nno rows"


def test_text_of_a_long_frame_has_both_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    told = text(schemas.TAGS.frame({"tag": f"v{number}"} for number in range(100))).splitlines()
    shown = [row.split()[2] for row in told[2:-1]]
    assert shown == [
        *(f"v{number}" for number in range(FIRST)),
        "…",
        *(f"v{number}" for number in range(100 - LAST, 100)),
    ]
    assert told[-1] == "… 40 more rows"


def test_text_says_once_what_all_rows_have_and_what_was_skipped(
    registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    names = [registry.reference(name) for name in ("demo/shop:2.0", "demo/nope")]
    told = text(ocinb.layers(names, errors="skip")).splitlines()
    assert told[:2] == ["layers, 7 rows, 16 columns", "1 skipped; frame.attrs['failures'] says why"]
    assert told[2].startswith(f"reference {names[0]}, platform linux/amd64, manifest_digest ")
    assert told[3].split()[:2] == ["layer", "digest"]


def test_in_text_words_stand_left_and_numbers_right() -> None:
    frame = pd.DataFrame({"tag": ["a", "long-one"], "size_bytes": [1, 20_000]})
    assert text(frame).splitlines()[1:] == ["tag      size_bytes", "a               1 B", "long-one    20.0 kB"]


def test_a_column_with_an_endless_name_is_cut_in_text() -> None:
    assert max(map(len, text(pd.DataFrame({"x" * 10_000: [1]})).splitlines())) < 100


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
