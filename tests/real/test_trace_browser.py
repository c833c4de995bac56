"""What a class sees of a trace in JupyterLab: a row for each exchange that opens into the challenge and the token."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.real import jupyter
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_SCREENSHOTS = Path("build/screenshots")
_CELL = """
import ocinb

registry = ocinb.samples.registry(token=True)
with ocinb.trace(fresh=True) as trace:
    ocinb.layers(registry.reference("demo/shop:2.0"))
    ocinb.tags(registry.reference("demo/shop"))
    ocinb.tags(registry.reference("demo/shop"))
trace
"""
_TOO_WIDE = "() => { const box = document.querySelector('.ocinb-trace'); return box.scrollWidth - box.clientWidth; }"
_BODY = "details[open] .inside"
# How far two colours are apart, as people see it (WCAG 2, contrast ratio); behind what is clear, the page shows.
_CONTRAST = """selector => {
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const painted = colors => {
        for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = rgb => rgb.map(part => part / 255).map(part =>
        part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    ).reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    return [...document.querySelectorAll(selector)].map(element => {
        const behind = [];
        for (let one = element; one; one = one.parentElement) behind.unshift(getComputedStyle(one).backgroundColor);
        const levels = [painted(['white', ...behind]), painted(['white', ...behind, getComputedStyle(element).color])];
        const [dark, bright] = levels.map(light).sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    });
}"""


def _row(page: Page, number: int) -> None:
    page.locator(".ocinb-trace summary").nth(number).click()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_trace_reads_as_a_story_and_opens(lab: Lab, theme: str) -> None:
    path = jupyter.write_notebook(lab.directory / f"trace-{theme}.ipynb", _CELL)
    with jupyter.notebook(lab, path.name, dark=theme == "dark", height=1300) as page:
        jupyter.run_all_cells(page)
        page.wait_for_selector(".ocinb-trace")
        rows = page.locator(".ocinb-trace summary").all_inner_texts()
        assert len(rows) == 7
        assert "401 Unauthorized" in rows[0]
        assert "/token" in rows[1]
        assert "200 OK" in rows[2]
        assert "from cache" in rows[6]
        assert page.locator(_BODY).count() == 0
        _row(page, 0)
        _row(page, 1)
        told = " ".join(" ".join(page.locator(_BODY).all_inner_texts()).split())
        assert "The challenge: Bearer ask for a token at http://127.0.0.1" in told
        assert "that opens repository:demo/shop:pull" in told
        assert "What the token says" in told
        assert "opens repository demo/shop: pull" in told
        _SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=_SCREENSHOTS / f"trace-{theme}.png")
        for selector in (".path", ".status", ".pairs dd", ".size", ".time"):
            contrasts = page.evaluate(_CONTRAST, f".ocinb-trace {selector}")
            assert contrasts
            assert min(contrasts) >= 4.5, selector
        for selector in (".reason", ".number", ".pairs dt"):
            assert min(page.evaluate(_CONTRAST, f".ocinb-trace {selector}")) >= 3, selector
        page.set_viewport_size({"width": 800, "height": 1300})
        page.wait_for_function("() => document.querySelector('.ocinb-trace').clientWidth < 600")
        page.screenshot(path=_SCREENSHOTS / f"trace-{theme}-narrow.png")
        assert page.evaluate(_TOO_WIDE) <= 1
