"""What takes long is loaded when it is needed, and Python's collector of garbage waits until it is there."""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocinb
from ocinb._lazy import collector_off
from ocinb.samples import SampleRegistry
from ocinb.spec.reference import Reference

# What nobody needs who pulls from a registry that asks for no login.
OF_A_LOGIN = tuple(f"ocinb.auth.{name}" for name in ("auth_files", "credential_helpers"))
OF_FILES = tuple(f"ocinb.sources.{name}" for name in ("docker_archive", "file_reader", "layout", "local_files"))
OF_WHAT_IS_SEEN = ("ocinb.progress.terminal", "ocinb.progress.widgets", "ipywidgets", "tqdm")
LATE = (*OF_A_LOGIN, *OF_FILES, *OF_WHAT_IS_SEEN, "ocinb.samples", "difflib", "docker", "duckdb")
KEEPER = "requests_cache"
PROGRAM = """
import sys
import ocinb

before = [name for name in sys.modules if name.startswith(("requests", "pandas", "ocinb."))]
ocinb.pull(sys.argv[1], destination=sys.argv[2], progress=False)
print(before, [name for name in sys.argv[3:] if name in sys.modules])
"""


@pytest.fixture
def collector() -> Iterator[None]:
    """Leave it as it was."""
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.usefixtures("collector")
@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_afterwards_as_it_was_before(was_on: bool) -> None:  # noqa: FBT001 - a parameter of a test
    (gc.enable if was_on else gc.disable)()
    with pytest.raises(ImportError, match="no_such_module"), collector_off():
        importlib.import_module("no_such_module" if not gc.isenabled() else "json")
    assert gc.isenabled() is was_on


@pytest.mark.usefixtures("collector")
def test_blocks_in_one_another_turn_it_on_once() -> None:
    gc.enable()
    with collector_off():
        with collector_off():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def _loaded_early_and_late(reference: str, folder: Path, *names: str) -> str:
    command = [sys.executable, "-c", PROGRAM, reference, str(folder), *names]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_pull_loads_what_it_needs_and_no_more(registry: SampleRegistry, tmp_path: Path) -> None:
    reference = registry.reference("demo/hello")
    assert _loaded_early_and_late(reference, tmp_path / "images", *LATE) == "['ocinb._lazy'] []\n"


def test_what_keeps_answers_by_name_is_not_loaded_for_a_digest(registry: SampleRegistry, tmp_path: Path) -> None:
    by_tag = Reference(registry.reference("demo/hello"))
    by_digest = by_tag.at(ocinb.document(by_tag.canonical).digest)
    assert _loaded_early_and_late(by_tag.canonical, tmp_path / "a", KEEPER) == f"['ocinb._lazy'] ['{KEEPER}']\n"
    assert _loaded_early_and_late(by_digest, tmp_path / "b", KEEPER) == "['ocinb._lazy'] []\n"
