"""Ctrl-C ends a long question as it ends anything in Python, and the catalogue goes on."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from ocinb.catalog.connection import translated
from tests.scripts import Script

ASKING = """
import signal, sys, ocinb
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
catalog = ocinb.Catalog(sys.argv[1])
catalog.sql("SELECT 1")  # an interrupt that comes while Python loads a module may be lost in its locks
print("ready", flush=True)
try:
    catalog.sql(sys.argv[2])
except BaseException as error:
    print(type(error).__name__, flush=True)
print(catalog.sql("SELECT 42 AS x")["x"].tolist(), catalog.tables().shape[0] > 0, flush=True)
"""
ENDLESS = "SELECT sum(a.range * b.range) AS s FROM range(100000000) AS a, range(1000000) AS b"
COUNTING = ENDLESS.replace("sum(a.range * b.range)", "count(*)")

# As file_duplicates does, and ending in a frame that is large.
DUPLICATES = """
SELECT sha, count(*) AS copies, min(text) AS example, count(DISTINCT range % 97) AS layers
FROM (SELECT sha256((range % 3000000)::VARCHAR) AS sha, range, range::VARCHAR AS text FROM range(400000000))
GROUP BY sha HAVING count(*) > 1
"""


def test_an_interrupt_of_the_main_thread_is_one() -> None:
    with pytest.raises(KeyboardInterrupt), translated("nothing"):
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="another"), translated("nothing"):
        raise RuntimeError("another")


# DuckDB looks up from this one only when it is over, two seconds later.
DEAF = "SELECT length(regexp_replace(repeat('ab', 4000000), '(a|b)(a|b)', 'x', 'g')) AS n"


@pytest.mark.parametrize("path", [":memory:", "kept.duckdb"])
@pytest.mark.parametrize("query", [ENDLESS, f"SELECT 1; {COUNTING}", f"CREATE TABLE t AS {ENDLESS}", DUPLICATES, DEAF])
def test_an_interrupt_ends_a_question(tmp_path: Path, path: str, query: str) -> None:
    where = path if path == ":memory:" else str(tmp_path / path)
    with Script(ASKING, where, query) as asking:
        assert asking.line() == "ready"
        time.sleep(0.5)
        asking.send_signal(signal.SIGINT)
        told, _ = asking.communicate()
    assert told.splitlines() == ["KeyboardInterrupt", "[42] True"]


@pytest.mark.parametrize("seconds", [0.005, 0.02, 0.1])
def test_an_interrupt_that_comes_before_the_question_has_begun_ends_it_too(seconds: float) -> None:
    with Script(ASKING, ":memory:", COUNTING) as asking:
        assert asking.line() == "ready"
        time.sleep(seconds)
        asking.send_signal(signal.SIGINT)
        told, _ = asking.communicate()
    assert told.splitlines() == ["KeyboardInterrupt", "[42] True"], "and the process has ended"
