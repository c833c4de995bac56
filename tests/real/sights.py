"""What one sees of a page: pictures for people, how far colours are apart, and whether a stranger's code has run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Request

SCREENSHOTS = Path("build/screenshots")
# How far two colours are apart, as people see it (WCAG 2, contrast ratio); behind what is clear, the page shows.
_CONTRASTS = """selector => {
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
# Whether things stand where they stood, ten frames long.
_IS_STILL = """selector => {
    const places = [...document.querySelectorAll(selector)].map(one => JSON.stringify(one.getBoundingClientRect()));
    const seen = [innerWidth, ...places].join();
    window.ocinbStill = window.ocinbSeen === seen ? (window.ocinbStill ?? 0) + 1 : 0;
    window.ocinbSeen = seen;
    return places.length > 0 && window.ocinbStill >= 10;
}"""
# Wakes whatever waits for a mouse or for the keyboard, and then looks whether anything of it has run. Events go up to
# what is around an element where a browser's do: in a notebook full of plots, that takes seconds for each kind.
_CANARY = """selector => {
    for (const element of document.querySelectorAll(selector))
        for (const [kind, bubbles] of [['mouseover', true], ['mouseenter'], ['focusin', true], ['focus']])
            element.dispatchEvent(new Event(kind, {bubbles}));
    return window.canary ?? null;
}"""


def shot(page: Page, name: str, **options: Any) -> None:
    """Keep a picture, for people who judge with their eyes."""
    page.screenshot(path=_picture(name), **options)


def shot_of(page: Page, selector: str, name: str) -> None:
    """Keep a picture of the first of some elements."""
    page.locator(selector).first.screenshot(path=_picture(name))


def contrasts(page: Page, selector: str) -> list[float]:
    """Give how far the text of each element stands out: 4.5 is what people need, 3 will do for what is large."""
    found: list[float] = page.evaluate(_CONTRASTS, selector)
    return found


def narrow(page: Page, selector: str, *, width: int = 700) -> None:
    """Make the window as narrow as half a screen, and wait until what is looked at has found its place."""
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": width, "height": size["height"]})
    page.wait_for_function(f"one => document.querySelector(one).clientWidth < {width}", arg=selector)
    still(page, selector)


def still(page: Page, selector: str) -> None:
    """Wait until nothing moves any more."""
    page.evaluate("() => { delete window.ocinbSeen; }")
    page.wait_for_function(_IS_STILL, arg=selector)


@contextmanager
def asked_hosts(page: Page) -> Iterator[set[str]]:
    """Collect the hosts that the page asks for anything."""
    hosts: set[str] = set()

    def note(request: Request) -> None:
        hosts.add(urlsplit(request.url).hostname or "")

    page.on("request", note)
    try:
        yield hosts
    finally:
        page.remove_listener("request", note)


def canary(page: Page, within: str) -> Any:
    """Wake what a stranger may have left in some elements, and give what it has set; nothing ran if that is None."""
    return page.evaluate(_CANARY, f"{within}, {within} *")


def outputs(path: Path, cell: int = 0) -> list[dict[str, Any]]:
    """Give what a saved notebook has below a cell."""
    kept: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"][cell]["outputs"]
    return kept


def _picture(name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
