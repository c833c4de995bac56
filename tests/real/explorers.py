"""The explorer as a person in front of JupyterLab sees it: cells that open one, what is on the page, and how soon."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.patience import SECONDS
from tests.real import jupyter, sights, strangers
from tests.real.jupyter import Lab

_ROOT = Path(__file__).parents[2]
SHOP = """
import ocinb

registry = ocinb.samples.registry()
explorer = ocinb.explore(registry.reference("demo/shop:2.0"))
explorer
"""
LARGE = f"""
import sys
import ocinb

sys.path.insert(0, {str(_ROOT)!r})
from tests.notebook.exploring.largeimage import put_large_image

registry = ocinb.samples.registry()
ocinb.explore(put_large_image(registry, files=100_000))
"""
HOSTILE = f"{strangers.CELL}\nocinb.explore(stranger)"
# One platform is in the store; of the other come so few bytes a second that a person can stop it.
SLOW = """
import tempfile
import ocinb

ocinb.settings.store_dir = tempfile.mkdtemp()
ocinb.files(ocinb.samples.registry().reference("demo/shop:2.0"), platform="linux/amd64")
registry = ocinb.samples.registry(bandwidth=60_000)
ocinb.explore(registry.reference("demo/shop:2.0"), platform="linux/amd64")
"""
# Panels of progress come and go as fast as they can, and then an explorer is there that has to answer.
BRIEF_PANELS = """
import time
from ocinb.progress.protocol import Task
from ocinb.progress.widgets import WidgetProgress

for number in range(12):
    panel = WidgetProgress()
    panel.start("Reading", [Task(f"layer{place}", f"layer {place}", 1000) for place in range(7)])
    time.sleep(0.51 + number % 4 * 0.05)
    panel.finish(f"Read {number}")
"""
# Does something, and gives the milliseconds until the page shows what is waited for, drawn.
_TIMED = """([action, sign, patience]) => new Promise((resolve, reject) => {
    const page = document.querySelector('.ocinb-explorer'), shows = new Function('page', `return ${sign}`);
    const began = performance.now(), look = () => {
        const passed = performance.now() - began;
        if (shows(page)) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
        else if (passed > patience) reject(new Error(`never: ${sign}`));
        else requestAnimationFrame(look);
    };
    new Function('page', action)(page);
    look();
})"""
# What is wrong with how it is laid out, in words; nothing is.
_FAULTS = """() => {
    const faults = [], page = document.querySelector('.ocinb-explorer'), box = page.getBoundingClientRect();
    const sees = element => element.getClientRects().length > 0;
    if (page.scrollWidth > page.clientWidth + 1) faults.push(`wider than its place: ${page.scrollWidth}`);
    const frame = page.closest('.jp-OutputArea-output');
    if (frame.scrollWidth > frame.clientWidth + 1) faults.push(`the cell scrolls sideways: ${frame.scrollWidth}`);
    for (const part of page.querySelectorAll('header, section, .tree, .layer-list, .status, .details')) {
        if (!sees(part)) continue;
        const place = part.getBoundingClientRect(), name = part.className || part.tagName;
        if (part.scrollWidth > part.clientWidth + 1) faults.push(`${name} scrolls sideways: ${part.scrollWidth}`);
        if (place.right > box.right + 1 || place.left < box.left - 1) faults.push(`${name} leaves the explorer`);
    }
    for (const row of page.querySelectorAll('.row, .layer')) {
        const [place, parts] = [row.getBoundingClientRect(), [...row.children].filter(sees)];
        for (const part of parts) {
            const inner = part.getBoundingClientRect();
            if (inner.right > place.right + 1) faults.push(`${part.className} leaves: ${row.textContent.slice(0, 60)}`);
            if (inner.height > place.height + 1) faults.push(`${part.className} is higher than its row`);
        }
    }
    return faults;
}"""


_FILES = "page.querySelector('.files .tree')"
_WASTE = "page.querySelector('.waste .tree')"
_SHOWN = "[...page.querySelectorAll('.files .tree-frame:not([hidden]) .row')]"
_NO_PENDING = f"!{_SHOWN}.some(row => row.classList.contains('pending'))"


def _typed(word: str) -> str:
    return f"const f = page.querySelector('input'); f.value = '{word}'; f.dispatchEvent(new Event('input'))"


def _pressed(key: str, tree: str = _FILES) -> str:
    return f"{tree}.dispatchEvent(new KeyboardEvent('keydown', {{key: '{key}', bubbles: true, cancelable: true}}))"


def _clicked(name: str) -> str:
    return f"{_SHOWN}.find(row => row.querySelector('.name bdi').textContent === '{name}').click()"


# What a person does one after the other in the large image: its name, the action, and the sign that it is done.
INTERACTIONS = (
    ("open a folder of 100 folders", _clicked("opt"), f"{_SHOWN}.filter(row => row.ariaLevel === '2').length > 9"),
    ("close it", _pressed("ArrowLeft"), f"{_SHOWN}.every(row => row.ariaLevel === '1')"),
    (
        "choose a layer of 70,000 files",
        "page.querySelectorAll('[role=option]')[1].click()",
        f"page.querySelector('.scope').textContent === 'layer 0' && {_SHOWN}[0]?.querySelector('.added')",
    ),
    ("open a folder", _clicked("var"), f"{_SHOWN}.some(row => row.ariaLabel.startsWith('cache'))"),
    ("open a folder of 14,000 files", _clicked("cache"), f"{_SHOWN}.filter(row => row.ariaLevel === '3').length > 9"),
    ("go to its end", _pressed("End"), f"{_FILES}.scrollTop > 300_000 && {_NO_PENDING}"),
    (
        "scroll to its middle",
        f"{_FILES}.scrollTop = 150_000",
        f"Math.abs({_SHOWN}[0].dataset.row * 24 - 150_000) < 1000 && {_NO_PENDING}",
    ),
    ("details of a file", f"{_SHOWN}[12].click()", "page.querySelector('.details .read')"),
    ("the text of a file", "page.querySelector('.details .read').click()", "page.querySelector('.preview pre')"),
    (
        "the waste of 17,000 files",
        "page.querySelectorAll('.tabs button')[1].click()",
        "page.querySelectorAll('.waste .row').length > 9",
    ),
    (
        "go to a wasted file",
        f"page.querySelector('.waste .row').click(); {_pressed('Enter', _WASTE)}",
        "page.querySelector('.files:not([hidden]) .row.active .gone')",
    ),
    (
        "search a glob that 56,000 fit",
        _typed("*.js"),
        "/^[0-9,]+ found/.test(page.querySelector('.found').textContent)",
    ),
    (
        "search a word",
        _typed("file0001"),
        f"{_SHOWN}.length > 9 && {_SHOWN}[0].textContent.includes('file0001')",
    ),
    (
        "sort by name",
        "page.querySelector('[data-sort=name]').click()",
        f"{_SHOWN}.length > 9 && {_SHOWN}[0].textContent.includes('file000100.js')",
    ),
    (
        "the copies of 23,000 files",
        "page.querySelectorAll('.tabs button')[1].click(); page.querySelector('[data-list=copies]').click()",
        "page.querySelectorAll('.waste .tree-frame:not([hidden]) .row:not(.pending)').length > 9",
    ),
)


def open_explorer(page: Page) -> Locator:
    """Run all cells, and give the explorer once its tree is there."""
    jupyter.run_all_cells(page)
    return shown_explorer(page)


def shown_explorer(page: Page) -> Locator:
    """Give the explorer once its tree is there."""
    explorer = page.locator(".ocinb-explorer").first
    explorer.locator(".files [role=treeitem]").first.wait_for()
    jupyter.wait_idle(page)
    return explorer


def row(explorer: Locator, name: str) -> Locator:
    """Give the row of a file or folder that is in sight, by its name."""
    return (
        explorer.locator(f"[role=treeitem]:has(.name > bdi:text-is({json.dumps(name)}))").locator("visible=true").first
    )


def names(explorer: Locator) -> list[str]:
    """Give the names of the rows that are drawn, from above."""
    return explorer.locator("[role=treeitem] .name > bdi:first-child").locator("visible=true").all_inner_texts()


def see_row(explorer: Locator, name: str) -> None:
    expect(row(explorer, name)).to_be_visible()


def choose_layer(explorer: Locator, number: int) -> None:
    """Click on another layer, and wait for its files; until they are there, those of the one before can be clicked."""
    tree = explorer.locator(".files .tree").locator("visible=true").first
    before = tree.text_content()
    explorer.locator(f"[role=option][data-place='{number + 1}']").click()
    expect(tree).not_to_have_text(before or "")


def timed(page: Page, action: str, sign: str) -> float:
    """Do something in the page, and give the milliseconds until what it does has been drawn.

    Parameters
    ----------
    action
        JavaScript; `page` is the explorer.
    sign
        An expression that is true as soon as the page shows it.
    """
    return float(page.evaluate(_TIMED, [action, sign, SECONDS * 1000]))


def keep_times(times: dict[str, float]) -> None:
    """Keep what interactions took, for people who look whether they are quick."""
    sights.SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    told = {name: round(milliseconds) for name, milliseconds in times.items()}
    (sights.SCREENSHOTS / "explore-times.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def faults(page: Page) -> list[str]:
    """Tell what is wrong with the layout."""
    found: list[str] = page.evaluate(_FAULTS)
    return found


def take_picture(lab: Lab, path: Path) -> None:
    """Take the picture of the explorer that stands in the README.

    Parameters
    ----------
    lab
        Where it is opened.
    path
        A PNG file, which is written anew: the explorer alone, in a window of 1200 pixels.
    """
    jupyter.write_notebook(lab.directory / "picture.ipynb", SHOP, hide_code=True)
    with jupyter.notebook(lab, "picture.ipynb", width=1200, height=1000) as page:
        jupyter.command(page, "application:toggle-left-area")
        explorer = open_explorer(page)
        choose_layer(explorer, 2)
        for name in ("usr", "lib", "x86_64-linux-gnu", "bin", "var", "cache", "apt", "archives", "pkgcache.bin"):
            row(explorer, name).click()
        expect(explorer.locator(".details .path")).to_contain_text("pkgcache.bin")
        page.mouse.move(0, 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        explorer.screenshot(path=path)
