"""When a registry said what a tag points at is told beside it, however long ago that was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import ocinb
from ocinb._settings import settings
from ocinb.samples import SampleRegistry
from ocinb.sources.images import resolve_name
from ocinb.sources.session import close_default_session, default_session, open_source
from ocinb.spec.reference import Reference
from tests.localfiles import tiny_image, write_layout
from tests.sources.test_confirming import without_etag
from tests.transferring import open_repository


def said_at(registry: SampleRegistry, tag: str = "2.0") -> datetime:
    moment = open_repository(registry).look_up(tag).said_at
    assert moment is not None
    return moment


def test_it_is_now_if_the_registry_was_asked(registry: SampleRegistry) -> None:
    before = datetime.now(UTC)
    assert before <= said_at(registry) <= datetime.now(UTC)


@pytest.mark.parametrize("way", ["resolve", "head"])
def test_it_is_when_the_answer_came_that_is_believed(registry: SampleRegistry, way: str) -> None:
    settings.tag_ttl = 3600
    before = datetime.now(UTC)
    getattr(open_repository(registry), way)("2.0")
    after = datetime.now(UTC)
    assert before <= said_at(registry) <= after


def test_offline_it_is_when_the_last_answer_came(registry: SampleRegistry) -> None:
    settings.tag_ttl = 0
    source = open_repository(registry)
    source.head("2.0")
    before = datetime.now(UTC)
    source.resolve("2.0")
    after = datetime.now(UTC)
    settings.offline = True
    assert before <= said_at(registry) <= after


@pytest.mark.parametrize("etag", [True, False])
def test_it_is_when_the_answer_was_confirmed(registry: SampleRegistry, *, etag: bool) -> None:
    if not etag:
        without_etag(registry)
    settings.tag_ttl = 0
    first = said_at(registry)
    before = datetime.now(UTC)
    assert first <= before <= said_at(registry)
    assert [request.status for request in registry.requests] == [200, 304 if etag else 200]


def test_nobody_says_it_of_a_digest(registry: SampleRegistry) -> None:
    source = open_repository(registry)
    digest = source.resolve("2.0").digest
    assert source.look_up(digest).said_at is None


def test_nobody_knows_it_of_what_was_pulled_and_is_not_answered_for(registry: SampleRegistry) -> None:
    name = registry.reference("demo/hello:latest")
    ocinb.pull(name, progress=False)
    (settings.cache_dir / "responses.sqlite").unlink()
    close_default_session()
    settings.offline = True
    source = open_source(Reference(name), session=default_session())
    assert source.look_up("latest").said_at is None


def test_a_file_says_it_now_and_so_does_what_is_resolved(tmp_path: Path) -> None:
    write_layout(tmp_path, {"1.0": tiny_image("one").manifest})
    source = open_source(Reference(f"oci:{tmp_path}:1.0"), session=default_session())
    before = datetime.now(UTC)
    for moment in (source.look_up("1.0").said_at, resolve_name(source, "1.0", settings).said_at):
        assert moment is not None
        assert before <= moment <= datetime.now(UTC)
