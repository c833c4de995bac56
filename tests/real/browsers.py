"""A browser without a window: it starts once for a file of tests, and each page is as fresh as a new browser's."""

import os
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


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start one; until it ends, a loop of asyncio counts as running in this thread, and no other can run."""
    expect.set_options(timeout=_PATIENCE_SECONDS * 1000)
    with TemporaryDirectory(prefix="ocinb-chromium-") as home, sync_playwright() as playwright:
        homes: dict[str, str | float | bool] = {
            **os.environ,
            "HOME": home,
            "XDG_CONFIG_HOME": home,
            "XDG_CACHE_HOME": home,
        }
        browser = playwright.chromium.launch(executable_path=require("chromium"), args=list(_FLAGS), env=homes)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(browser: Browser, url: str, *, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """Open an address, with no cookie, cache or permission of another page."""
    context = browser.new_context(viewport={"width": width, "height": height})
    try:
        opened = context.new_page()
        opened.goto(url)
        yield opened
    finally:
        context.close()
