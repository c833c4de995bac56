"""Callers: where a query finds the DataFrames of whoever asks it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def call_among_callers_names(function: Callable[[], T]) -> T:
    """Call a function as if it stood in the code that called ocinb.

    DuckDB looks for DataFrames from the innermost frame out and stops at the first thing of that name, whatever it is:
    somebody's DataFrame called `query` would be hidden by a parameter of ours.
    """
    frame = sys._getframe(1)  # noqa: SLF001 - the documented way to the caller's names
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "ocinb":
        frame = frame.f_back
    names = {**frame.f_locals, "_ocinb_function": function}
    result: T = eval("_ocinb_function()", frame.f_globals, names)  # noqa: S307 - a text of ours, which only calls
    return result
