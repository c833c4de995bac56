"""A browser without a window: it starts once a session, and each page is as fresh as a new browser's."""

import asyncio
import os
from asyncio import _set_running_loop
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.real.tools import require

_PATIENCE_SECONDS = 30  # a busy machine is no failure
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
    """A browser that may stay for a session: only as long as it is used, a loop of asyncio runs in this thread."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._loop = asyncio.get_running_loop()
        _set_running_loop(None)

    @contextmanager
    def used(self) -> Iterator[Browser]:
        """Give the browser; until this ends, no other loop can run."""
        _set_running_loop(self._loop)
        try:
            yield self._browser
        finally:
            _set_running_loop(None)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start one."""
    expect.set_options(timeout=_PATIENCE_SECONDS * 1000)
    with TemporaryDirectory(prefix="ocinb-chromium-") as home, sync_playwright() as playwright:
        homes: dict[str, str | float | bool] = {
            **os.environ,
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_CACHE_HOME": home,
        }
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=list(_FLAGS), env=homes)
        loop = asyncio.get_running_loop()
        try:
            yield Chromium(browser)
        finally:
            _set_running_loop(loop)
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
    opened = context.new_page()
    opened.goto(url)
    return opened
