"""Imports that come late: what takes long is loaded when it is first used, and then as fast as it goes."""

from __future__ import annotations

import gc
import importlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def collector_off() -> Iterator[None]:
    """Let Python look for no garbage while modules are imported in this block.

    What modules make stays, yet Python would look through it again and again, the more there is of it: a tenth of the
    time that ``import pandas`` takes. Two threads may be in such blocks at a time; who came first turns it on again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def loading(name: str) -> Iterator[None]:
    """Load a module beside what happens in this block, which had better wait for a network.

    That it cannot be loaded is told to whoever imports it after all.
    """
    if name in sys.modules:
        yield
        return
    thread = threading.Thread(target=load, args=(name,), name="ocinb-import", daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def load(name: str) -> None:
    """Load a module as fast as it goes; that it cannot be loaded is told to whoever imports it."""
    with suppress(ImportError), collector_off():
        importlib.import_module(name)
