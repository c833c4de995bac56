"""A real shell in this process, and a catalogue to ask in it."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import ocinb
from ocinb._settings import settings
from ocinb.catalog import connection
from ocinb.samples import registry as start_registry
from ocinb.sources.session import close_default_session
from tests.catalog import template


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


@pytest.fixture(scope="session")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a catalogue of two images once; a copy of it takes a tenth of the time."""
    folder = tmp_path_factory.mktemp("shop")
    with start_registry() as registry, pytest.MonkeyPatch.context() as patched:
        patched.setattr(settings, "store_dir", folder / "store")
        patched.setattr(settings, "cache_dir", folder / "cache")
        names = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "2.0")]
        ocinb.Catalog(folder / "shop.duckdb").add(names, progress=False)
        close_default_session()
    return folder / "shop.duckdb"


@pytest.fixture
def catalog(_shop: Path) -> Iterator[ocinb.Catalog]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection, "_fill", partial(template.copy_file, path=str(_shop)))
        made = ocinb.Catalog()
    with made:
        yield made
