"""A catalogue in memory is given up also while somebody asks it."""

from __future__ import annotations

import threading
import time

import pytest

import ocinb
from ocinb.errors import InvalidError, OcinbError
from tests.patience import until

LONG = "SELECT count(*) AS n FROM range(20000000000) WHERE hash(range) = 1"


def test_whoever_asks_while_it_is_closed_is_told() -> None:
    catalog, told = ocinb.Catalog(), list[BaseException | None]()

    def ask() -> None:
        try:
            catalog.sql(LONG)
        except OcinbError as error:
            told.append(error)

    asking = threading.Thread(target=ask)
    began = time.process_time()
    asking.start()
    until(lambda: time.process_time() - began > 0.5)  # it is in the middle of it
    catalog.close()
    asking.join()
    [error] = told
    assert type(error) is InvalidError
    assert str(error) == "the catalogue in memory was closed. Make a new one: ocinb.Catalog()"
    with pytest.raises(InvalidError, match="was closed"):
        catalog.tables()
