"""A page of JupyterLab that stays open: what loads it costs four times as much as what opens a notebook in it.

Each notebook finds what it would find in a new page. Of the one before, all is closed that stood in the main area, its
kernel has ended, and what the page looks like is compared with what it looked like when it was new. Where anything is
left over, or a test failed, the next notebook gets another page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

from tests.real import browsers

_SIZE = (1280, 900)
_OPEN = """async path => {
    await jupyterapp.allPluginsActivated;
    const panel = await jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'});
    await panel.context.ready;
}"""
# What tests leave in the window has these names.
_CLEAR = """async () => {
    await jupyterapp.serviceManager.sessions.shutdownAll();
    for (const widget of [...jupyterapp.shell.widgets('main')]) widget.dispose();
    jupyterapp.shell.expandLeft();
    for (const name of Object.keys(window)) if (/^(ocinb|canary)/.test(name)) delete window[name];
    await jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'});
}"""
_IS_CLEAR = """() => document.body.dataset.jpThemeLight === 'true' &&
    document.querySelector('.jp-Launcher')?.offsetWidth && !document.querySelector('.jupyterlab-splash')"""
_LOOK = """() => ({
    shown: [...jupyterapp.shell.widgets('main')].map(widget => widget.title.label),
    running: [...jupyterapp.serviceManager.sessions.running()].length,
    above: document.querySelectorAll('body > .lm-Widget:not(.lm-mod-hidden), .jp-toastContainer *').length,
    widths: [...document.querySelectorAll('#jp-left-stack, #jp-main-dock-panel, #jp-right-stack, .jp-Launcher')]
        .map(one => one.getBoundingClientRect().width),
})"""


class _Seat(NamedTuple):
    """A page, what it looked like when it was new, and the notebook that is open in it."""

    page: Page
    look: Any
    path: str | None = None


class Desk:
    """One page of JupyterLab, in which a notebook is opened after the other."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._seat: _Seat | None = None

    @contextmanager
    def notebook(self, browser: Browser, path: str, *, width: int, height: int, stays: bool) -> Iterator[Page]:
        """Open a notebook below the server's folder, as a click in the list of files does, and close it at the end.

        One that stays is closed when another one is wanted; who wants the same one finds it as it was left.
        """
        seat, self._seat = self._take(browser, path), None
        try:
            seat.page.set_viewport_size({"width": width, "height": height})
            if seat.path is None:
                seat.page.evaluate(_OPEN, path)
            yield seat.page
            _leave(seat.page)
            self._seat = seat._replace(path=path) if stays else _cleared(seat)
        finally:
            if self._seat is None:
                seat.page.context.close()

    def _take(self, browser: Browser, path: str) -> _Seat:
        """Give the page that is open if it is free or has this notebook, else a new one."""
        seat = self._seat
        if seat is not None and seat.page.is_closed():  # with the browser, between two files
            seat = None
        if seat is not None and seat.path not in {None, path}:
            page = seat.page
            if (seat := _cleared(seat)) is None:
                page.context.close()
        return seat or self._open(browser)

    def _open(self, browser: Browser) -> _Seat:
        width, height = _SIZE
        page = browsers.open_page(browser, f"{self._url}lab?reset", width=width, height=height)
        page.wait_for_selector(".jp-Launcher")
        return _Seat(page, _look(page))


def _leave(page: Page) -> None:
    """Take away what is not in the page: permissions, and the mouse."""
    page.context.clear_permissions()
    page.mouse.move(0, 0)


def _cleared(seat: _Seat) -> _Seat | None:
    """Close all that is open, and give the page if nothing is left of it."""
    return _Seat(seat.page, seat.look) if _look(seat.page) == seat.look else None


def _look(page: Page) -> Any:
    """End all kernels, close what is open, and give how the page looks then."""
    width, height = _SIZE
    page.set_viewport_size({"width": width, "height": height})
    page.evaluate(_CLEAR)
    page.wait_for_function(_IS_CLEAR)
    return page.evaluate(_LOOK)
