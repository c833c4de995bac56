"""Parts of blobs are as long as they were asked for, or there is none."""

from __future__ import annotations

import pytest

from ocinb._settings import settings
from ocinb.errors import IntegrityError, TransportError
from ocinb.network.status_errors import RangeError
from ocinb.rootfs.toc_discovery import read_part
from ocinb.samples import SampleRegistry
from tests.transferring import BLOB, describe, open_repository


def test_another_part_is_an_error(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    registry.fault("*/blobs/*", wrong_range=True)
    with pytest.raises(RangeError):
        read_part(open_repository(registry), describe(BLOB), 1000, 50, settings)


def test_a_part_that_does_not_exist_is_an_error(registry: SampleRegistry) -> None:
    registry.put_blob(BLOB)
    with pytest.raises(RangeError):
        read_part(open_repository(registry), describe(BLOB), len(BLOB), 50, settings)
    with pytest.raises(IntegrityError, match="40 bytes early"):
        read_part(open_repository(registry), describe(BLOB), len(BLOB) - 10, 50, settings)


def test_a_line_that_stays_broken_is_given_up(registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb.network.retry.FIRST_PAUSE_SECONDS", 0.0)
    registry.put_blob(BLOB)
    fault = registry.fault("*/blobs/*", cut=10, times=None)
    with pytest.raises(TransportError):
        read_part(open_repository(registry), describe(BLOB), 1000, 50, settings)
    assert fault.hits == 1 + settings.retries
