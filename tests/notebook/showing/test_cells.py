"""A cell reads well as HTML and as text, keeps what it shows, and lets nothing of a stranger through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from ocinb.catalog import schemas as of_catalogues
from ocinb.frames import schemas
from ocinb.notebook.show.cells import LINE_CHARACTERS, cell, line, order
from ocinb.notebook.show.column_kinds import Kind, kind_of
from tests.notebook.reading import Reader

HOSTILE = '<script>top.canary=1</script>"><img src=x onerror=top.canary=1>\x1b[31m\u202ejavascript:1'


WORD = "x" * 10_000


TEXTS = [Kind.DIGEST, Kind.CODE, Kind.MAPPING, Kind.NAME, Kind.TEXT]


EXAMPLES: list[tuple[Kind, Any, str, str]] = [
    (Kind.SIZE, 42_135_552, "42.1 MB", "42.1 MB"),
    (Kind.SIZE, -5000, "-5.0 kB", "-5.0 kB"),
    (Kind.CODE, "RUN make", "RUN make", "RUN make"),
    (Kind.TIME, datetime(2024, 5, 4, 12, 30, tzinfo=UTC), "2024-05-04 12:30", "2024-05-04 12:30"),
    (Kind.FLAG, True, "yes", "yes"),
    (Kind.FLAG, False, "no", "no"),
    (Kind.MODE, 0o644, "rw-r--r-- 644", "rw-r--r-- 644"),
    (Kind.MODE, 0o1777, "rwxrwxrwt 1777", "rwxrwxrwt 1777"),
    (Kind.COUNT, 12345, "12,345", "12,345"),
    (Kind.COUNT, 2024, "2024", "2024"),
    (Kind.NUMBER, 65534, "65534", "65534"),
    (Kind.SECONDS, 83.4, "1 min 23 s", "1 min 23 s"),
    (Kind.RATIO, 0.87654321, "0.8765", "0.8765"),
    (Kind.RATIO, 123456.7, "123,457", "123,457"),
    (Kind.MAPPING, ["sh", "-c"], '["sh", "-c"]', '["sh", "-c"]'),
    (Kind.NAME, "usr/bin", "usr/bin", "usr/bin"),
    (Kind.TEXT, "a word", "a word", "a word"),
]


@pytest.mark.parametrize(("kind", "value", "html", "text"), EXAMPLES)
def test_a_value_reads_as_people_say_it(kind: Kind, value: Any, html: str, text: str) -> None:
    assert Reader(cell(kind, value)).text == html
    assert line(kind, value) == text


@pytest.mark.parametrize("count", [3, 199, 1000])
def test_of_a_cell_full_of_words_the_first_are_shown(count: int) -> None:
    labels = {f"label {number}": WORD for number in range(count)}
    for value in (labels, list(labels.values())):
        html = cell(Kind.MAPPING, value)
        assert len(html) < 22_000
        assert f"{count:,} entries" in html
        assert ("more" in html) is (count > 3)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Kind.MODE, -1),
        (Kind.MODE, 2**40),
        (Kind.MODE, float("inf")),
        (Kind.SECONDS, float("inf")),
        (Kind.COUNT, 1 + 2j),
        (Kind.MAPPING, [{(1, 2): "a"}]),
        (Kind.RATIO, "a word"),
    ],
)
def test_what_is_not_of_its_kind_is_shown_as_it_is(kind: Kind, value: Any) -> None:
    assert Reader(cell(kind, value)).text == str(value)
    assert line(kind, value) == str(value)
    assert isinstance(order(kind, value), float | str)


@pytest.mark.parametrize("kind", TEXTS)
def test_nothing_of_a_stranger_gets_through(kind: Kind) -> None:
    values: list[Any] = [HOSTILE]
    if kind is Kind.MAPPING:
        values = [{HOSTILE: HOSTILE}, [HOSTILE], {"deep": {HOSTILE: [HOSTILE]}}]
    for value in values:
        html, text = cell(kind, value), line(kind, value)
        read = Reader(html)
        assert not {"script", "img", "a"} & set(read.tags)
        assert {name for name, _ in read.attributes} <= {"class", "title"}
        assert not {"\x1b", "\u202e"} & set(html + text)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_word_without_end_is_cut(kind: Kind) -> None:
    assert len(Reader(cell(kind, WORD)).text) < len(WORD) + 20
    assert len(line(kind, WORD)) <= LINE_CHARACTERS + 1


def test_numbers_are_sorted_by_themselves_and_not_as_they_read() -> None:
    sizes = [900, 1_000_000, 20_000]
    assert sorted(sizes, key=lambda size: order(Kind.SIZE, size)) == [900, 20_000, 1_000_000]
    moments = [datetime(2024, 5, 4, tzinfo=UTC), datetime(2023, 5, 4, tzinfo=UTC)]
    assert sorted(moments, key=lambda moment: order(Kind.TIME, moment)) == moments[::-1]


ALL = [
    value
    for room in (schemas, of_catalogues)
    for value in vars(room).values()
    if isinstance(value, type(schemas.LAYERS))
]


def series(values: list[Any], dtype: str) -> pd.Series[Any]:
    return pd.Series(values, dtype=dtype)


@pytest.mark.parametrize(
    ("name", "dtype", "kind"),
    [
        ("compressed_bytes", "Int64", Kind.SIZE),
        ("mean_bytes", "Float64", Kind.SIZE),
        ("compressed_bytes_h", "Int64", Kind.SIZE),
        ("compressed_bytes_x", "Float64", Kind.RATIO),
        ("digest_right", "str", Kind.DIGEST),
        ("bytes", "Int64", Kind.SIZE),
        ("digest", "str", Kind.DIGEST),
        ("layer_digest", "str", Kind.DIGEST),
        ("sha256", "str", Kind.DIGEST),
        ("instruction", "str", Kind.CODE),
        ("created", "datetime64[us, UTC]", Kind.TIME),
        ("visible", "boolean", Kind.FLAG),
        ("mode", "Int64", Kind.MODE),
        ("files", "Int64", Kind.COUNT),
        ("uid", "Int64", Kind.NUMBER),
        ("seconds", "Float64", Kind.SECONDS),
        ("efficiency", "Float64", Kind.RATIO),
        ("labels", "object", Kind.MAPPING),
        ("path", "str", Kind.NAME),
        ("description", "str", Kind.TEXT),
        ("digest", "Int64", Kind.COUNT),
    ],
)
def test_a_column_is_shown_by_its_name_and_type(name: str, dtype: str, kind: Kind) -> None:
    assert kind_of(name, series([], dtype)) is kind
