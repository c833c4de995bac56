"""A real shell in this process, and a catalogue to ask in it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import ocinb
from ocinb.samples import SampleRegistry


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(tmp_path)
    # A shell takes these for its own.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "path", list(sys.path))
    for prompt in ("ps1", "ps2", "ps3"):
        monkeypatch.setattr(sys, prompt, "", raising=False)
    InteractiveShell.clear_instance()
    made: Any = InteractiveShell.instance()  # which has types for half of itself
    made.history_manager.enabled = False
    made.run_line_magic("load_ext", "ocinb")
    yield made
    atexit.unregister(made.atexit_operations)
    made.atexit_operations()
    InteractiveShell.clear_instance()


@pytest.fixture
def catalog(registry: SampleRegistry) -> Iterator[ocinb.Catalog]:
    with ocinb.Catalog() as made:
        made.add([registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0")])
        yield made
