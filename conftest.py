"""Every test and every doctest has folders, settings and connections of its own, and leaves this machine's alone."""

from __future__ import annotations

import gc
import shutil
import signal
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from ocinb._settings import settings
from ocinb.sources.session import close_default_session


def pytest_configure() -> None:
    """Let an interrupt reach the programs that tests start: whatever a shell runs in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Look for garbage in what the tests make alone: in 12,000 tests and all modules there is none, and it is slow."""
    gc.collect()
    gc.freeze()


class Folders:
    """Give a folder that is empty; what was left empty is given again, for a disk takes its time to make and remove."""

    def __init__(self, ground: Path) -> None:
        self._ground = ground
        self._made = 0
        self._empty: list[Path] = []

    def take(self) -> Path:
        """Give a folder, which is another one's again when it is given back."""
        if self._empty:
            return self._empty.pop()
        self._made += 1
        folder = self._ground / str(self._made)
        folder.mkdir()
        return folder

    def give_back(self, folder: Path) -> None:
        """Remove what was left in it."""
        if folder.exists() and not any(folder.iterdir()):
            self._empty.append(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return Folders(tmp_path_factory.mktemp("own"))


@pytest.fixture(autouse=True)
def _isolated(_folders: Folders, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("ocinb.network.retry.FIRST_PAUSE_SECONDS", 0.0)  # what fails is asked again at once
    own = _folders.take()
    _without_logins(own, monkeypatch)
    before = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    settings.store_dir = own / "own-store"
    settings.cache_dir = own / "own-cache"
    settings.credentials = {}  # type: ignore[assignment]  # settings make it Credentials
    yield
    close_default_session()
    for name, value in before.items():
        if getattr(settings, name) is not value:
            setattr(settings, name, value)
    monkeypatch.undo()  # some tests let the functions fail by which a folder is looked into
    _folders.give_back(own)


def _without_logins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody be logged in anywhere: the files of docker and podman are looked for where there are none."""
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    for variable in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(variable, str(folder))
