"""Many names in one call: in any shape, whatever fails among them, at few questions and in few transactions."""

from __future__ import annotations

import shutil
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import ocinb
from ocinb._settings import settings
from ocinb.catalog import document_rows, ingest_documents
from ocinb.catalog.document_rows import Rows
from ocinb.catalog.ingest import BATCH, NAMES_PER_PAGE
from ocinb.samples import SampleRegistry
from ocinb.samples import registry as start_registry
from ocinb.samples.images import Blob, make_json, make_layer
from ocinb.samples.tars import file
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from ocinb.spec.tag_schema import cosign_tags, referrers_tags
from tests.catalog.laying import put_stack
from tests.catalog.test_ingest_files import stack
from tests.localfiles import tiny_image, write_layout
from tests.sources.referring import artifact, cosigned, entry, index

COUNT = BATCH + 6
# What a tag of a new image costs: the tag, its config, the list of referrers, and three tags of cosign's.
QUESTIONS = {"manifests": 1, "blobs": 1, "referrers": 1, "cosign": 3}
FAILED = "SELECT reference, stage, error, failed_at FROM failures"


@pytest.fixture
def names(registry: SampleRegistry) -> list[str]:
    """Have more images than a batch in one repository, and give their names."""
    for number in range(COUNT):
        registry.put_image("demo/many", [make_layer([file(str(number))])], tag=f"v{number}")
    return [registry.reference(f"demo/many:v{number}") for number in range(COUNT)]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[Counter[str]]:
    """Tell how many rows each transaction was given of each table."""
    told: list[Counter[str]] = []
    whole = document_rows.insert_all

    def insert_all(connection: duckdb.DuckDBPyConnection, rows: Rows) -> None:
        told.append(Counter({table: len(listed) for table, listed in rows.tables.items()}))
        whole(connection, rows)

    monkeypatch.setattr(ingest_documents, "insert_all", insert_all)
    return told


def asked(registry: SampleRegistry, since: int = 0) -> dict[str, int]:
    """Count what was asked for of a repository, by its kind."""
    paths = [request.path for request in registry.requests[since:] if "/demo/many/" in request.path]
    kinds = ["cosign" if "/sha256-" in path else path.split("/")[4] for path in paths]
    return dict(Counter(kinds))


@contextmanager
def silent_port() -> Iterator[str]:
    """Hold a port at which nobody listens, so that nobody else begins to."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{held.getsockname()[1]}"


@pytest.mark.parametrize("depth", ["metadata", "files"])
def test_a_registry_that_is_down_keeps_no_other_waiting(
    names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depth: Any
) -> None:
    monkeypatch.setattr("ocinb.frames.batch.BELIEVED_SECONDS", 3600.0)
    settings.retries, settings.concurrency = 0, 1
    write_layout(tmp_path, {"app": tiny_image("app").manifest})
    layout = f"oci:{tmp_path}:app"
    with silent_port() as host, ocinb.samples.registry() as other, ocinb.Catalog() as catalog, ocinb.trace() as trace:
        lost = [f"{host}/demo/app:{number}" for number in range(2 * COUNT)]
        here = [*names[:3], layout, other.reference("demo/hello"), "oci:nowhere:app"]
        added = catalog.add([*lost[:COUNT], *here, *lost[COUNT:]], depth=depth, progress=False)
        told = added.set_index("reference")["outcome"]
        assert told[here].tolist() == ["added"] * 5 + ["failed"]
        assert set(told[lost]) == {"failed"}
        assert sorted(catalog.sql(FAILED)["reference"]) == sorted([*lost, here[-1]])
    calls = trace.frame["url"].str.contains(f"//{host}/", regex=False)
    assert 0 < calls.sum() < BATCH / 2


def test_of_one_that_goes_down_meanwhile_only_referrers_are_missing(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocinb.frames.batch.BELIEVED_SECONDS", 3600.0)
    settings.retries, settings.tag_ttl, settings.concurrency = 0, 3600, 1
    with ocinb.samples.registry() as gone:
        for number in range(COUNT):
            gone.put_image("demo/many", [make_layer([file(str(number))])], tag=f"v{number}")
        lost = [gone.reference(f"demo/many:v{number}") for number in range(COUNT)]
        ocinb.configs(lost)
    with ocinb.Catalog() as catalog, ocinb.trace() as trace:
        assert set(catalog.add([*lost, *names], referrers=True, progress=False)["outcome"]) <= {"added", "present"}
        failed = catalog.sql(FAILED)
    assert failed["reference"].tolist() == lost
    assert set(failed["stage"]) == {"referrers"}
    assert 0 < trace.frame["status"].isna().sum() < COUNT / 2


SEEN = "SELECT tag, digest FROM observations ORDER BY observed_at"


@pytest.fixture
def catalog() -> ocinb.Catalog:
    settings.tag_ttl = 0
    return ocinb.Catalog()


@pytest.mark.parametrize("name", ["demo/shop:9.9", "demo/none:1.0", "demo/shop@sha256:" + "0" * 64])
def test_what_never_was_there_is_no_observation(registry: SampleRegistry, catalog: ocinb.Catalog, name: str) -> None:
    assert catalog.add(registry.reference(name))["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN).empty


def test_what_was_added_by_its_digest_counts_no_more_when_it_is_gone(
    registry: SampleRegistry, catalog: ocinb.Catalog
) -> None:
    shop, hello = registry.reference("demo/shop:1.0"), registry.reference("demo/hello")
    [digest, other] = catalog.add([shop, hello])["digest"]
    names = [registry.reference(f"demo/{end}") for end in (f"shop@{digest}", f"shop:1.0@{digest}", f"hello@{other}")]
    catalog.add(names)
    registry.untag("demo/shop", "1.0")
    catalog.add(shop)
    assert set(catalog.sql("FROM repository_sizes")["repository"]) == {"demo/shop", "demo/hello"}
    shutil.rmtree(settings.store_dir)
    registry._content.repositories["demo/shop"].manifests.pop(digest)
    assert catalog.add(names)["outcome"].tolist() == ["failed", "failed", "present"]
    assert set(catalog.sql("FROM repository_sizes")["repository"]) == {"demo/hello"}
    assert set(catalog.sql("FROM layer_sharing")["repositories"]) == {1}
    assert catalog.sql("SELECT digest FROM tag_history ORDER BY ALL")["digest"].tolist() == sorted([digest, other])


def test_a_platform_that_is_not_there_says_nothing_of_the_tag(registry: SampleRegistry, catalog: ocinb.Catalog) -> None:
    shop = registry.reference("demo/shop:1.0")
    catalog.add(shop)
    assert catalog.add(shop, platform="s390x")["outcome"].tolist() == ["failed"]
    assert catalog.sql(SEEN)["digest"].notna().all()


def outcomes(catalog: ocinb.Catalog, names: str | list[str], depth: Any = "metadata") -> list[str]:
    told: list[str] = catalog.add(names, depth=depth, progress=False)["outcome"].tolist()
    return told


def test_a_name_that_the_catalogue_refuses_says_why(registry: SampleRegistry) -> None:
    names = [registry.reference(f"demo/{name}") for name in ("shop:1.0", "hello")]
    with ocinb.Catalog() as catalog:
        catalog.sql("ALTER TABLE history RENAME position TO place")
        added = catalog.add([*names, "No Name"])
        assert added["outcome"].tolist() == ["failed"] * 3
        assert added["error"].str.contains('no.* column named "position"').tolist() == [True, True, False]
        assert catalog.sql("SELECT error FROM failures")["error"].tolist() == added["error"].tolist()
        assert catalog.sql("FROM manifests").empty
        assert catalog.sql("FROM observations").empty


COLUMNS = "subject digest media_type artifact_type manifest_bytes found_via".split()


def told(catalog: ocinb.Catalog) -> pd.DataFrame:
    return catalog.sql("SELECT * RENAME (referrer_digest AS digest) FROM referrers")


def rows(frame: pd.DataFrame) -> list[list[object]]:
    plain = frame[COLUMNS].astype(object)
    return sorted(plain.where(plain.notna(), None).to_numpy().tolist(), key=repr)


def test_they_are_those_of_the_name_and_of_its_images(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    digests = ocinb.manifests(name).query("kind == 'image'")["digest"]
    images = [registry.reference(f"demo/shop@{digest}") for digest in digests]
    with ocinb.Catalog() as catalog:
        catalog.add(name, referrers=True)
        found = told(catalog)
    expected = ocinb.referrers([name, *images]).drop_duplicates(["subject", "digest"])
    assert rows(found) == rows(expected)
    assert set(found["registry"]) == {registry.host}
    assert set(found["repository"]) == {"demo/shop"}
    annotated = found.set_index("digest")["annotations"]
    assert {digest: annotated[digest] for digest in expected["digest"]} == dict(
        zip(expected["digest"], expected["annotations"], strict=True)
    )
    assert len(found) > len(digests) > 1


def test_nobody_asks_for_them_unless_told_to(registry: SampleRegistry) -> None:
    name = registry.reference("demo/shop:2.0")
    with ocinb.Catalog() as catalog:
        catalog.add(name)
        assert not [request for request in registry.requests if "/referrers/" in request.path]
        assert told(catalog).empty
        assert catalog.add(name, referrers=True)["outcome"].item() == "present"
        assert len(told(catalog)) > 1


def test_a_registry_that_has_none_is_no_failure(registry: SampleRegistry) -> None:
    registry.fault("*/referrers/*", status=404, times=None)
    with ocinb.Catalog() as catalog:
        assert catalog.add(put_stack(registry, stack()), referrers=True)["outcome"].tolist() == ["added"]
        assert told(catalog).empty
        assert catalog.sql("FROM failures").empty


@pytest.mark.parametrize("depth", ["metadata", "files"])
def test_a_registry_that_fails_over_them_fails_nothing_else(registry: SampleRegistry, depth: str) -> None:
    settings.retries = 0
    registry.fault("*/referrers/*", status=500, times=None)
    name = put_stack(registry, stack())
    with ocinb.Catalog() as catalog:
        added = catalog.add(name, depth=depth, referrers=True)  # type: ignore[arg-type]
        assert added["outcome"].tolist() == ["added"]
        assert added["error"].isna().all()
        failed = catalog.sql("SELECT reference, stage, error FROM failures")
        assert failed[["reference", "stage"]].to_numpy().tolist() == [[name, "referrers"]]
        assert "500" in failed["error"][0]
        assert catalog.add(name, depth=depth, referrers=True)["outcome"].tolist() == ["present"]  # type: ignore[arg-type]


REPOSITORY = "demo/many"


@pytest.fixture
def old() -> Iterator[SampleRegistry]:
    """Run a registry that lists no referrers."""
    with start_registry(referrers_api=False) as running:
        yield running


def put(registry: SampleRegistry, count: int = NAMES_PER_PAGE) -> list[str]:
    """Put images, of which the last is signed."""
    for number in range(count):
        digest = registry.put_image(REPOSITORY, [make_layer([file(str(number))])], tag=f"v{number}")
    registry.put_manifest(REPOSITORY, cosigned("a/signature"), tag=cosign_tags(Digest(digest))[0])
    return [registry.reference(f"{REPOSITORY}:v{number}") for number in range(count)]


def asked_of_taglists(registry: SampleRegistry) -> tuple[int, int]:
    """Count how often a list of tags was asked for, and how often a tag that tools make."""
    paths = [request.path for request in registry.requests if f"/{REPOSITORY}/" in request.path]
    return sum("/tags/list" in path for path in paths), sum("/manifests/sha256-" in path for path in paths)


def found(catalog: ocinb.Catalog) -> list[list[str]]:
    rows: list[list[str]] = (
        catalog.sql("SELECT artifact_type, found_via FROM referrers ORDER BY ALL").to_numpy().tolist()
    )
    return rows


SIGNED = [["a/signature", "cosign"]]


def test_a_registry_without_referrers_is_spared_the_tag_that_lists_them(old: SampleRegistry) -> None:
    names = put(old)
    subject = Digest(ocinb.document(names[0]).digest)
    raw = artifact(str(subject), artifact_type="a/listed")
    old.put_manifest(REPOSITORY, raw)
    listed = index(entry(raw, artifactType="a/listed"))
    old.put_manifest(REPOSITORY, listed, media_type=OCI_INDEX, tag=referrers_tags(subject)[0])
    with ocinb.Catalog() as catalog:
        catalog.add(names, referrers=True)
        assert found(catalog) == [["a/listed", "tag"], *SIGNED]
    assert asked_of_taglists(old)[1] <= 4


@pytest.mark.parametrize("status", [401, 403, 404, 405, 500])
def test_where_there_is_no_list_each_tag_is_asked_for(registry: SampleRegistry, status: int) -> None:
    settings.retries = 0
    registry.fault("*/tags/list*", status=status, times=None)
    with ocinb.Catalog() as catalog:
        assert set(catalog.add(put(registry), referrers=True)["outcome"]) == {"added"}
        assert found(catalog) == SIGNED
        assert catalog.sql("FROM failures").empty
    assert asked_of_taglists(registry)[1] >= 3 * NAMES_PER_PAGE


def test_a_list_that_lacks_the_name_itself_says_nothing(registry: SampleRegistry) -> None:
    settings.tag_ttl = 3600
    registry.put_image(REPOSITORY, [make_layer([file("old")])], tag="old")
    ocinb.tags(registry.reference(REPOSITORY))
    with ocinb.Catalog() as catalog:
        catalog.add(put(registry), referrers=True)
        assert found(catalog) == SIGNED
    assert asked_of_taglists(registry)[1] >= 3 * NAMES_PER_PAGE


LAYER = make_layer([file("a", b"x" * 1000)])
TRUE, FALSE = len(LAYER.raw), 9 * 10**18


def _put(registry: SampleRegistry, tag: str, size: int) -> str:
    rootfs = {"type": "layers", "diff_ids": [LAYER.diff_id]}
    config = Blob(make_json({"os": "linux", "architecture": "amd64", "rootfs": rootfs, "author": tag}), OCI_CONFIG)
    layers = [{**LAYER.descriptor(), "size": size}]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor(), "layers": layers}
    for blob in (config, LAYER):
        registry.put_blob(blob.raw)
    registry.put_manifest("demo/app", make_json(document), tag=tag)
    return registry.reference(f"demo/app:{tag}")


def _size(catalog: ocinb.Catalog) -> int:
    return int(catalog.sql("SELECT compressed_bytes FROM layers")["compressed_bytes"].item())


@pytest.mark.parametrize("at_once", [True, False])
def test_a_second_size_is_a_warning_on_the_row(registry: SampleRegistry, *, at_once: bool) -> None:
    names = [_put(registry, "1", TRUE), _put(registry, "2", FALSE)]
    with ocinb.Catalog() as catalog:
        rows = catalog.add(names) if at_once else [catalog.add(name) for name in names][-1]
        last = rows.iloc[-1]
        assert last["outcome"] == "added"
        assert f"warning: the layer {LAYER.digest} has 9,000,000,000,000,000,000 bytes in this" in last["error"]
        assert f"and {TRUE:,} in the catalog" in last["error"]
        assert _size(catalog) == TRUE
        assert catalog.sql("FROM failures").empty


def test_a_layer_that_is_read_has_its_own_size(registry: SampleRegistry) -> None:
    true, false = _put(registry, "1", TRUE), _put(registry, "2", FALSE)
    with ocinb.Catalog() as catalog:
        assert catalog.add(false)["error"].isna().all()
        assert catalog.add(true, depth="files")["outcome"].item() == "added"
        assert _size(catalog) == TRUE
