"""What the pages are made of: each is in the table of contents, and the picture shows what the frames say."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree as ET

import pandas as pd
import pytest

import ocinb
from ocinb._settings import Settings, settings
from ocinb.samples import SampleRegistry
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file, whiteout
from tests.cookbook.page import cells, rows, run_cell

DOCS = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import it as the cells of a page do, which lie beside it."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("drawing")


@pytest.fixture
def joining(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("joining")


def test_every_page_is_in_the_table_of_contents_and_told_in_a_sentence() -> None:
    page = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = {page.stem for page in DOCS.glob("*.md")} - {"index"}
    assert pages - set(page.split()) == set()
    assert pages - {"reference"} <= set(re.findall(r"\]\(([\w-]+)\.md\)", page))
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\(docs/([\w-]+)\.md", readme)) >= pages


def test_no_page_fetches_what_the_next_one_shows_how_to_fetch() -> None:
    pages = {page.stem: page.read_text(encoding="utf-8") for page in DOCS.glob("*.md")}
    with_cells = {name: text for name, text in pages.items() if "{code-cell}" in text}
    assert with_cells
    assert [name for name, text in with_cells.items() if f'store_dir = "../store-{name}"' not in text] == []


def test_every_setting_is_told_once_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS)
    page = importlib.import_module("build").settings_page()
    told = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| `")]
    assert [name.strip(" `") for name, _, _ in told] == [entry.name for entry in fields(Settings)]
    assert "| `max_manifest_bytes` | `4_194_304` |" in page
    assert "| `offline` | `False` |" in page
    assert "| `store_dir` | by this machine |" in page
    assert "<token>" not in page, "a browser would take it for a tag"


def test_the_picture_shows_every_file_once_where_it_is_stored_and_once_if_it_is_seen(drawing: ModuleType) -> None:
    layers = [
        [file("kept", bytes(1000)), file("<gone>", bytes(2000))],
        [file("kept & new", bytes(3000)), whiteout("<gone>")],
    ]
    with ocinb.samples.registry() as registry:
        registry.put_image("page/app", [make_layer(layer) for layer in layers], tag="1")
        reference = registry.reference("page/app:1")
        svg = drawing.picture(ocinb.files(reference), ocinb.hidden(reference))
    drawn = ET.fromstring(svg)
    boxes = [rect.attrib["class"] for rect in drawn.iter(f"{SVG}rect")]
    assert boxes == ["seen", "seen", "seen", "marker", "seen", "gone"]
    told = " ".join(text.text or "" for text in drawn.iter(f"{SVG}text"))
    assert told == (
        "a container sees kept 1 kB, of layer 0 kept & new 3 kB, of layer 1 "
        "layer 1 stores kept & new 3 kB ✕ <gone> "
        "layer 0 stores kept 1 kB <gone> 2 kB, deleted in 1"
    )


def test_an_example_has_both_figures(drawing: ModuleType) -> None:
    figures = drawing.image([file("a", drawing.kilobytes(1))], [file("a", drawing.kilobytes(9))])
    assert figures.to_dict("records") == [
        {
            "stored_bytes": 10000,
            "visible_bytes": 9000,
            "hidden_bytes": 1000,
            "efficiency": 0.9,
            "dive_wasted_bytes": 10000,
            "dive_efficiency": 0.1,
        }
    ]


def test_the_picture_of_the_catalogue_has_all_its_tables(joining: ModuleType) -> None:
    with ocinb.Catalog() as catalog:
        tables = catalog.tables()
    assert set(joining.PLACES) == set(tables.loc[tables["kind"] == "table", "name"])
    assert len(set(joining.PLACES.values())) == len(joining.PLACES)
    drawn = ET.fromstring(joining.picture())
    told = [text.text or "" for text in drawn.iter(f"{SVG}text")]
    assert sorted(told) == sorted([*joining.PLACES, *(join.label for join in joining.JOINS)])


def test_tables_join_by_columns_that_both_have(joining: ModuleType) -> None:
    with ocinb.Catalog() as catalog:
        columns = {table: set(catalog.sql(f"DESCRIBE {table}")["column_name"]) for table in joining.PLACES}
    assert joining.JOINS
    for join in joining.JOINS:
        assert set(join.columns) <= columns[join.left], join
        assert set(join.right_columns or join.columns) <= columns[join.right], join


def test_the_page_on_the_catalogue_runs(joining: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    monkeypatch.chdir(tmp_path / "page")
    names: dict[str, Any] = {}
    shown = [rows(run_cell(cell.code, names)) for cell in cells(DOCS / "catalog.md")]
    assert [(f"{table}.parquet",) for table in sorted(joining.PLACES)] in shown, "what was exported is listed"


def test_the_page_on_a_whole_registry_runs_over_two_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page").mkdir()
    monkeypatch.chdir(tmp_path / "page")
    names: dict[str, Any] = {}
    ran = [(cell, run_cell(cell.code, names)) for cell in cells(DOCS / "registry.md")]
    shown = [rows(value) for cell, value in ran if cell.is_answer and value is not None]
    host = names["registry"].host
    tags, added, sizes, moved, again, teams, compressions = shown
    assert sum(count for (count,) in tags) == sum(count for (count,) in added) == 11
    assert sizes[0][:3] == (5, 10, 15), "a chart has no image"
    assert [(reference, digest is None) for reference, digest in moved] == [
        (f"{host}/demo/hello:latest", False),
        (f"{host}/demo/shop:1.0", True),
    ]
    assert sorted(again) == [(1,), (9,)], "one image is new, one tag is gone"
    assert [team for team, _ in teams] == ["blue", "nobody", "red"]
    assert [kind for kind, *_ in compressions] == ["gzip", "none", "zstd"]


def test_the_page_for_lessons_shows_the_way_from_the_refusal_to_the_chain_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page").mkdir()
    monkeypatch.chdir(tmp_path / "page")
    names: dict[str, Any] = {}
    ran = [(cell, run_cell(cell.code, names)) for cell in cells(DOCS / "wire.md")]
    way, challenge, claims, digest, children, chain, statuses = [value for cell, value in ran if cell.is_answer]
    assert way["status"].tolist() == [401, 200, 200, 200, 200]
    assert [part.partition("=")[0] for part in challenge] == ["Bearer realm", "service", "scope"]
    assert claims
    assert digest is children is chain is True
    assert statuses == [503, 200]


def test_a_layer_that_is_in_the_catalogue_is_not_fetched_again_when_the_store_has_it_no_more(
    registry: SampleRegistry,
) -> None:
    old, new = registry.reference("demo/shop:1.0"), registry.reference("demo/shop:1.1")
    with ocinb.Catalog() as catalog:
        catalog.add(old, depth="files", progress=False)
        ocinb.store.prune(keep_bytes=0)
        before = len(registry.requests)
        catalog.add(new, depth="files", progress=False)
        asked = {request.path.rpartition("/")[2] for request in registry.requests[before:]}
    layers = ocinb.layers([old, new], platform="all")
    known = set(layers.loc[layers["reference"] == old, "digest"])
    assert asked & set(layers["digest"]) == set(layers["digest"]) - known
    assert asked & known == set()


def test_each_line_that_stands_beside_a_command_names_what_there_is() -> None:
    page = (DOCS / "peers.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`ocinb\.(\w+)\(", page))
    assert len(named) >= 14
    assert named - set(ocinb.__all__) == set()


def test_the_page_says_how_many_requests_it_takes(registry: SampleRegistry) -> None:
    def asked(name: str, **wanted: Any) -> int:
        before = len(registry.requests)
        catalog.add(registry.reference(name), **wanted)
        return len(registry.requests) - before

    settings.tag_ttl = 0
    with ocinb.Catalog() as catalog:
        assert asked("demo/hello:latest") == 2
        assert asked("demo/shop:1.0") == 1 + 2 * 2
        assert asked("demo/shop:1.0") == 1
        assert asked("demo/shop:1.1", platform="linux/amd64") == 3
        assert asked("demo/hello:latest", referrers=True) == 1 + 4
    page = (DOCS / "registry.md").read_text(encoding="utf-8")
    assert "| 2: its manifest" in page
    assert '| 1 + 2 *n*, `platform="linux/amd64"` makes that 3 |' in page
    assert "| 4 more: the referrers API, and cosign's three tags" in page


def test_words_are_told_in_full_and_escaped(joining: ModuleType) -> None:
    frame = pd.DataFrame({"name": ["a <b>", "c"], "left": [1, 2], "description": ["x" * 200, None]})
    assert joining.described(frame, ["name", "description"]) == (
        '<table class="described"><thead><tr><th>name</th><th>description</th></tr></thead>'
        f'<tbody><tr><td><a href="#columns-a &lt;b&gt;">a &lt;b&gt;</a></td><td>{"x" * 200}</td></tr>'
        '<tr><td><a href="#columns-c">c</a></td><td></td></tr></tbody></table>'
    )


def test_each_name_leads_to_its_columns(joining: ModuleType) -> None:
    with ocinb.Catalog() as catalog:
        tables, columns = catalog.tables(), catalog.columns()
    listed = joining.described(tables, ["name", "description"])
    told = joining.columns_of_each(columns)
    places = re.findall(r'id="(columns-\w+)"', told)
    assert sorted(set(places)) == sorted(places)
    assert sorted(re.findall(r'href="#(columns-\w+)"', listed)) == sorted(places)
    assert told.count("<tr>") == len(columns) + len(places)


GATE = DOCS / "examples" / "test_image_size.py"


def _shown(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    (folder / "page").mkdir()
    monkeypatch.chdir(folder / "page")
    names: dict[str, Any] = {}
    ran = [(cell, run_cell(cell.code, names)) for cell in cells(DOCS / page)]
    return [value for cell, value in ran if cell.is_answer and value is not None]


def test_the_page_on_identity_shows_what_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    canonical, is_hash, manifests, forms, (tars, same_files) = _shown("identity.md", tmp_path, monkeypatch)
    assert set(canonical) == {"docker.io/library/python:latest"}
    assert is_hash
    assert len(set(manifests)) == 1
    assert forms.nunique()[["compression", "digest", "diff_id"]].tolist() == [3, 3, 1]
    assert (tars, same_files) == (2, True)


def test_the_page_on_caching_counts_what_goes_over_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, others, confirmed = _shown("caching.md", tmp_path, monkeypatch)
    assert first["status"].tolist() == [401, 200, 200, 200, 200]
    assert not first["from_cache"].any()
    assert second[["from_cache", "transferred_bytes"]].to_numpy().tolist() == [[True, 0]]
    assert others == [0, 0, 0]
    assert confirmed[["status", "transferred_bytes"]].to_numpy().tolist() == [[304, 0]]


def _gate(image: str, **environment: str) -> str:
    options = ["-p", "no:cacheprovider", "-rs", "--override-ini=addopts="]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(GATE)],
        env={**os.environ, **environment, "IMAGE": image},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_gate_says_by_which_instruction_an_image_is_too_large(registry: SampleRegistry) -> None:
    said = _gate(registry.reference("demo/shop:2.0"))
    assert "2 failed, 1 passed, 1 skipped" in said
    assert "srv/shop/deploy.key" in said
    assert "RUN apt-get update" in said, "who stored what is hidden"


def test_the_gate_lets_a_lean_image_pass_and_compares_it(registry: SampleRegistry) -> None:
    lean = registry.reference("demo/base:12")
    assert "4 passed" in _gate(lean, RELEASED=lean)
    assert "1.2" in _gate(registry.reference("demo/shop:2.0"), RELEASED=registry.reference("demo/shop:1.0"))


@pytest.mark.parametrize("path", ["app/tls.key", "root/.ssh/id_rsa", "home/app/.npmrc", "id_ed25519"])
def test_the_gate_knows_a_secret_by_its_name(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, public = _patterns(monkeypatch)
    found = pd.Series([path, "etc/ssl/certs/ca.pem", "usr/lib/python3/site-packages/certifi/cacert.pem", "app/key.py"])
    assert found[found.str.contains(secrets) & ~found.str.contains(public)].tolist() == [path]


def _patterns(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("IMAGE", "demo/app")
    names: dict[str, Any] = {}
    exec(compile(GATE.read_text(encoding="utf-8"), GATE, "exec"), names)  # what the page shows
    return names["SECRETS"], names["PUBLIC"]


def test_the_page_on_the_gate_quotes_what_it_says(registry: SampleRegistry) -> None:
    quoted = (DOCS / "size-gate.md").read_text(encoding="utf-8")
    row = next(line for line in quoted.splitlines() if "deploy.key" in line)
    assert row.removeprefix("E").split() in [
        line.removeprefix("E").split() for line in _gate(registry.reference("demo/shop:2.0")).splitlines()
    ]


@pytest.mark.parametrize("page", sorted(page.name for page in DOCS.glob("*.md")))
def test_each_setting_that_a_page_names_is_one(page: str) -> None:
    named = set(re.findall(r"settings\.([a-z_]+)", (DOCS / page).read_text(encoding="utf-8")))
    assert named - {"md", "py"} <= {entry.name for entry in fields(Settings)}
