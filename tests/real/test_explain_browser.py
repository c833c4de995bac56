"""The story of an image as a class sees it in JupyterLab, on a page of its own and on paper."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from playwright.sync_api import Browser

import ocinb
from ocinb.samples import SampleRegistry
from tests.real import browsers, jupyter, sights, strangers
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_CELL = """
import ocinb

registry = ocinb.samples.registry(token=True)
ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/arm64")
"""
_CHAPTERS = ".ocinb-story details.chapter"
_SUMMARY = f"{_CHAPTERS} > summary"
_BUTTON = ".ocinb-story .tools button"
_OPEN = "() => [...document.querySelectorAll('.ocinb-story details.chapter')].map(one => one.open)"
# How far the story, or anything in it that neither scrolls by itself nor is clipped, is wider than its place.
_TOO_WIDE = """() => {
    const box = document.querySelector('.ocinb-story'), right = box.getBoundingClientRect().right;
    const inner = [...box.querySelectorAll('p, pre, dl, summary, .wide, .figures, .figures td')];
    const over = inner.map(one => one.getBoundingClientRect()).filter(one => one.width).map(one => one.right - right);
    return Math.max(box.parentElement.scrollWidth - box.parentElement.clientWidth, ...over);
}"""
# How many chapters show nothing of what is in them.
_HEIGHTS = f"""() => [...document.querySelectorAll('{_CHAPTERS} > .inside')].filter(one =>
    one.checkVisibility({{contentVisibilityAuto: true}}) && one.getBoundingClientRect().height > 20).length"""


def _notebook_of(path: Path, html: str) -> Path:
    """Write a notebook that somebody else ran, so that it is not trusted."""
    output = nbformat.v4.new_output("execute_result", {"text/html": html, "text/plain": "x"}, execution_count=1)
    cell = nbformat.v4.new_code_cell("story", outputs=[output], execution_count=1)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    path.write_text(nbformat.writes(notebook), encoding="utf-8")
    return path


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_story_opens_by_mouse_and_keyboard(lab: Lab, theme: str) -> None:
    with jupyter.run_again(lab, "explain", _CELL, dark=theme == "dark", height=1400) as page:
        page.wait_for_selector(_BUTTON)
        assert page.evaluate(_OPEN) == [True, *[False] * 10]
        sights.shot(page, f"explain-{theme}")
        page.locator(_SUMMARY).nth(1).focus()
        page.keyboard.press("Enter")
        assert page.evaluate(_OPEN)[:3] == [True, True, False]
        assert "WWW-Authenticate" in page.locator(f"{_CHAPTERS} .inside").nth(1).inner_text()
        page.keyboard.press("Tab")
        page.locator(_BUTTON).first.click()
        assert all(page.evaluate(_OPEN))
        for selector in (".figures .value", ".figures th", ".line", "td code", ".inside p", "summary .gist"):
            assert min(sights.contrasts(page, f".ocinb-story {selector}")) >= 4.5, selector
        for number in (3, 4, 7):
            page.locator(_SUMMARY).nth(number).evaluate("one => one.scrollIntoView({block: 'start'})")
            sights.shot(page, f"explain-{theme}-{number + 1}")
        assert page.evaluate(_TOO_WIDE) <= 1
        sights.narrow(page, ".ocinb-story")
        page.locator(_SUMMARY).nth(4).evaluate("one => one.scrollIntoView({block: 'start'})")
        sights.still(page, ".ocinb-story")
        sights.shot(page, f"explain-{theme}-narrow")
        assert page.evaluate(_TOO_WIDE) <= 1


def test_it_is_copied_as_markdown_and_so_is_a_line(lab: Lab) -> None:
    with jupyter.run_again(lab, "explain", _CELL) as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.wait_for_selector(_BUTTON)
        page.get_by_text("Copy as Markdown").click()
        page.get_by_text("Copied", exact=True).wait_for()
        copied = page.evaluate("() => navigator.clipboard.readText()")
        assert copied.startswith("# The story of `127.0.0.1:")
        assert "\n## 8. The chain of layers\n" in copied
        page.locator(".ocinb-story .line").first.click()
        assert page.evaluate("() => navigator.clipboard.readText()") == "ocinb.Reference(ref).registry"


def test_where_it_is_not_trusted_it_still_reads_and_opens(lab: Lab, registry: SampleRegistry) -> None:
    story = ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/arm64")
    path = _notebook_of(lab.directory / "explain-untrusted.ipynb", story._repr_html_())
    with jupyter.notebook(lab, path.name, height=1400) as page:
        page.wait_for_selector(".jp-RenderedHTML details")
        box = page.locator(".jp-RenderedHTML")
        assert box.locator("button, script, style").count() == 0
        text = box.inner_text()
        assert "ocinb.Reference(ref).registry" in text
        assert "# The story of" not in text
        box.locator("summary").nth(3).click()
        assert "exactly linux/arm64" in box.inner_text()
        sights.shot(page, "explain-untrusted")


def test_on_paper_all_of_it_is_open(tmp_path: Path, registry: SampleRegistry, browser: Browser) -> None:
    story = ocinb.explain(registry.reference("demo/shop:2.0"), platform="linux/arm64")
    alone = tmp_path / "story.html"
    alone.write_text(story.html, encoding="utf-8")
    notebook = nbformat.read(_notebook_of(tmp_path / "story.ipynb", story._repr_html_()), as_version=4)
    converted = tmp_path / "converted.html"
    converted.write_text(HTMLExporter().from_notebook_node(notebook)[0], encoding="utf-8")
    for file in (alone, converted):
        with browsers.page(browser, file.as_uri(), width=900, height=1200) as page:
            assert page.evaluate(_HEIGHTS) == 1
            page.emulate_media(media="print")
            assert page.evaluate(_HEIGHTS) == 11
            assert page.locator(".ocinb-story .tools").is_hidden()
            sights.shot(page, f"explain-print-{file.stem}", full_page=True)
            page.emulate_media(media="screen", color_scheme="dark")
            assert page.evaluate(_HEIGHTS) == 1


@pytest.mark.parametrize("trusted", [True, False], ids=["trusted", "not trusted"])
def test_a_hostile_image_does_nothing(lab: Lab, registry: SampleRegistry, *, trusted: bool) -> None:
    html = ocinb.explain(strangers.put_hostile_image(registry))._repr_html_()
    path = _notebook_of(lab.directory / f"explain-hostile-{trusted}.ipynb", html)
    if trusted:
        cell = f"from IPython.display import HTML\nimport json\nHTML(json.loads({json.dumps(json.dumps(html))}))"
        path = jupyter.write_notebook(lab.directory / "explain-hostile.ipynb", cell, hide_code=True)
    with jupyter.notebook(lab, path.name, height=1400) as page:
        if trusted:
            jupyter.run_all_cells(page)
            page.wait_for_selector(_BUTTON)
            page.locator(_BUTTON).first.click()
            assert page.evaluate(_TOO_WIDE) <= 1
            sights.shot(page, "explain-hostile")
        page.wait_for_selector(".jp-RenderedHTML details")
        assert sights.canary(page, ".jp-RenderedHTML") is None
        assert page.locator(".jp-RenderedHTML img, .jp-RenderedHTML svg").count() == 0
        box = page.locator(".jp-RenderedHTML").first
        assert box.evaluate("one => one.scrollWidth - one.clientWidth") <= 1 or not trusted
