"""What is made once for a run of tests: where several processes run them, all of them take what the first one made."""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import pytest

T = TypeVar("T")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """Make something in a folder of its own that nobody changes later, or give what another process made there.

    Parameters
    ----------
    factory
        Knows the folder of this run.
    name
        What it is called in this run.
    make
        Makes it in a new folder, and says where it is. If it fails, the next one who asks tries it again.
    """
    place = _folder_of_the_run(factory) / name
    place.mkdir(parents=True, exist_ok=True)
    made = place / "made"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder = factory.mktemp(name)  # another one after a failure
            made.write_bytes(pickle.dumps(make(folder)))
        return cast("T", pickle.loads(made.read_bytes()))


def _folder_of_the_run(factory: pytest.TempPathFactory) -> Path:
    """Give a folder that all processes of this run have, and no other run."""
    own = factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
