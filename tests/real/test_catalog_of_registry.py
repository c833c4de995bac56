"""A real registry in the catalogue, at both depths: every figure of every view is what a slow reckoning gives.

The reckoning reads raw documents and tars, and has loops where the views have SQL. The registry moved between three
looks at it: tags point elsewhere, one is gone, one came back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

import ocinb
from ocinb.sources.session import close_default_session
from tests.frames.facts import records
from tests.real import manyimages, reckonedfiles, reckonings, tools
from tests.real.dockerregistry import DockerRegistry, serve
from tests.real.manyimages import Many
from tests.real.realimages import Layout
from tests.real.reckoned import Look, Reckoned, Row

pytestmark = pytest.mark.real

DEPTHS = ("metadata", "files")


@dataclass(frozen=True)
class Told:
    """The registry, what stands in it, and a catalogue at each depth."""

    many: Many
    found: Reckoned
    catalogs: dict[str, ocinb.Catalog]

    def timed(self, depth: str) -> Reckoned:
        """Give what was found with the times at which this catalogue noted it, which has to be the same."""
        noted = records(self.catalogs[depth].sql("FROM observations ORDER BY observed_at"))
        looks: list[Look] = []
        for look in self.found.looks:
            place = (look.repository, look.tag)
            before = next((one for one in reversed(looks) if (one.repository, one.tag) == place), None)
            row = next((row for row in noted if (row["repository"], row["tag"]) == place), None)
            if look.digest is None and (before is None or before.digest is None):
                noted = [one for one in noted if one is not row or one["digest"] is not None]
                continue  # a name that is still gone is nothing new
            assert row is not None
            noted.remove(row)
            assert (row["registry"], row["digest"]) == (self.found.host, look.digest)
            looks.append(replace(look, observed_at=row["observed_at"]))
        assert noted == []
        return replace(self.found, looks=looks)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what is fetched for the whole module in folders of its own, and ask anew for every tag."""
    before = {entry.name: getattr(ocinb.settings, entry.name) for entry in fields(ocinb.settings)}
    home = tmp_path_factory.mktemp("home")
    ocinb.settings.store_dir, ocinb.settings.cache_dir = home / "store", home / "cache"
    ocinb.settings.tag_ttl = 0
    yield home
    close_default_session()
    for name, value in before.items():
        setattr(ocinb.settings, name, value)


@pytest.fixture(scope="module")
def told(home: Path, busybox_layout: Layout, slim_layout: Layout) -> Iterator[Told]:
    with serve(home) as registry:
        many, found = Many(registry), Reckoned(registry.host)
        catalogs = {depth: ocinb.Catalog() for depth in DEPTHS}
        manyimages.fill(many, busybox_layout, slim_layout)
        _add(registry, found, catalogs, [*many.names, *manyimages.untagged(many)])
        _add(registry, found, catalogs, manyimages.change(many))
        names = manyimages.change_back(many)
        for catalog in catalogs.values():
            catalog.observe([registry.reference(name) for name in names])
        found.look(names)
        yield Told(many, found, catalogs)


def _add(registry: DockerRegistry, found: Reckoned, catalogs: dict[str, ocinb.Catalog], names: list[str]) -> None:
    for depth, catalog in catalogs.items():
        catalog.add([registry.reference(name) for name in names], depth=depth, progress=False)  # type: ignore[arg-type]
    found.look(names)


def assert_rows(
    catalog: ocinb.Catalog, view: str, expected: Iterable[Row], *, but: tuple[str, ...] = (), least: int = 1
) -> None:
    """Compare the rows of a view with those that were reckoned, and show no more than what differs."""
    rows = records(catalog.sql(f"FROM {view}").drop(columns=list(but)))
    columns = list(rows[0]) if rows else []
    ours, theirs = (sorted(_text(row, columns) for row in table) for table in (rows, expected))
    assert len(ours) >= least
    missing, added = (sorted(set(one) - set(other)) for one, other in ((theirs, ours), (ours, theirs)))
    shown = "\n".join([*(f"reckoned: {row}" for row in missing[:6]), *(f"told:     {row}" for row in added[:6])])
    assert not missing + added, f"{len(missing)} and {len(added)} of {len(theirs)} differ:\n{shown}"
    assert ours == theirs


def _text(row: Row, columns: list[str]) -> str:
    assert set(row) == set(columns)
    return json.dumps({column: row[column] for column in columns}, default=str)


def test_there_are_many_images_of_all_kinds(told: Told) -> None:
    assert len(told.found.images) >= 60
    assert len({look.repository for look in told.found.looks}) >= 8
    assert {image.platform for image in told.found.images.values()} == {"linux/amd64", "linux/arm64", "linux/arm/v7"}
    uses = [row["images"] for row in reckonings.layer_sharing(told.found)]
    assert max(uses) > 20
    stays = [row["tag"] for row in reckonings.tag_history(told.timed("metadata"))]
    assert [stays.count(tag) for tag in ("plain", "latest", "stable")] == [3, 2, 1], "one came back, one moved on"
    assert any(look.digest is None for look in told.found.looks)
    assert {
        layer["mediaType"].rpartition(".")[2] for image in told.found.images.values() for layer in image.layers
    } == {
        "gzip",
        "tar",
        "tar+gzip",
        "tar+zstd",
    }


NAMES_AND_SIZES: dict[str, Callable[[Reckoned], Iterable[Row]]] = {
    "base_images": reckonings.base_images,
    "registry_sizes": reckonings.registry_sizes,
    "repository_sizes": reckonings.repository_sizes,
    "size_history": reckonings.size_history,
    "tag_history": reckonings.tag_history,
    "tag_sizes": reckonings.tag_sizes,
    "tags": reckonings.tags,
}


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("view", NAMES_AND_SIZES)
def test_names_and_sizes(told: Told, view: str, depth: str) -> None:
    assert_rows(told.catalogs[depth], view, NAMES_AND_SIZES[view](told.timed(depth)))


@pytest.mark.parametrize("depth", DEPTHS)
def test_images(told: Told, depth: str) -> None:
    rows = reckonings.images(told.found, read=depth == "files")
    assert_rows(told.catalogs[depth], "images", rows)


@pytest.mark.parametrize("depth", DEPTHS)
def test_sharing(told: Told, depth: str) -> None:
    catalog, names = told.catalogs[depth], reckonings.references_of(told.found)
    assert_rows(catalog, "layer_sharing", reckonings.layer_sharing(told.found), but=("reference", "instruction"))
    having, steps = (
        {(layer["digest"], one[place]) for image in told.found.images.values() for layer, one in _steps(image, names)}
        for place in (0, 1)
    )
    told_of = catalog.sql("FROM layer_sharing")
    assert set(zip(told_of["layer_digest"], told_of["reference"], strict=True)) <= having
    assert set(zip(told_of["layer_digest"], told_of["instruction"], strict=True)) <= steps


def _steps(image: Any, names: dict[str, str]) -> Iterator[tuple[dict[str, Any], tuple[str, str]]]:
    for layer, step in zip(image.layers, image.steps, strict=True):
        yield layer, (names[image.digest], step)


FILES: dict[str, Callable[[Reckoned], Iterable[Row]]] = {
    "file_duplicates": reckonedfiles.file_duplicates,
    "hidden_files": reckonedfiles.hidden_files,
    "layer_files": reckonedfiles.layer_files,
}


@pytest.mark.parametrize("view", FILES)
def test_files(told: Told, view: str) -> None:
    assert_rows(told.catalogs["files"], view, FILES[view](told.found))
    assert len(told.catalogs["metadata"].sql(f"FROM {view}")) == 0


def test_summary(told: Told) -> None:
    rows = told.catalogs["files"].sql("FROM registry_summary").set_index("figure")
    assert rows["value"].to_dict() == pytest.approx(reckonedfiles.registry_summary(told.found), rel=1e-12)
    rows = told.catalogs["metadata"].sql("FROM registry_summary WHERE value IS NOT NULL").set_index("figure")
    assert rows["value"].to_dict() == pytest.approx(reckonedfiles.registry_summary(told.found, read=False), rel=1e-12)


def test_a_plain_duckdb_reads_the_export(told: Told, tmp_path: Path) -> None:
    told.catalogs["files"].export(tmp_path / "export")
    with duckdb.connect() as plain:

        def read(table: str, columns: str) -> list[Any]:
            return plain.execute(f"SELECT {columns} FROM '{tmp_path}/export/{table}.parquet' ORDER BY ALL").fetchall()

        files = read("files", "layer_digest, position, path, type, size_bytes, mode, uid, gid, link_target, sha256")
        manifests = read("manifests", "manifest_digest, strlen(raw)")
        layers = read("layers", "layer_digest, compressed_bytes, tar_bytes, files")
        labels = read("configs", "labels['release']")
    keys = ("position", "path", "type", "size_bytes", "mode", "uid", "gid", "link_target", "sha256")
    stored = told.found.layers.items()
    assert set(files) == {(digest, *(row[key] for key in keys)) for digest, one in stored for row in one.rows}
    assert len(files) == sum(len(one.rows) for _, one in stored)
    assert {digest for digest, _ in manifests} >= told.found.images.keys() | told.found.indexes.keys()
    assert [(digest, size) for digest, size, *_ in layers if digest in told.found.layers] == sorted(
        (digest, len(one.raw)) for digest, one in stored
    )
    assert {label for (label,) in labels} == {None, *map(str, range(manyimages.RELEASES))}


def test_what_is_made_of_the_export_answers_the_same(told: Told, tmp_path: Path) -> None:
    catalog = told.catalogs["files"]
    catalog.export(tmp_path / "export")
    with ocinb.Catalog.from_parquet(tmp_path / "export") as again:
        listed = catalog.tables()
        assert again.tables().equals(listed)
        for name, kind in zip(listed["name"], listed["kind"], strict=True):
            if kind != "macro" and name not in {"files", "layer_files"}:  # those are many
                assert_rows(again, name, records(catalog.sql(f"FROM {name}")), least=0)


@pytest.mark.parametrize("names", [["many/debian:12"], ["many/app:latest", "many/app:1.22", "many/multi:2"]])
def test_what_if(told: Told, names: list[str]) -> None:
    freed = told.catalogs["metadata"].what_if(remove=[told.many.registry.reference(name) for name in names])
    expected = reckonings.freed_by(told.found, set(names))
    assert len(expected) >= 3
    assert dict(zip(freed["layer_digest"], freed["freed_bytes"], strict=True)) == expected


def test_pull_cost(told: Told) -> None:
    names = ["many/app:1.5", "many/app:1.7", "many/runtime:12", "many/multi:2", "many/tools:4", "many/odd:twice"]
    cached = ["many/app:1.4", "many/base:11"]
    wanted, held = ([told.many.registry.reference(name) for name in some] for some in (names, cached))
    rows = told.catalogs["metadata"].pull_cost(wanted, cached=held, platform="linux/amd64")
    here = reckonings.layers_of(told.found, cached, "linux/amd64")
    for name, row in zip(names, records(rows), strict=True):
        layers = reckonings.layers_of(told.found, [name], "linux/amd64")
        assert row["compressed_bytes"] == sum(layers.values())
        assert row["cached_bytes"] == sum(size for digest, size in layers.items() if digest in here)
        assert row["fetched_bytes"] == row["compressed_bytes"] - row["cached_bytes"]


def test_skopeo_lists_the_same_tags(told: Told) -> None:
    listed = told.catalogs["metadata"].sql("SELECT DISTINCT repository, tag FROM tags")
    for repository, group in listed.groupby("repository")["tag"]:
        answer = tools.run(
            "skopeo", "list-tags", "--tls-verify=false", f"docker://{told.many.registry.reference(str(repository))}"
        )
        assert sorted(json.loads(answer)["Tags"]) == sorted(group)


@pytest.mark.parametrize("name", ["many/app:latest", "many/tools:3", "many/debian:12", "many/busybox:zstd"])
def test_skopeo_tells_the_same_digests_and_sizes(told: Told, name: str) -> None:
    reference = told.many.registry.reference(name)
    answer, manifest = tools.skopeo_inspect(reference), json.loads(tools.skopeo_raw(reference))
    sizes = {layer["digest"]: layer["size"] for layer in manifest["layers"]}
    catalog = told.catalogs["metadata"]
    [row] = records(catalog.sql("SELECT * FROM tags WHERE reference = ?", [reference]))
    layers = catalog.sql(
        "SELECT layer_digest, compressed_bytes FROM manifest_layers JOIN layers USING (layer_digest) "
        "WHERE manifest_digest = ? ORDER BY layer",
        [answer["Digest"]],
    )
    assert (row["digest"], row["compressed_bytes"]) == (answer["Digest"], sum(sizes.values()))
    assert layers["layer_digest"].tolist() == answer["Layers"]
    assert layers["compressed_bytes"].tolist() == [sizes[digest] for digest in answer["Layers"]]
