"""The panel of a transfer as a person in front of JupyterLab sees it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.real import sights

# What the bars look like at this moment: a panel may be gone the next one.
_SIGHT = """() => {
    const bars = [...document.querySelectorAll('.ocinb-progress .progress-bar')];
    const words = [...document.querySelectorAll('.ocinb-progress .widget-hprogress > .widget-label')];
    return {
        widths: bars.map(bar => bar.getBoundingClientRect().width),
        words: words.map(word => word.innerText),
        total: document.querySelector('.ocinb-progress .ocinb-sum .ocinb-detail')?.innerText ?? '',
    };
}"""
_IS_BEYOND = f"""width => {{
    const seen = ({_SIGHT})();
    return seen.widths.length && seen.widths.at(-1) > width && seen;
}}"""
# What the total says changes, and the bars of the rows get longer.
_HAS_MOVED = f"""([total, before]) => {{
    const seen = ({_SIGHT})(), length = seen.widths.slice(0, -1).reduce((sum, width) => sum + width, 0);
    return seen.total && seen.total !== total && length > before + 40 && seen;
}}"""
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
    return Sight(**page.wait_for_function(_IS_BEYOND, arg=beyond).json_value())


def see_later(page: Page, before: Sight) -> Sight:
    """Look at the bars as soon as they have moved."""
    return Sight(**page.wait_for_function(_HAS_MOVED, arg=[before.total, sum(before.widths[:-1])]).json_value())


def faults(page: Page) -> list[str]:
    """Tell what is wrong with the layout."""
    found: list[str] = page.evaluate(_FAULTS)
    return found


def saved_outputs(path: Path, cell: int = 0) -> list[dict[str, Any]]:
    """Give what a saved notebook has below a cell, and see that it keeps no state of a widget."""
    assert "widgets" not in json.loads(path.read_text(encoding="utf-8"))["metadata"]
    return sights.outputs(path, cell)
