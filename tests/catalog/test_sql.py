"""Questions in SQL: the types of the answers, parameters, the caller's own frames, and refusals."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import ocinb
from ocinb.errors import InvalidError, OcinbError
from ocinb.samples import SampleRegistry
from tests.patience import SECONDS

OF_THE_MODULE = pd.DataFrame({"x": [40]})
# Names that ocinb's own functions and modules use on the way to DuckDB.
TAKEN = "query params connection relation frame self columns names types kind schemas find load BATCH Path to_frame"


@pytest.mark.parametrize(
    ("expression", "dtype", "value"),
    [
        ("1", "Int64", 1),
        ("1::TINYINT", "Int64", 1),
        ("9007199254740993", "Int64", 2**53 + 1),
        ("NULL::INTEGER", "Int64", None),
        ("255::UTINYINT", "Int64", 255),
        ("sum(9007199254740993)", "Int64", 2**53 + 1),
        ("count(*)", "Int64", 1),
        ("18446744073709551615::UBIGINT", "object", 2**64 - 1),
        ("170141183460469231731687303715884105727::HUGEINT", "object", 2**127 - 1),
        ("-9223372036854775808::HUGEINT", "Int64", -(2**63)),
        ("NULL::HUGEINT", "Int64", None),
        ("1.5::DOUBLE", "float64", 1.5),
        ("true", "boolean", True),
        ("NULL::BOOLEAN", "boolean", None),
        ("'text'", "str", "text"),
        ("''", "str", ""),
        ("NULL::VARCHAR", "str", None),
        ("'a' || chr(0) || 'b'", "str", "a\x00b"),
        ("""'{"a": 1}'::JSON""", "str", '{"a": 1}'),
        ("""'{"a": {"b": 2}}'->'a'""", "str", '{"b":2}'),
        ("TIMESTAMPTZ '2025-01-02 03:04:05.678901+02'", "datetime64[us, UTC]", "2025-01-02T01:04:05.678901Z"),
        ("NULL::TIMESTAMPTZ", "datetime64[us, UTC]", None),
        ("['a', NULL, 'b']", "object", ["a", None, "b"]),
        ("[]::VARCHAR[]", "object", []),
        ("[1, NULL, 3]", "object", [1, None, 3]),
        ("[[1, 2], [], [3]]", "object", [[1, 2], [], [3]]),
        ("NULL::VARCHAR[]", "object", None),
        ("MAP {'k': 'v', '': 'e'}", "object", {"k": "v", "": "e"}),
        ("NULL::MAP(VARCHAR, VARCHAR)", "object", None),
        ("{'a': [1, 2]}", "object", {"a": [1, 2]}),
    ],
)
def test_types_of_an_answer(expression: str, dtype: str, value: Any) -> None:
    with ocinb.Catalog() as catalog:
        frame = catalog.sql(f"SELECT {expression} AS x")
        empty = catalog.sql(f"SELECT * FROM (SELECT {expression} AS x) WHERE false")
    [answer] = frame["x"]
    if value is None:
        assert pd.isna(answer)
    else:
        assert answer == (pd.Timestamp(value) if "datetime" in dtype else value)
        assert type(answer) is not float or dtype == "float64"
    assert str(frame["x"].dtype) == dtype
    assert str(empty["x"].dtype) == ("Int64" if type(value) is int else dtype), "no number is too large for Int64"


def test_whole_numbers_beside_missing_ones_stay_whole() -> None:
    with ocinb.Catalog() as catalog:
        frame = catalog.sql(
            "SELECT * FROM (VALUES (9007199254740993, 9007199254740993::HUGEINT), (NULL, NULL)) t(a, b)"
        )
    assert [str(dtype) for dtype in frame.dtypes] == ["Int64", "Int64"]
    assert (frame["a"][0], frame["b"][0]) == (2**53 + 1, 2**53 + 1)
    assert frame.isna().iloc[1].all()


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ("1 AS a, 2 AS a", ["a", "a_1"]),
        ("1 AS a, 2 AS a, 3 AS a_1", ["a", "a_1", "a_1_1"]),
        ("1 AS a, 2 AS A", ["a", "A_1"]),
        ("1 AS a, 2 AS A, 3 AS a_1, 4 AS A_1", ["a", "A_1", "a_1_1", "A_1_2"]),
        ("1, 1", ["1", "1_1"]),
        ("""1 AS "a ""b" """, ['a "b']),
        ('1 AS "#1", 2 AS "*"', ["#1", "*"]),
    ],
)
def test_columns_of_one_name_are_told_apart(columns: str, names: list[str]) -> None:
    with ocinb.Catalog() as catalog:
        frame = catalog.sql(f"SELECT {columns}")
    assert list(frame) == names
    assert frame.iloc[0].tolist() == sorted(frame.iloc[0].tolist())
    assert {str(dtype) for dtype in frame.dtypes} == {"Int64"}


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("SELECT ? + ? AS x", [40, 2]),
        ("SELECT ? + ? AS x", (40, 2)),
        ("SELECT $a + $b AS x", {"a": 40, "b": 2}),
        ("SELECT $2 + $1 AS x", [2, 40]),
        ("SELECT 42 AS x", None),
        ("SELECT 42 AS x", []),
        ("SELECT len($list) + $n AS x", {"list": ["a", "b"], "n": 40}),
    ],
)
def test_parameters(query: str, params: Any) -> None:
    with ocinb.Catalog() as catalog:
        assert catalog.sql(query, params)["x"].tolist() == [42]


def test_a_parameter_is_a_value_and_no_sql() -> None:
    hostile = "'; DROP TABLE layers; --"
    with ocinb.Catalog() as catalog:
        assert catalog.sql("SELECT ? AS x", [hostile])["x"].tolist() == [hostile]
        assert len(catalog.sql("FROM layers")) == 0


@pytest.mark.parametrize(
    ("query", "params"),
    [
        ("SELEC 1", None),
        ("SELECT nothing FROM nowhere", None),
        ("SELECT ?", None),
        ("SELECT ?", [1, 2]),
        ("SELECT $a", {"b": 1}),
        ("SELECT ?", [object()]),
        ("SELECT ?", "abc"),
        ("SELECT ?", 5),
        ("SELECT 'x'::INTEGER", None),
        ("SELECT 9223372036854775807 + 1", None),
        ("SELECT '\ud800'", None),
        ("SELECT error('of the query')", None),
        (5, None),
    ],
)
def test_a_refused_query_is_an_error_of_ocinb(query: str, params: Any) -> None:
    with ocinb.Catalog() as catalog:
        with pytest.raises(InvalidError) as caught:
            catalog.sql(query, params)
        assert catalog.sql("SELECT 1 AS x")["x"].tolist() == [1], "and the catalogue goes on"
    assert caught.value.__cause__ is None
    assert not isinstance(caught.value, duckdb.Error)
    assert "\n" not in str(caught.value)
    assert "duckdb.duckdb" not in "".join(traceback.format_exception(caught.value))


def test_a_refusal_has_the_words_of_duckdb() -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError, match=r"DuckDB refuses the query: .*nowhere"):
        catalog.sql("SELECT * FROM nowhere")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("FROM imges", 'Did you mean "images"?'),
        ("FROM fnd('*')", 'Did you mean "find"?'),
        ("SELECT referense FROM images", '"reference"'),
        ("SELECT i.referense FROM images AS i", "Did you mean 'reference'?"),
        ("SELECT images.referense FROM images", "Did you mean 'reference'?"),
        ("FROM images JOIN layers USING (layerdigest)", "Did you mean 'layer_digest'?"),
        ("BEGIN; SELECT i.referense FROM images AS i", "Did you mean 'reference'?"),
        ("SELECT x.layers FROM images", 'Candidate tables: "images"'),
        ("FROM find()", "find(pattern)"),
    ],
)
def test_a_typo_is_told_in_one_line_with_what_may_have_been_meant(query: str, told: str) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError) as caught:
        catalog.sql(query)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_column_like_none_is_left_to_duckdb() -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError) as caught:
        catalog.sql("SELECT i.zzzzqqqq FROM images AS i")
    assert caught.value.hint is None
    assert "zzzzqqqq" in str(caught.value)


@pytest.mark.parametrize("path", [":memory:", "kept.duckdb"])
def test_people_have_tables_and_views_of_their_own_in_it(tmp_path: Path, path: str) -> None:
    with ocinb.Catalog(path if path == ":memory:" else tmp_path / path) as catalog:
        catalog.sql("CREATE TABLE teams (repository VARCHAR); INSERT INTO teams VALUES ('demo/shop'), (NULL)")
        catalog.sql("CREATE VIEW mine AS SELECT count(*) AS n FROM teams LEFT JOIN tags USING (repository)")
        assert catalog.sql("FROM mine")["n"].tolist() == [2]
        catalog.sql("BEGIN; DELETE FROM teams WHERE repository IS NULL; COMMIT")
        assert catalog.sql("FROM mine")["n"].tolist() == [1]


def test_other_files_are_read_and_written(tmp_path: Path) -> None:
    with ocinb.Catalog(tmp_path / "kept.duckdb") as catalog, ocinb.Catalog() as beside:
        beside.sql("INSERT INTO failures (reference) VALUES ('theirs')")
        ocinb.Catalog(tmp_path / "other.duckdb")
        attach = f"ATTACH '{tmp_path / 'other.duckdb'}' AS other"
        assert catalog.sql(f"{attach}; SELECT count(*) AS n FROM other.images")["n"].tolist() == [0]
        written = catalog.sql(f"COPY (SELECT 42 AS x) TO '{tmp_path / 'x.csv'}'")
        assert written["Count"].tolist() == [1]
        assert catalog.sql(f"FROM '{tmp_path / 'x.csv'}'")["x"].tolist() == [42]


@pytest.mark.parametrize(
    ("frame", "values"),
    [
        (pd.DataFrame({"x": [{"a": 1}, {"a": 2}]}), [{"a": 1}, {"a": 2}]),
        (pd.DataFrame({"x": [[1, 2], []]}), [[1, 2], []]),
        (pd.DataFrame({"x": pd.Categorical(["a", "b"])}), ["a", "b"]),
        (pd.DataFrame({"x": [2**80, 1]}), [2**80, 1]),
        (pd.DataFrame({"x": pd.array([2**60 + 1, 1], dtype="Int64")}), [2**60 + 1, 1]),
        (
            pd.DataFrame({"x": pd.to_datetime(["2025-01-01 05:30"]).tz_localize("Asia/Kolkata")}),
            [pd.Timestamp("2025-01-01", tz="UTC")],
        ),
    ],
)
def test_columns_of_any_kind_come_from_a_frame(frame: pd.DataFrame, values: list[Any]) -> None:
    with ocinb.Catalog() as catalog:
        assert catalog.sql("SELECT x FROM frame")["x"].tolist() == values
    assert len(frame) == len(values)


def test_columns_of_one_name_come_from_a_frame() -> None:
    doubled = pd.DataFrame([[40, 2]], columns=["x", "x"])
    with ocinb.Catalog() as catalog:
        assert catalog.sql("FROM doubled").iloc[0].tolist() == doubled.iloc[0].tolist()


@pytest.mark.parametrize("statement", ["CREATE TABLE mine (a INTEGER)", "", "-- nothing"])
def test_a_statement_without_a_result_gives_an_empty_frame(statement: str) -> None:
    with ocinb.Catalog() as catalog:
        frame = catalog.sql(statement)
    assert (len(frame), list(frame)) == (0, []) or list(frame) == ["Count"]


def test_frames_of_the_caller_are_seen() -> None:
    of_the_function = pd.DataFrame({"x": [2]})
    with ocinb.Catalog() as catalog:
        total = catalog.sql("SELECT f.x + m.x AS x FROM of_the_function AS f, OF_THE_MODULE AS m")
    assert total["x"].tolist() == [42]
    assert len(of_the_function) == 1


def test_frames_are_seen_through_a_function_that_asks() -> None:
    def ask(text: str) -> pd.DataFrame:
        return catalog.sql(text)

    with ocinb.Catalog() as catalog:
        notebook: dict[str, Any] = {"ask": ask, "mine": pd.DataFrame({"x": [42]})}
        exec("answer = ask('SELECT x FROM mine')", notebook)
    assert notebook["answer"]["x"].tolist() == [42]


@pytest.mark.parametrize("name", TAKEN.split())
def test_a_frame_may_be_called_what_ocinb_calls_its_own(name: str) -> None:
    with ocinb.Catalog() as catalog:
        notebook: dict[str, Any] = {"catalog": catalog, name: pd.DataFrame({"x": [42]}), "__name__": "__main__"}
        exec(f"answer = catalog.sql('SELECT x FROM {name}')", notebook)
    assert notebook["answer"]["x"].tolist() == [42]


@pytest.mark.parametrize("name", TAKEN.split())
def test_a_name_of_ocinb_is_nothing_to_ask(name: str) -> None:
    with ocinb.Catalog() as catalog, pytest.raises(InvalidError, match="does not exist"):
        catalog.sql(f"SELECT x FROM {name}")


def test_a_table_comes_before_a_frame_of_its_name() -> None:
    layers = pd.DataFrame({"x": [42]})
    with ocinb.Catalog() as catalog:
        assert len(catalog.sql("FROM layers")) == 0
    assert len(layers) == 1


def test_the_nearest_frame_of_a_name_is_meant() -> None:
    OF_THE_MODULE = pd.DataFrame({"x": [2]})  # noqa: N806 - it hides the other on purpose
    with ocinb.Catalog() as catalog:
        assert catalog.sql("SELECT x FROM OF_THE_MODULE")["x"].tolist() == OF_THE_MODULE["x"].tolist()


def test_a_frame_goes_together_with_a_table(registry: SampleRegistry) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(registry.reference("demo/hello"))
        mine = ocinb.layers(registry.reference("demo/hello"))
        joined = catalog.sql("SELECT mine.reference FROM mine JOIN layers ON layers.layer_digest = mine.digest")
    assert joined["reference"].tolist() == mine["reference"].tolist()


def test_a_closed_catalogue_in_memory_says_so() -> None:
    catalog = ocinb.Catalog()
    catalog.close()
    catalog.close()
    with pytest.raises(OcinbError, match="closed"):
        catalog.sql("SELECT 1")
    with pytest.raises(OcinbError, match="closed"):
        catalog.tables()


def test_a_catalogue_in_a_file_needs_no_closing(tmp_path: Path) -> None:
    with ocinb.Catalog(tmp_path / "kept.duckdb") as catalog:
        pass
    assert catalog.sql("SELECT 1 AS x")["x"].tolist() == [1]
    assert repr(catalog) == f"Catalog({str(tmp_path / 'kept.duckdb')!r})"


@pytest.mark.parametrize("path", [":memory:", "kept.duckdb"])
def test_threads_take_turns(registry: SampleRegistry, tmp_path: Path, path: str) -> None:
    catalog = ocinb.Catalog(path if path == ":memory:" else tmp_path / path)
    names = [registry.reference(f"demo/{name}") for name in ("shop:1.0", "shop:2.0", "nested:1", "hello")]
    problems: list[BaseException] = []

    def work(name: str) -> None:
        try:
            assert catalog.add(name)["outcome"].tolist() == ["added"]
            for _ in range(5):
                assert catalog.sql("SELECT count(*) AS n FROM images")["n"][0] >= 1
        except BaseException as error:  # noqa: BLE001 - told below, in the thread of the test
            problems.append(error)

    threads = [threading.Thread(target=work, args=[name]) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert catalog.sql("SELECT count(*) AS n FROM images")["n"].tolist() == [8]


ELSEWHERE = """
import sys, ocinb, pandas as pd
mine = pd.DataFrame({"at": pd.to_datetime(["2025-06-01T00:00:00Z"])})
with ocinb.Catalog(sys.argv[1]) as catalog:
    stored = catalog.sql("SELECT created FROM configs")["created"][0]
    seen = catalog.sql("SELECT \\"at\\" FROM mine")["at"][0]
    text = catalog.sql("SELECT created::VARCHAR AS text, current_setting('TimeZone') AS zone FROM configs")
    now = catalog.sql("SELECT max(observed_at) AS at FROM observations")["at"][0]
    print(stored.isoformat(), seen.isoformat(), text["text"][0], text["zone"][0], now.isoformat(), sep="|")
"""


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "UTC"])
def test_another_time_zone_shifts_nothing(registry: SampleRegistry, tmp_path: Path, zone: str) -> None:
    path = tmp_path / "kept.duckdb"
    with ocinb.Catalog(path) as catalog:
        catalog.add(registry.reference("demo/hello"))
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, path],
        env=os.environ | {"TZ": zone},
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    stored, seen, text, set_zone, now = done.stdout.strip().split("|")
    assert stored == "2025-04-01T12:00:01.518284+00:00"
    assert seen == "2025-06-01T00:00:00+00:00"
    assert (text, set_zone) == ("2025-04-01 12:00:01.518284+00", "UTC")
    assert (datetime.now(UTC) - datetime.fromisoformat(now)).total_seconds() < 600
