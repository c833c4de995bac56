"""A browser without a window, in which each page is as fresh as a new browser's."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.patience import SECONDS
from tests.real.tools import require

_MILLISECONDS = SECONDS * 1000
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class Chromium:
    """A browser that starts when it is wanted, and may stay from one test to the next.

    As long as it is open, a loop of asyncio runs in this thread, and some other threads do.
    """

    def __init__(self) -> None:
        self._opened = ExitStack()
        self._browser: Browser | None = None

    def open(self) -> Browser:
        """Give the browser, which starts if it does not run."""
        if self._browser is None:
            with ExitStack() as opening:
                self._browser = opening.enter_context(_chromium())
                self._opened = opening.pop_all()
        return self._browser

    def close(self) -> None:
        """End it, with all that it shows."""
        self._browser = None
        self._opened.close()


@contextmanager
def _chromium() -> Iterator[Browser]:
    expect.set_options(timeout=_MILLISECONDS)
    with TemporaryDirectory(prefix="ocinb-chromium-") as home, sync_playwright() as playwright:
        homes: dict[str, str | float | bool] = {
            **os.environ,
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_CACHE_HOME": home,
        }
        browser = playwright.chromium.launch(
            executable_path=require("chromium"), args=list(_FLAGS), env=homes, timeout=_MILLISECONDS
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(browser: Browser, url: str, *, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """Open an address, with no cookie, cache or permission of another page."""
    opened = open_page(browser, url, width=width, height=height)
    try:
        yield opened
    finally:
        opened.context.close()


def open_page(browser: Browser, url: str, *, width: int, height: int) -> Page:
    """Open an address as `page` does, until somebody closes the page's context."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(_MILLISECONDS)
    opened = context.new_page()
    opened.goto(url)
    return opened
