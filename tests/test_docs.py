"""What the pages are made of: each is in the table of contents, and the picture shows what the frames say."""

from __future__ import annotations

import importlib
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

import ocinb
from ocinb._settings import Settings
from ocinb.samples.images import make_layer
from ocinb.samples.tars import file, whiteout

DOCS = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import it as the cells of a page do, which lie beside it."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("drawing")


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = (DOCS / "index.md").read_text(encoding="utf-8").split()
    assert {page.stem for page in DOCS.glob("*.md")} - set(listed) == {"index"}


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
