"""How long a blob is can be asked without fetching it."""

from __future__ import annotations

import pytest

from ocinb.samples import SampleRegistry
from ocinb.sources.registry import ask_length
from tests.transferring import open_repository


@pytest.mark.parametrize("ranges", [True, False])
def test_it_is_that_of_the_blob_whatever_part_of_it_comes(registry: SampleRegistry, *, ranges: bool) -> None:
    if not ranges:
        registry.fault("*/blobs/*", ignore_range=True)
    digest = registry.put_blob(b"x" * 123_456)
    assert ask_length(open_repository(registry), digest) == 123_456
    [request] = [one for one in registry.requests if "/blobs/" in one.path]
    assert request.status == (206 if ranges else 200)
