"""Whoever logs all that there is finds no secret in it."""

from __future__ import annotations

import logging

import pytest
import urllib3

from ocinb._settings import settings
from ocinb.errors import NotFoundError
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.transferring import open_repository

LOGGER = "urllib3.connectionpool"


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_neither_a_signature_nor_a_user_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with start_registry(credentials=("ada", "s3cret")) as registry, start_registry() as elsewhere:
        settings.credentials[registry.host] = ("ada", "s3cret")
        open_repository(registry).resolve("2.0")
        signed = {"Location": f"http://{elsewhere.host}/blob?X-Amz-Signature=opens-a-door"}
        registry.fault("*/manifests/1.0", status=307, headers=signed)
        with pytest.raises(NotFoundError):
            open_repository(registry).resolve("1.0")
    lines = logged(caplog)
    assert any("/blob?X-Amz-Signature=***" in line for line in lines)
    assert any("/token?" in line and "account=***" in line for line in lines)
    assert not [line for line in lines if "opens-a-door" in line or "ada" in line or "s3cret" in line]


def test_what_others_log_is_theirs(registry: SampleRegistry, caplog: pytest.LogCaptureFixture) -> None:
    open_repository(registry).resolve("1.0")
    caplog.set_level(logging.DEBUG)
    with urllib3.PoolManager() as manager:
        manager.request("GET", f"http://{registry.host}/v2/?mine=seen")
    assert any("/v2/?mine=seen" in line for line in logged(caplog))
