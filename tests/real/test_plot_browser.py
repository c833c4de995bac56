"""The plots as people see them: drawn by JupyterLab without a network, in light and in dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import plotly
import pytest
from playwright.sync_api import Browser, Page

import ocinb
from ocinb.samples import SampleRegistry
from tests.real import browsers, jupyter, sights, strangers
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_START = """
import ocinb

registry = ocinb.samples.registry()
image = registry.reference("demo/shop:2.0")
images = [registry.reference(f"demo/shop:{tag}") for tag in ("1.0", "1.1", "2.0")]
catalog = ocinb.Catalog()
added = catalog.add(images, progress=False)
"""
_CELLS = {
    "layers": 'ocinb.plot.layers(image, depth="files", progress=False)',
    "layers-image": "ocinb.plot.layers(images)",
    "treemap": "ocinb.plot.treemap(image, progress=False)",
    "treemap-layer": 'ocinb.plot.treemap(image, by="layer", progress=False)',
    "icicle": "ocinb.plot.icicle(image, progress=False)",
    "waterfall": "ocinb.plot.waterfall(image)",
    "shared": "ocinb.plot.shared(images)",
    "shared-pair": 'ocinb.plot.shared(images, by="pair")',
    "growth": "ocinb.plot.growth(catalog)",
    "duplicates": "ocinb.plot.duplicates(image, progress=False)",
    "compression": "ocinb.plot.compression(image, progress=False)",
}
_HOSTILE = (
    strangers.IMPORT
    + """
word, bad = strangers.LONG, strangers.ALL
frame = ocinb.files(image, progress=False)
frame["path"] = frame["path"].where(frame.index % 2 == 0, bad) + frame["path"]
frame["reference"] = bad
layers = ocinb.layers(image, depth="files", progress=False)
layers["instruction"] = bad
layers.loc[0, "instruction"] = word
layers["reference"] = bad
history = ocinb.history(image)
history["instruction"] = bad
history["reference"] = word
shared = ocinb.shared(images)
shared["reference"] = [bad, word, "a"]
with ocinb.Catalog() as catalog:
    catalog.add(images, progress=False)
    grown = catalog.sql("FROM size_history")
grown["tag"] = bad + grown["tag"]
grown["repository"] = word
grown["grown_by"] = bad
"""
)
_HOSTILE_CELLS = (
    "ocinb.plot.treemap(frame)",
    'ocinb.plot.icicle(frame, by="layer")',
    "ocinb.plot.duplicates(frame)",
    "ocinb.plot.layers(layers)",
    "ocinb.plot.compression(layers)",
    "ocinb.plot.waterfall(history)",
    "ocinb.plot.shared(shared)",
    "ocinb.plot.growth(grown)",
)
# Plotly draws anew a little after the window changed.
_FIT = """width => [...document.querySelectorAll('.js-plotly-plot')].every(plot =>
    plot.clientWidth < width && Math.abs(plot.querySelector('.main-svg').clientWidth - plot.clientWidth) < 2)"""
_DRAWN = "count => document.querySelectorAll('.js-plotly-plot .main-svg').length >= count"
# Texts that leave the picture of their plot, which is where they would be cut, by how many pixels.
_CUT = """() => [...document.querySelectorAll('.js-plotly-plot')].flatMap(plot => {
    const box = plot.getBoundingClientRect();
    return [...plot.querySelectorAll('.ytick text, .xtick text, .bartext, .gtitle, .gtitle-subtitle, .legendtext')]
        .map(text => [text.textContent, text.getBoundingClientRect()])
        .filter(([, text]) => text.width)  // what is hidden has none
        .filter(([, text]) => text.left < box.left - 1 || text.right > box.right + 1)
        .map(([words, text]) => `${words.slice(0, 40)}: ${text.left - box.left}, ${text.right - box.right}`);
})"""
# Links and images in a plot, which no text in it may become; JupyterLab's extension of plotly has an empty one.
_ACTIVE = """() => [...document.querySelectorAll('.js-plotly-plot :is(a[href], image, img:not(.plot-img))')]
    .map(one => one.outerHTML.slice(0, 200))"""
# Colours of texts that stand on the page, and the one that the page's own text has.
_COLOURS = """() => {
    const probe = document.body.appendChild(document.createElement('p'));
    probe.style.color = 'var(--jp-content-font-color1, currentColor)';
    const texts = '.gtitle tspan[style], .gtitle-subtitle tspan[style], .ytick tspan[style], .xtick tspan[style]';
    const found = [...document.querySelectorAll(texts)].map(text => getComputedStyle(text).fill);
    return [[...new Set(found)], [getComputedStyle(probe).color]];
}"""
_TOO_WIDE = (
    "() => [...document.querySelectorAll('.jp-OutputArea-output')].map(one => one.scrollWidth - one.clientWidth)"
)


class _Seen(NamedTuple):
    page: Page
    hosts: set[str]


@contextmanager
def _drawn(lab: Lab, name: str, *cells: str, dark: bool = False, count: int) -> Iterator[_Seen]:
    """Run a notebook whose last cells each draw a plot, and wait for all of them."""
    opened = jupyter.run_again(lab, name, *cells, dark=dark, height=7000, hide_code=True)
    with opened as page, sights.asked_hosts(page) as hosts:
        jupyter.wait_idle(page)
        assert page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts() == []
        page.wait_for_function(_DRAWN, arg=count)
        yield _Seen(page, hosts)


def _shots(page: Page, theme: str) -> None:
    plots = page.locator(".js-plotly-plot")
    for place, name in enumerate(_CELLS):
        plots.nth(place).screenshot(path=sights.SCREENSHOTS / f"plot-{name}-{theme}.png")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_plots_are_drawn_without_a_network(lab: Lab, theme: str) -> None:
    cells = _CELLS.values()
    with _drawn(lab, "plots", _START, *cells, dark=theme == "dark", count=len(_CELLS)) as (page, hosts):
        assert hosts <= {"127.0.0.1", "localhost", ""}
        assert page.evaluate(_CUT) == []
        found, own = page.evaluate(_COLOURS)
        assert found == own
        _shots(page, theme)
        titles = page.locator(".js-plotly-plot .gtitle").all_text_contents()
        assert sum("demo/shop:2.0" in title for title in titles) == 7
        assert "2 MB" in page.locator(".js-plotly-plot .xtick text").all_text_contents()


def test_they_fit_beside_the_side_bar_of_a_narrow_window(lab: Lab) -> None:
    with _drawn(lab, "plots", _START, *_CELLS.values(), count=len(_CELLS)) as (page, _):
        page.set_viewport_size({"width": 700, "height": 7000})
        page.wait_for_function(_FIT, arg=360)
        assert page.evaluate(_CUT) == []
        assert max(page.evaluate(_TOO_WIDE)) <= 1
        _shots(page, "narrow")


def test_what_strangers_wrote_neither_runs_nor_breaks_the_layout(lab: Lab) -> None:
    cells = (_START, _HOSTILE, *_HOSTILE_CELLS)
    with _drawn(lab, "plots-hostile", *cells, count=len(_HOSTILE_CELLS)) as (page, hosts):
        for plot in page.locator(".js-plotly-plot").all():
            box = plot.bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
            page.wait_for_timeout(100)  # until it shows what hovers
        assert sights.canary(page, ".js-plotly-plot") is None
        assert page.evaluate(_ACTIVE) == []
        assert hosts <= {"127.0.0.1", "localhost", ""}
        assert max(page.evaluate(_TOO_WIDE)) <= 1
        assert page.evaluate(_CUT) == []
        sights.shot(page, "plot-hostile")


def test_a_page_with_plotly_draws_them_and_one_without_has_the_words(
    tmp_path: Path, registry: SampleRegistry, browser: Browser
) -> None:
    figure = ocinb.plot.treemap(registry.reference("demo/shop:2.0"), platform="amd64", progress=False)
    script = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
    page_path = tmp_path / "page.html"
    body = f"<!doctype html><meta charset=utf-8><body style='margin:0'>{figure._repr_html_()}"
    page_path.write_text(body, encoding="utf-8")
    with browsers.page(browser, page_path.as_uri()) as page:
        assert page.locator(".ocinb-plot p").inner_text() == figure.alt
    page_path.write_text(f"{body}<script src='{script.as_uri()}'></script>", encoding="utf-8")
    with browsers.page(browser, page_path.as_uri(), width=1200, height=640) as page:
        page.wait_for_function(_DRAWN, arg=1)
        assert page.get_by_role("img", name=figure.alt[:60]).count() == 1
        page.evaluate("() => { document.body.style.color = 'rgb(1, 2, 3)'; }")
        found, own = page.evaluate(_COLOURS)
        assert found == own == ["rgb(1, 2, 3)"]
