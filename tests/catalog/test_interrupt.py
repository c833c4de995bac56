"""Ctrl-C ends a long question as it ends anything in Python, and the catalogue goes on."""

from __future__ import annotations

import pytest

from ocinb.catalog.connection import translated

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


def test_an_interrupt_of_the_main_thread_is_one() -> None:
    with pytest.raises(KeyboardInterrupt), translated("nothing"):
        raise RuntimeError("Query interrupted")
    with pytest.raises(RuntimeError, match="another"), translated("nothing"):
        raise RuntimeError("another")
