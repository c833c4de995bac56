"""A real JupyterLab or Notebook 7 in a real browser, for what only a person in front of a screen would notice."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

from tests.patience import SECONDS
from tests.real import browsers, sights
from tests.real.desks import Desk

# The token is empty: it listens on loopback, and only as long as a test runs.
_FLAGS = (
    "--allow-root",
    "--no-browser",
    "--ip=127.0.0.1",
    "--port=0",
    "--IdentityProvider.token=",
    "--LabApp.news_url=None",
    "--LabApp.extension_manager=readonly",
)
_STOP_SECONDS = 20.0  # one that has not ended its kernels by then mostly never does; it is killed

# A run is over when its promise is kept: the kernel's status reads idle in between, after each message of a widget.
_RUN_ALL = """() => {
    window.ocinbRunning = true;
    jupyterapp.commands.execute('notebook:run-all-cells').finally(() => { window.ocinbRunning = false; });
}"""
_IDLE = """() => {
    const session = jupyterapp.shell.currentWidget?.context?.sessionContext?.session;
    return session?.kernel?.status === 'idle' && !window.ocinbRunning;
}"""


# What a failure is explained by: the kernel, and which cells have run.
_STATE = """() => {
    const context = jupyterapp.shell.currentWidget?.context;
    const cells = context?.model?.cells ?? [];
    const counts = [...cells].map(cell => cell.executionCount);
    return {kernel: context?.sessionContext?.session?.kernel?.status, running: window.ocinbRunning, counts};
}"""


class Front(NamedTuple):
    """An application in which people work with notebooks: how it is started, and where it shows one."""

    module: str
    switches: tuple[str, ...]
    path: str


JUPYTERLAB = Front("jupyterlab", ("--LabApp.expose_app_in_browser=True",), "lab/tree")
NOTEBOOK_7 = Front("notebook", ("--JupyterNotebookApp.expose_app_in_browser=True",), "notebooks")


class Lab(NamedTuple):
    """A JupyterLab that runs: where it is, whose notebooks it shows, and the browser to look at them."""

    url: str
    directory: Path
    browser: Browser
    front: Front = JUPYTERLAB
    desk: Desk | None = None

    def address(self, name: str) -> str:
        """Give the address of a notebook."""
        return f"{self.url}{self.front.path}/{name}?reset"


@contextmanager
def serve(directory: Path, front: Front = JUPYTERLAB, *, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve a directory with an application that knows no settings of this machine, and give its address."""
    with TemporaryDirectory(prefix="ocinb-lab-") as home:
        _settle(Path(home))
        process = subprocess.Popen(
            [sys.executable, "-m", front.module, *_FLAGS, *front.switches, f"--ServerApp.root_dir={directory}"],
            env={**os.environ, **_homes(Path(home)), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(log := (Path(home) / "lab.log").open("wb")),
        )
        try:
            yield _address(process, Path(home))
        finally:
            _stop(process)
            log.close()


@contextmanager
def notebook(lab: Lab, name: str, *, dark: bool = False, width: int = 1280, height: int = 900) -> Iterator[Page]:
    """Open a notebook with a kernel of its own, on the desk if there is one, else in a page of its own; both end."""
    with _opened(lab, name, width=width, height=height) as opened:
        wait_idle(opened)
        use_theme(opened, dark=dark)
        yield opened


@contextmanager
def run_again(
    lab: Lab, name: str, *sources: str, dark: bool = False, height: int = 900, hide_code: bool = False
) -> Iterator[Page]:
    """Start all cells of a notebook that several tests open, each time from the first one and without any output.

    If nothing else was opened since, they run in the kernel in which they have run before.
    """
    if not (path := lab.directory / f"{name}.ipynb").exists():
        write_notebook(path, *sources, hide_code=hide_code)
    with _opened(lab, path.name, height=height, stays=True) as opened:
        wait_idle(opened)
        use_theme(opened, dark=dark)
        command(opened, "notebook:clear-all-cell-outputs")
        run_all_cells(opened)
        yield opened


@contextmanager
def _opened(lab: Lab, name: str, *, width: int = 1280, height: int, stays: bool = False) -> Iterator[Page]:
    if lab.desk is not None:
        desk = lab.desk.notebook(lab.browser, name, width=width, height=height, stays=stays)
        with desk as opened, _told(opened, name):
            yield opened
    else:
        with browsers.page(lab.browser, lab.address(name), width=width, height=height) as opened:
            with _told(opened, name):
                yield opened
            opened.evaluate("() => jupyterapp.serviceManager.sessions.shutdownAll()")


@contextmanager
def _told(page: Page, name: str) -> Iterator[None]:
    """Add to a failure what the page showed then, as text and as a picture."""
    try:
        yield
    except Exception as error:
        if not page.is_closed():
            sights.shot(page, f"failed-{name}")
            error.add_note(f"The page showed:\n{page.inner_text('body')[-4000:]}\n{page.evaluate(_STATE)}")
        raise


def write_notebook(path: Path, *sources: str, hide_code: bool = False) -> Path:
    """Write a notebook with these cells; without a kernel's name JupyterLab would ask for one."""
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code",
            "id": f"cell-{number}",
            "source": source.strip(),
            "metadata": {"jupyter": {"source_hidden": hide_code}},
            "outputs": [],
            "execution_count": None,
        }
        for number, source in enumerate(sources)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def use_theme(page: Page, *, dark: bool) -> None:
    """Choose a theme, which the server remembers."""
    command(page, "apputils:change-theme", f'{{"theme": "JupyterLab {"Dark" if dark else "Light"}"}}')
    page.wait_for_selector(f"body[data-jp-theme-light={'false' if dark else 'true'}]", state="attached")


def run_all_cells(page: Page) -> None:
    """Start all cells, once there is a kernel; `wait_idle` waits for their end."""
    wait_idle(page)
    page.evaluate(_RUN_ALL)


def wait_idle(page: Page) -> None:
    """Wait until the kernel is there, and has nothing to do."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function(_IDLE, polling=50)


def interrupt(page: Page) -> None:
    """Press ■."""
    page.locator(".jp-NotebookPanel-toolbar [data-command='notebook:interrupt-kernel']").click()


def save(page: Page) -> None:
    command(page, "docmanager:save")


def command(page: Page, name: str, arguments: str = "{}") -> None:
    """Execute one of JupyterLab's commands, as its menus do."""
    page.evaluate(f"() => jupyterapp.commands.execute('{name}', {arguments})")


def _homes(home: Path) -> dict[str, str]:
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    return {name: str(home / name.lower()) for name in names} | {
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_PLATFORM_DIRS": "1",
    }


def _settle(home: Path) -> None:
    """Decline Jupyter's news, which would cover a corner of the page; and nothing is saved but by who asks for it."""
    for name, wanted in (
        ("apputils-extension/notification", {"fetchNews": "false", "checkForUpdates": False}),
        ("docmanager-extension/plugin", {"autosave": False}),
    ):
        settings = home / "jupyterlab_settings_dir" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(wanted))


def _address(process: "subprocess.Popen[bytes]", home: Path) -> str:
    """Wait for the file in which a server says where it listens, then for its first answer."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for file in (home / "jupyter_runtime_dir").glob("jpserver-*.json"):
            url = _told_url(file)
            if url is not None and _answers(f"{url}api/status"):
                return url
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {(home / 'lab.log').read_text()[-2000:]}")


def _told_url(file: Path) -> str | None:
    """Read where a server listens; None as long as it is still writing that."""
    try:
        return str(json.loads(file.read_text())["url"])
    except ValueError:
        return None


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server, which ends its kernels; the process is ours."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
