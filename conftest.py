"""Every test and every doctest has folders, settings and connections of its own, and leaves this machine's alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from ocinb._settings import settings
from ocinb.sources.session import close_default_session


@pytest.fixture(autouse=True)
def _isolated(tmp_path: Path) -> Iterator[None]:
    before = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    settings.store_dir = tmp_path / "own-store"
    settings.cache_dir = tmp_path / "own-cache"
    settings.credentials = {}  # type: ignore[assignment]  # settings make it Credentials
    yield
    close_default_session()
    for name, value in before.items():
        setattr(settings, name, value)
