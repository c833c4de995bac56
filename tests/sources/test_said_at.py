"""When a registry said what a tag points at is told beside it, however long ago that was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.spec.reference import Reference
from tests.sources.test_confirming import without_etag
from tests.transferring import open_repository


def said_at(registry: SampleRegistry, tag: str = "2.0") -> datetime:
    moment = open_repository(registry).look_up(tag).said_at
    assert moment is not None
    return moment


@pytest.mark.parametrize("etag", [True, False])
def test_it_is_when_the_answer_was_confirmed(registry: SampleRegistry, *, etag: bool) -> None:
    if not etag:
        without_etag(registry)
    settings.tag_ttl = 0
    first = said_at(registry)
    before = datetime.now(UTC)
    assert first <= before <= said_at(registry)
    assert [request.status for request in registry.requests] == [200, 304 if etag else 200]


def test_nobody_knows_it_of_what_was_pulled_and_is_not_answered_for(registry: SampleRegistry) -> None:
    name = registry.reference("demo/hello:latest")
    ocinb.pull(name, progress=False)
    (settings.cache_dir / "responses.sqlite").unlink()
    close_default_session()
    settings.offline = True
    source = open_source(Reference(name), session=default_session())
    assert source.look_up("latest").said_at is None
