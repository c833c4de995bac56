"""What many tests need: the embedded registry, running and with the samples in it, and a place for its blobs."""

from __future__ import annotations

from collections.abc import Iterator
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
