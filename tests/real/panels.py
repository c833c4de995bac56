"""The panel of a transfer as a person in front of JupyterLab sees it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_SCREENSHOTS = Path("build/screenshots")
_TOTAL_IS_BEYOND = """width => {
    const bars = [...document.querySelectorAll('.ocinb-progress .progress-bar')];
    return bars.length && bars.at(-1).getBoundingClientRect().width > width;
}"""
# What the total says changes, and the bars of the rows get longer.
_HAS_MOVED = """([total, widths]) => {
    const bars = [...document.querySelectorAll('.ocinb-progress .ocinb-rows .progress-bar')];
    const length = bars.reduce((sum, bar) => sum + bar.getBoundingClientRect().width, 0);
    const said = document.querySelector('.ocinb-progress .ocinb-sum .ocinb-detail')?.innerText;
    return said && said !== total && length > widths + 40;
}"""
# What is wrong with how it is laid out, in words; nothing is.
_FAULTS = """() => {
    const panel = document.querySelector('.ocinb-progress'), faults = [];
    const box = panel.getBoundingClientRect(), narrow = box.width <= 520;
    if (panel.scrollWidth > panel.clientWidth + 1) faults.push(`wider than its place: ${panel.scrollWidth}`);
    const texts = [...panel.querySelectorAll('.ocinb-row')], bars = [...panel.querySelectorAll('.widget-hprogress')];
    if (texts.length !== bars.length) faults.push(`${texts.length} texts for ${bars.length} bars`);
    for (const [place, text] of texts.entries()) {
        const [left, right] = [text.getBoundingClientRect(), bars[place].getBoundingClientRect()];
        const last = place === texts.length - 1;  // the total's words may take several lines
        if (!last && left.height !== (narrow ? 44 : 22)) faults.push(`row ${place} is ${left.height} high`);
        if (Math.abs(left.top - right.top) > 1) faults.push(`row ${place} is not on one line`);
        if (right.right > box.right + 1) faults.push(`row ${place}: the bar leaves the panel`);
        const word = bars[place].querySelector('.widget-label');
        if (word.scrollWidth > word.clientWidth + 1) faults.push(`row ${place}: ${word.textContent} is cut`);
        const size = text.querySelector('.ocinb-size').getBoundingClientRect();
        if (size.right > right.left + 1) faults.push(`row ${place}: the size runs into the bar`);
        const detail = text.querySelector('.ocinb-detail').getBoundingClientRect();
        if (detail.width < 60) faults.push(`row ${place}: no room for the instruction`);
        if (detail.right > (narrow ? box : right).right + 1) faults.push(`row ${place}: the instruction is too wide`);
        const track = bars[place].querySelector('.progress').getBoundingClientRect();
        if (track.width < 40) faults.push(`row ${place}: the bar is ${track.width} wide`);
    }
    const [first, sum] = [bars[0], bars.at(-1)].map(bar => bar.querySelector('.progress').getBoundingClientRect());
    if (Math.abs(first.right - sum.right) > 1) faults.push('the total is not below the rows');
    return faults;
}"""


@dataclass(frozen=True)
class Sight:
    """What the bars look like at one moment, that of the total last."""

    widths: list[float]
    words: list[str]
    total: str


def see(page: Page, *, beyond: float) -> Sight:
    """Look at the bars as soon as the total's is longer than some pixels."""
    page.wait_for_function(_TOTAL_IS_BEYOND, arg=beyond, timeout=60_000)
    return _sight(page)


def see_later(page: Page, before: Sight) -> Sight:
    """Look at the bars as soon as they have moved."""
    page.wait_for_function(_HAS_MOVED, arg=[before.total, sum(before.widths[:-1])])
    return _sight(page)


def _sight(page: Page) -> Sight:
    widths = "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    return Sight(
        page.eval_on_selector_all(".ocinb-progress .progress-bar", widths),
        page.locator(".ocinb-progress .widget-hprogress > .widget-label").all_inner_texts(),
        page.inner_text(".ocinb-progress .ocinb-sum .ocinb-detail"),
    )


def faults(page: Page) -> list[str]:
    """Tell what is wrong with the layout."""
    found: list[str] = page.evaluate(_FAULTS)
    return found


def shot(page: Page, name: str) -> None:
    """Keep a picture, for people who judge with their eyes."""
    _SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=_SCREENSHOTS / f"{name}.png")


def narrow_shot(page: Page, name: str) -> None:
    """Keep a picture of a window that is 700 pixels wide."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 700, "height": size["height"]})
    page.wait_for_function("() => document.querySelector('.ocinb-progress').clientWidth < 620")
    page.wait_for_timeout(300)  # JupyterLab arranges itself
    shot(page, name)


def saved_outputs(path: Path, cell: int = 0) -> list[dict[str, Any]]:
    """Give what a saved notebook has below a cell."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    outputs: list[dict[str, Any]] = notebook["cells"][cell]["outputs"]
    return outputs
