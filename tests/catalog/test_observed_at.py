"""An observation says when a registry said what a tag points at, and none says twice what was said once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog.document_rows import Rows, insert_all
from ocinb.samples import SampleRegistry
from tests.localfiles import tiny_image, write_layout

PLACE = {"registry": "host", "repository": "app", "tag": "1"}
SEEN = "SELECT tag, digest, observed_at FROM observations ORDER BY observed_at"


def seen(catalog: ocinb.Catalog) -> list[pd.Timestamp]:
    found: list[pd.Timestamp] = catalog.sql(SEEN)["observed_at"].tolist()
    return found


@pytest.fixture
def name(registry: SampleRegistry) -> str:
    settings.tag_ttl = 3600
    return registry.reference("demo/shop:1.0")


@pytest.mark.parametrize("offline", [False, True])
def test_what_was_not_asked_is_not_observed_now(name: str, *, offline: bool) -> None:
    ocinb.configs(name, platform="all")
    after = datetime.now(UTC)
    settings.offline = offline
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        [moment] = seen(catalog)
        assert moment <= after, "it was said before"
        for _ in range(2):
            catalog.add(name)
        assert seen(catalog) == [moment]


def test_one_answer_is_one_observation(name: str) -> None:
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        first = seen(catalog)
        catalog.add([name, f"docker://{name}"])
        assert seen(catalog) == first


def test_each_answer_is_one(registry: SampleRegistry, name: str) -> None:
    settings.tag_ttl = 0
    moments = []
    with ocinb.Catalog() as catalog:
        for _ in range(3):
            moments.append(datetime.now(UTC))
            catalog.add(name)
        assert [asked <= told for asked, told in zip(moments, seen(catalog), strict=True)] == [True] * 3
        assert [request.status for request in registry.requests if request.path.endswith("/1.0")] == [200, 304, 304]
        assert catalog.sql("SELECT last_seen > first_seen AS stays FROM tag_history")["stays"].tolist() == [True]


def test_an_answer_of_before_does_not_undo_what_was_observed_since(
    registry: SampleRegistry, name: str, tmp_path: Path
) -> None:
    old = ocinb.document(name).digest
    ocinb.configs(name, platform="all")
    new = ocinb.document(registry.reference("demo/shop:1.1")).digest
    registry.tag("demo/shop", "1.0", new)
    with ocinb.Catalog() as catalog:
        kept, settings.cache_dir = settings.cache_dir, tmp_path / "another cache"
        catalog.observe(name)
        settings.cache_dir = kept
        settings.offline = True
        assert catalog.add(name)["digest"].tolist() == [old], "which is all that is known offline"
        assert catalog.sql(SEEN)["digest"].tolist() == [old, new]
        assert catalog.sql("SELECT digest FROM current_names")["digest"].tolist() == [new]


def test_what_has_a_digest_is_noted_once(registry: SampleRegistry, name: str) -> None:
    digest = ocinb.document(name).digest
    by_digest = registry.reference(f"demo/shop@{digest}")
    with ocinb.Catalog() as catalog:
        for _ in range(2):
            catalog.add([by_digest, f"{name}@{digest}"])
        assert catalog.sql("SELECT tag, digest FROM observations").fillna("none").to_numpy().tolist() == [
            ["none", str(digest)]
        ]
        assert seen(catalog)[0] >= pd.Timestamp.now(tz="UTC") - pd.Timedelta("1h")


def test_what_was_pulled_is_noted_if_nothing_is_known_of_its_tag(name: str) -> None:
    ocinb.pull(name, platform="all", progress=False)
    with ocinb.Catalog() as catalog:
        settings.cache_dir /= "gone"
        settings.offline = True
        for _ in range(2):
            assert catalog.add(name)["outcome"].tolist() != ["failed"]
            assert len(seen(catalog)) == 1
        catalog.sql("UPDATE observations SET digest = 'sha256:other'")
        assert catalog.add(name)["outcome"].tolist() == ["present"]
        assert catalog.sql(SEEN)["digest"].tolist() == ["sha256:other"], "nobody says that it moved"


def test_a_file_is_looked_at_each_time(tmp_path: Path) -> None:
    write_layout(tmp_path, {"1.0": tiny_image("one").manifest})
    with ocinb.Catalog() as catalog:
        for _ in range(2):
            catalog.add(f"oci:{tmp_path}:1.0")
        assert len(seen(catalog)) == 2


def at(minute: int) -> datetime:
    return datetime(2025, 1, 1, 0, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("noted", "digest", "minute", "expected"),
    [
        ([], "a", 5, [("a", 5)]),
        ([("a", 5)], "a", 5, [("a", 5)]),
        ([("a", 6)], "a", 5, [("a", 6)]),
        ([("a", 4)], "a", 5, [("a", 4), ("a", 5)]),
        ([("b", 6)], "a", 5, [("a", 5), ("b", 6)]),
        ([("b", 6), ("a", 7)], "a", 5, [("a", 5), ("b", 6), ("a", 7)]),
        ([(None, 6)], "a", 5, [("a", 5), (None, 6)]),
        ([("a", 4)], None, 5, [("a", 4), (None, 5)]),
        ([(None, 4)], None, 5, [(None, 4), (None, 5)]),
        ([("b", 4)], "a", None, [("b", 4)]),
        ([("a", 4)], "a", None, [("a", 4)]),
    ],
)
@pytest.mark.parametrize("registry", ["host", None])
def test_what_is_new_among_what_is_noted(
    noted: list[tuple[str | None, int]],
    digest: str | None,
    minute: int | None,
    expected: list[tuple[str | None, int]],
    registry: str | None,
) -> None:
    place = PLACE | {"registry": registry}
    elsewhere = [place | {"tag": "2"}, place | {"repository": "other"}, place | {"registry": "another"}]
    rows = Rows()
    with ocinb.Catalog() as catalog, catalog._connections.write() as connection:
        for one, when in noted:
            before = Rows()
            for where in [place, *elsewhere]:
                before.add("observations", **where, digest=one if where is place else digest, observed_at=at(when))
            insert_all(connection, before)
        rows.add("observations", **place, digest=digest, observed_at=None if minute is None else at(minute))
        insert_all(connection, rows)
        told = catalog.sql(
            "SELECT digest, minute(observed_at) AS minute FROM observations "
            "WHERE coalesce(registry, '') = $registry AND repository = 'app' AND tag = '1' ORDER BY observed_at",
            {"registry": registry or ""},
        )
    found = [(None if pd.isna(one) else one, when) for one, when in told.itertuples(index=False)]
    assert found == expected
