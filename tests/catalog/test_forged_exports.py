"""An export that somebody forged makes no catalogue: each document has its digest, whatever it says that it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import IntegrityError
from ocinb.samples import SampleRegistry
from tests.catalog.test_copies import rewritten, rows_of
from tests.documents import REPOSITORY, layer, put_image, put_schema1
from tests.spec.signing import Step

SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
FORGED = "does not match its digest"


def exported(registry: SampleRegistry, folder: Path) -> ocinb.Catalog:
    """Export images of all kinds: one of schema 1, one whose digests are SHA-512, and an index."""
    put_schema1(registry, Step(["sh"], layer("old").digest))
    put_image(registry, layer("new"), tag="long", algorithm="sha512")
    names = [f"{REPOSITORY}:old", f"{REPOSITORY}:long", "demo/shop:2.0"]
    catalog = ocinb.Catalog()
    added = catalog.add([registry.reference(name) for name in names], depth="files")
    assert set(added["outcome"]) <= {"added", "failed"}, "the layers of the old one are not there"
    catalog.export(folder)
    return catalog


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("export") / "tables"


@pytest.fixture
def tables(made_once: Path, registry: SampleRegistry, tmp_path: Path) -> Path:
    """Give a copy of an export, to be spoiled."""
    if not made_once.exists():
        exported(registry, made_once)
    return Path(shutil.copytree(made_once, tmp_path / "tables"))


def test_documents_of_all_kinds_come_back(registry: SampleRegistry, tmp_path: Path) -> None:
    catalog = exported(registry, tmp_path / "tables")
    kinds = catalog.sql("SELECT DISTINCT media_type, split_part(manifest_digest, ':', 1) AS algorithm FROM manifests")
    assert SIGNED in set(kinds["media_type"])
    assert set(kinds["algorithm"]) == {"sha256", "sha512"}
    made = ocinb.Catalog.from_parquet(tmp_path / "tables")
    for table in ("manifests", "configs", "files"):
        assert rows_of(made, table) == rows_of(catalog, table) != []


@pytest.mark.parametrize(
    ("table", "forgery", "told"),
    [
        ("manifests", f"SELECT * REPLACE ('{SIGNED}' AS media_type, '{{}}' AS raw) FROM it", FORGED),
        (
            "manifests",
            f"SELECT * REPLACE (CASE media_type WHEN '{SIGNED}' THEN '{{}}' ELSE raw END AS raw) FROM it",
            "",
        ),
        ("manifests", "SELECT * REPLACE (replace(raw, 'linux', 'lunix') AS raw) FROM it", ""),
        ("manifests", "SELECT * REPLACE ('sha512:' || repeat('a', 128) AS manifest_digest) FROM it", FORGED),
        ("manifests", "SELECT * REPLACE ('md5:' || md5(raw) AS manifest_digest) FROM it", FORGED),
        ("manifests", "SELECT * REPLACE (upper(manifest_digest) AS manifest_digest) FROM it", FORGED),
        ("manifests", "SELECT * REPLACE (NULL::VARCHAR AS raw) FROM it", "manifests.parquet has no raw"),
        ("manifests", "SELECT * REPLACE (NULL::VARCHAR AS manifest_digest) FROM it", "has no manifest_digest"),
        ("configs", "SELECT * REPLACE (replace(config_digest, '256', '512') AS config_digest) FROM it", FORGED),
        ("configs", "SELECT * REPLACE ('' AS raw) FROM it", FORGED),
        ("configs", "SELECT * REPLACE (NULL::VARCHAR AS raw) FROM it", "configs.parquet has no raw"),
        ("configs", "SELECT * REPLACE (NULL::VARCHAR AS config_digest) FROM it", "has no config_digest"),
        ("layers", "SELECT * REPLACE (NULL::VARCHAR AS layer_digest) FROM it", "has no layer_digest"),
        ("files", "SELECT * REPLACE (NULL::VARCHAR AS path) FROM it", "files.parquet has no path"),
        ("index_entries", "SELECT * REPLACE (NULL::VARCHAR AS manifest_digest) FROM it", "has no manifest_digest"),
        ("manifest_layers", "SELECT * REPLACE (NULL::BIGINT AS layer) FROM it", "manifest_layers.parquet has no layer"),
        ("history", "SELECT * REPLACE (NULL::BIGINT AS position) FROM it", "history.parquet has no position"),
        ("observations", "SELECT * REPLACE (NULL::VARCHAR AS repository) FROM it", "has no repository"),
    ],
)
def test_a_forged_row_is_refused(tables: Path, tmp_path: Path, table: str, forgery: str, told: str) -> None:
    rewritten(tables / f"{table}.parquet", forgery)
    for place in (":memory:", tmp_path / "made.duckdb"):
        with pytest.raises(IntegrityError, match=told or FORGED):
            ocinb.Catalog.from_parquet(tables, place)
    assert list(tmp_path.glob("*made*")) == []
