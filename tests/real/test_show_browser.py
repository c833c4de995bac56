"""What people see of frames in JupyterLab: sizes, digests that copy whole, long frames that are searched and sorted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.real import jupyter, sights, strangers
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_LOAD = "%load_ext ocinb"
_FRAMES = """
import ocinb

registry = ocinb.samples.registry()
shop = registry.reference("demo/shop:2.0")
layers = ocinb.layers(shop, depth="files", progress=False)
layers
"""
_PART = "layers[['layer', 'compressed_bytes', 'hidden_bytes', 'instruction', 'created']]"
_CONFIGS = "ocinb.configs(shop, platform='all')"
_LONG = "ocinb.files(shop, progress=False)"
_CARDS = """
catalog = ocinb.Catalog()
catalog.add(shop, progress=False)
for one in (ocinb.Reference(shop), catalog, ocinb.store, ocinb.document(shop)):
    display(one)
"""
_TABLES = "ocinb.show(catalog.tables(), interactive=False)"
_HOSTILE = (
    strangers.IMPORT
    + """
from ocinb.frames import schemas

bad, long = strangers.ALL, strangers.LONG
row = {"reference": bad, "instruction": bad * 30, "created_by": bad, "media_type": long, "digest": bad}
frame = schemas.LAYERS.frame([row | {"layer": number, "compressed_bytes": 10 ** (number % 9)} for number in range(40)])
frame.attrs["failures"] = [{"reference": bad, "error": bad}]
labels = {bad: bad, long: long}
configs = schemas.CONFIGS.frame([{"labels": labels, "env": {"A": bad}, "cmd": [bad, bad]}])
display(ocinb.show(frame.head(3)), ocinb.show(configs), ocinb.show(frame.rename(columns={"digest": bad})))
"""
)
_WIDER = """() => {
    const boxes = [...document.querySelectorAll('.ocinb-show')];
    return boxes.map(box => box.getBoundingClientRect().right - box.parentElement.getBoundingClientRect().right);
}"""
_TALLEST = "() => Math.max(...[...document.querySelectorAll('.ocinb-show tr')].map(row => row.offsetHeight))"
_BACKGROUNDS = """() => [...document.querySelectorAll('.ocinb-live, .ocinb-live .dt-container, .ocinb-live td')]
    .map(element => getComputedStyle(element).backgroundColor)"""


def _wait(page: Page) -> None:
    page.wait_for_selector(".ocinb-show")
    jupyter.wait_idle(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_frames_read_well_and_digests_copy_whole(lab: Lab, theme: str) -> None:
    cells = (_LOAD, _FRAMES, _PART, _CONFIGS)
    with jupyter.run_again(lab, "show", *cells, dark=theme == "dark", height=1300) as page:
        _wait(page)
        assert page.locator(".ocinb-show").count() == 3
        cell = page.locator(".ocinb-show").nth(0).locator("tbody tr").nth(2)
        assert "2.8 MB" in cell.inner_text()
        digest = cell.locator("code.ocinb-digest").nth(1)
        whole = digest.get_attribute("title")
        assert whole is not None
        assert whole.startswith("sha256:")
        digest.click()
        assert page.evaluate("() => getSelection().toString()") == whole
        width = digest.bounding_box()
        assert width is not None
        assert width["width"] < 120, "it is short"
        fold = page.locator(".ocinb-show details").first
        fold.locator("summary").click()
        assert fold.locator("pre").is_visible()
        sights.shot(page, f"show-{theme}")
        sights.narrow(page, ".ocinb-show")
        assert max(page.evaluate(_WIDER)) <= 1, "wide frames scroll in their box"
        sights.shot(page, f"show-{theme}-narrow")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_long_frame_is_searched_and_sorted_by_its_numbers(lab: Lab, theme: str) -> None:
    cells = (_LOAD, _FRAMES, _LONG, _LONG)
    with jupyter.run_again(lab, "show-long", *cells, dark=theme == "dark", height=1300) as page:
        _wait(page)
        page.wait_for_function(
            "() => document.querySelectorAll('.ocinb-live:not([hidden]) table.dataTable').length === 2"
        )
        live = page.locator(".ocinb-live").first
        assert live.locator("table.dataTable tbody tr").count() == 20
        heading = live.locator("table.dataTable thead th", has_text="size_bytes")
        for order in ("ascending", "descending"):
            heading.click()
            expect(heading).to_have_attribute("aria-sort", order)
        sizes = live.locator("table.dataTable tbody td.ocinb-of-size").all_inner_texts()
        assert sizes[0].endswith(" MB"), sizes
        exact = live.locator("table.dataTable tbody td.ocinb-of-size .ocinb-size").evaluate_all(
            "cells => cells.map(cell => parseInt(cell.title.replaceAll(',', '')))"
        )
        assert exact == sorted(exact, reverse=True)
        live.locator("input[type=search]").fill("os-release")
        assert all("os-release" in row for row in live.locator("table.dataTable tbody tr").all_inner_texts())
        assert set(page.evaluate(_BACKGROUNDS)) == {"rgba(0, 0, 0, 0)"}, "the page's own shows through"
        sights.shot(page, f"show-itables-{theme}")
        jupyter.save(page)
        alone = page.context.new_page()  # where no other cell has brought the library
        alone.set_content(_html(lab.directory / "show-long.ipynb", 3))
        alone.wait_for_selector(".ocinb-live:not([hidden]) table.dataTable tbody tr td")
        alone.close()  # behind another page the next test would wait for each frame
        page.bring_to_front()


def _html(path: Path, cell: int) -> str:
    outputs: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"][cell]["outputs"]
    return "".join(outputs[0]["data"]["text/html"])


def test_small_objects_have_one_look(lab: Lab) -> None:
    path = jupyter.write_notebook(lab.directory / "show-cards.ipynb", _LOAD, _FRAMES, _CARDS, _TABLES)
    with jupyter.notebook(lab, path.name, height=2400) as page:
        jupyter.run_all_cells(page)
        _wait(page)
        assert page.locator(".jp-OutputArea-output code", has_text="catalog.tables()").count() == 1
        sights.shot(page, "show-cards")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_of_a_stranger_runs_or_breaks_the_layout(lab: Lab, theme: str) -> None:
    with jupyter.run_again(lab, "show-hostile", _HOSTILE, dark=theme == "dark", height=1300) as page:
        _wait(page)
        page.wait_for_function(
            "() => document.querySelectorAll('.ocinb-live:not([hidden]) table.dataTable').length === 1"
        )
        for summary in page.locator(".ocinb-show summary:visible").all():
            summary.click()
        page.locator(".ocinb-live input[type=search]").fill("canary")
        sights.still(page, ".ocinb-live tr")
        assert sights.canary(page, ".ocinb-show") is None
        assert page.locator(".ocinb-show img").count() == 0
        sights.narrow(page, ".ocinb-show")
        assert max(page.evaluate(_WIDER)) <= 1
        assert page.evaluate(_TALLEST) < 700
        sights.shot(page, f"show-hostile-{theme}")
