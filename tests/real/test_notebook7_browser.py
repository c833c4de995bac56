"""Notebook 7, where many still work: everything in one notebook, drawn and used as in JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.real import explorers, jupyter, panels, sights
from tests.real.jupyter import NOTEBOOK_7, Lab

pytestmark = pytest.mark.real

_START = """
%load_ext ocinb
import ocinb

registry = ocinb.samples.registry(token=True)
slow = ocinb.samples.registry(bandwidth=600_000)
shop = registry.reference("demo/shop:2.0")
"""
_FRAME = 'ocinb.layers(shop, depth="files")'
_TRACE = """
with ocinb.trace(fresh=True) as trace:
    ocinb.tags(shop)
trace
"""
_CARDS = "display(ocinb.Reference(shop), ocinb.document(shop))"
_EXPLAIN = 'ocinb.explain(shop, platform="linux/arm64")'
_EXPLORE = "ocinb.explore(shop)"
_PLOT = "ocinb.plot.treemap(shop)"
_PULL = 'frame = ocinb.pull(slow.reference("demo/shop:2.0"))'
_CELLS = (_START, _PULL, _FRAME, _TRACE, _CARDS, _EXPLAIN, _EXPLORE, _PLOT)  # what is there already is not pulled
_HOSTS = {"127.0.0.1", "localhost", ""}
_WIDER = """() => [...document.querySelectorAll('.jp-OutputArea-output')]
    .map(one => one.scrollWidth - one.clientWidth).concat(document.body.scrollWidth - innerWidth)"""


@pytest.fixture
def notebook_7(tmp_path: Path, browser: Browser) -> Iterator[Lab]:
    folders = {f"OCINB_{kind}_DIR": str(tmp_path / kind) for kind in ("STORE", "CACHE")}
    with jupyter.serve(tmp_path, NOTEBOOK_7, environment=folders) as url:
        yield Lab(url, tmp_path, browser, NOTEBOOK_7)


def test_all_windows_open_in_notebook_7(notebook_7: Lab) -> None:
    path = jupyter.write_notebook(notebook_7.directory / "everything.ipynb", *_CELLS)
    with jupyter.notebook(notebook_7, path.name, height=6000) as page, sights.asked_hosts(page) as hosts:
        jupyter.run_all_cells(page)
        panels.see(page, beyond=5)
        assert panels.faults(page) == []
        sights.shot_of(page, ".ocinb-progress", "notebook7-panel")
        jupyter.wait_idle(page)
        expect(page.locator(".jp-OutputArea-output").first).to_contain_text("demo/shop:2.0: 8 blobs, 6.3 MB")
        assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
        _see_frame(page)
        _open_trace(page)
        _open_story(page)
        _look_around(page)
        page.wait_for_function("() => document.querySelector('.js-plotly-plot .treemaplayer')")
        assert hosts <= _HOSTS
        sights.shot(page, "notebook7")
        assert max(page.evaluate(_WIDER)) <= 1
        jupyter.use_theme(page, dark=True)
        sights.narrow(page, ".ocinb-explorer")
        sights.shot(page, "notebook7-dark-narrow")
        assert max(page.evaluate(_WIDER)) <= 1


def _see_frame(page: Page) -> None:
    row = page.locator(".ocinb-show").first.locator("tbody tr").nth(2)
    expect(row).to_contain_text("2.8 MB")
    row.locator("details summary").first.click()
    expect(row.locator("details pre").first).to_be_visible()


def _open_trace(page: Page) -> None:
    page.locator(".ocinb-trace summary").nth(1).click()
    expect(page.locator(".ocinb-trace details[open] .inside")).to_contain_text("What the token says")


def _open_story(page: Page) -> None:
    page.locator(".ocinb-story .tools button").first.click()
    expect(page.locator(".ocinb-story details.chapter[open]")).to_have_count(11)
    page.locator(".ocinb-story .tools button").nth(1).click()


def _look_around(page: Page) -> None:
    """Open a folder, search a file, and read what is known of it."""
    explorer = page.locator(".ocinb-explorer")
    explorers.row(explorer, "srv").click()
    explorers.see_row(explorer, "shop")
    explorer.get_by_role("searchbox").fill("*.so*")
    expect(explorer.locator(".found")).to_have_text("3 found, 3.4 MB")
    explorer.get_by_role("searchbox").press("Enter")
    expect(explorer.locator(".details .path")).to_contain_text(".so")
    assert explorers.faults(page) == []
