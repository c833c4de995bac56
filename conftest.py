"""Every test and every doctest has folders, settings and connections of its own, and leaves this machine's alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from ocinb._settings import settings
from ocinb.sources.session import close_default_session


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("ocinb.network.patience.FIRST_PAUSE_SECONDS", 0.0)  # what fails is asked again at once
    _without_logins(tmp_path / "own-logins", monkeypatch)
    before = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    settings.store_dir = tmp_path / "own-store"
    settings.cache_dir = tmp_path / "own-cache"
    settings.credentials = {}  # type: ignore[assignment]  # settings make it Credentials
    yield
    close_default_session()
    for name, value in before.items():
        setattr(settings, name, value)


def _without_logins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be logged in anywhere: the files of docker and podman are looked for where there are none."""
    folder.mkdir()
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    for variable in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(folder))
