"""Lists are whole, in the order of the registry, and kept for the life of a tag."""

from __future__ import annotations

import pytest

from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from tests.transferring import open_repository


@pytest.mark.parametrize(("page_size", "pages", "whole"), [(None, 1, True), (2, 1, False), (2, 2, False), (2, 9, True)])
def test_a_list_within_some_pages_is_whole_or_none(page_size: int | None, pages: int, *, whole: bool) -> None:
    with start_registry(page_size=page_size) as registry:
        source = open_repository(registry)
        told = source.tags_within(pages)
        count = len(registry.requests)
        assert told == (source.tags() if whole else None)
    assert 1 <= count <= pages


def test_a_registry_that_knows_the_list_only_without_a_length(registry: SampleRegistry) -> None:
    registry.fault("*/tags/list?n=*", status=404, body="<h1>Not Found</h1>", times=None)
    assert "2.0" in open_repository(registry).tags()
