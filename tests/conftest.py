"""What many tests need: the embedded registry, running and with the samples in it, and a place for its blobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from ocinb._settings import settings
from ocinb.catalog import connection
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.storage.layout import Layout
from tests.catalog import template
from tests.internet import Internet
from tests.patience import SECONDS
from tests.transferring import Place

# A busy machine is no failure.
hypothesis_settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("patient")


# What a test that starts a process, a kernel or a terminal uses.
_STARTERS = {"subprocess", "multiprocessing", "Script", "lessons", "pty", "NotebookClient", "replaying"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put each test into its tier: `browser`, else `real` if it starts a process, else plain."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")
        elif isinstance(item, pytest.Function) and _uses(item.function, set()) & _STARTERS:
            item.add_marker("real")


def _uses(function: Callable[..., object], seen: set[object]) -> set[str]:
    """Name what a function uses, and the functions of its module that it calls."""
    code = getattr(function, "__code__", None)
    if code is None or code in seen:
        return set()
    seen.add(code)
    names, here = set(code.co_names), getattr(function, "__globals__", {})
    called = [here[name] for name in names if getattr(here.get(name), "__module__", "").startswith("tests.")]
    return names.union(*(_uses(one, seen) for one in called))


@pytest.fixture(scope="session", autouse=True)
def _copied_catalogues() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection, "_fill", template.copy)
        yield


@pytest.fixture(autouse=True)
def _slow_answers_are_answers() -> None:
    settings.timeout = SECONDS  # the whole machine may stand still for longer than people wait for a registry


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with start_registry() as running:
        yield running


@pytest.fixture
def place(registry: SampleRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("ocinb.transfer.FIRST_PAUSE_SECONDS", 0.0)
    return Place(registry, Layout(tmp_path / "layout"))


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    made = Internet()
    monkeypatch.setattr("ocinb.network.dns.network", made)
    return made
