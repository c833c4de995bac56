"""What a person sees while a transfer runs in JupyterLab: bars that move, and one plain line that stays."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.real import jupyter
from tests.real.tools import require

pytestmark = pytest.mark.real

_SCREENSHOTS = Path("build/screenshots")
_SUMMARY = "Pulled demo/shop:2.0 (linux/amd64): 7 blobs, 2.4 GB in 7 s, 1 was here already"

_TRANSFER = """
import time
from concurrent.futures import ThreadPoolExecutor
from ocinb.progress import State, Task, WidgetProgress

layers = [
    ("5f70bf18a086", 29_126_484, "ADD rootfs.tar.xz /"),
    ("a3ed95caeb02", 187_400_123, "RUN apt-get update && apt-get install --yes --no-install-recommends gcc"),
    ("e1caac4eb9d2", 2_147_483_648, "COPY models /app/models"),
    ("b5d3f3e104bc", 41_020_555, "RUN pip install --requirement /app/requirements.txt"),
    ("4fe2ade4980c", 3_001_204, "COPY . /app <script>document.title = 'taken over'</script>"),
    ("0cd6d9bb6fd1", 1_204, "RUN useradd --system shop"),
    ("config", 7_023, ""),
]
tasks = [Task(f"sha256:{label}", label, size, instruction) for label, size, instruction in layers]
seconds = dict(zip([task.label for task in tasks], [0, 4, 7, 5, 2, 6, 1]))

def fetch(task):
    if task.label == "5f70bf18a086":
        return progress.state(task.key, State.PRESENT)
    progress.state(task.key, State.DOWNLOADING)
    for step in range(100):
        time.sleep(seconds[task.label] / 100)
        progress.advance(task.key, task.total * (step + 1) // 100 - task.total * step // 100)
        if task.label == "0cd6d9bb6fd1" and step == 30:
            return progress.state(task.key, State.FAILED)
    progress.state(task.key, State.VERIFYING)
    time.sleep(2)
    progress.state(task.key, State.DONE)

summary = "SUMMARY"
progress = WidgetProgress()
progress.start("Pulling demo/shop:2.0 (linux/amd64)", tasks)
try:
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(fetch, tasks))
    STOP
except KeyboardInterrupt:
    summary = "Interrupted: nothing is lost"
finally:
    progress.finish(summary)
"""

_TOTAL_IS_BEYOND = """width => {
    const bars = [...document.querySelectorAll('.ocinb-progress .progress-bar')];
    return bars.length && bars.at(-1).getBoundingClientRect().width > width;
}"""


@dataclass(frozen=True)
class Sight:
    """What the bars look like at one moment."""

    widths: list[float]
    words: list[str]
    total: str


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="module")
def lab(directory: Path) -> Iterator[str]:
    require("chromium")  # before a server is started for nobody
    with jupyter.jupyter_lab(directory) as url:
        yield url


def _transfer(*, stop: str = "") -> str:
    return _TRANSFER.replace("SUMMARY", _SUMMARY).replace("STOP", stop)


def _see(page: Page, *, beyond: float) -> Sight:
    """Look at the bars as soon as the total's is longer than some pixels."""
    page.wait_for_function(_TOTAL_IS_BEYOND, arg=beyond)
    widths = "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    return Sight(
        page.eval_on_selector_all(".ocinb-progress .progress-bar", widths),
        page.locator(".ocinb-progress .widget-hprogress > .widget-label").all_inner_texts(),
        page.inner_text(".ocinb-progress .widget-html.ocinb-total .ocinb-detail"),
    )


def _shot(page: Page, name: str) -> None:
    _SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=_SCREENSHOTS / f"{name}.png")


def _saved_output(path: Path) -> Any:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert "widgets" not in notebook["metadata"]
    (output,) = notebook["cells"][0]["outputs"]
    return output["data"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_move_and_leave_one_line(directory: Path, lab: str, theme: str) -> None:
    path = jupyter.write_notebook(directory / f"{theme}.ipynb", _transfer(), hide_code=True)
    with jupyter.page(jupyter.notebook_url(lab, path.name)) as page:
        jupyter.wait_idle(page)
        if theme == "dark":
            jupyter.use_dark_theme(page)
        jupyter.run_all_cells(page)
        early = _see(page, beyond=20)
        late = _see(page, beyond=early.widths[-1] + 40)
        _shot(page, f"progress-{theme}")
        jupyter.wait_idle(page)
        _shot(page, f"progress-{theme}-end")
        assert page.inner_text(".jp-OutputArea-output").strip() == _SUMMARY
        assert page.locator(".ocinb-progress").count() == 0
        assert "taken over" not in page.title()
        jupyter.save(page)
    assert len(early.widths) == len(late.widths) == 8
    assert sum(late.widths[:-1]) > sum(early.widths[:-1]) + 40
    assert early.words != late.words
    assert "present" in late.words
    assert early.total != late.total
    assert "MB/s" in late.total
    assert " left" in late.total
    assert _saved_output(path) == {"text/plain": [_SUMMARY]}


def test_the_kernels_interrupt_stops_it(directory: Path, lab: str) -> None:
    path = jupyter.write_notebook(directory / "interrupted.ipynb", _transfer(stop="time.sleep(60)"))
    with jupyter.page(jupyter.notebook_url(lab, path.name)) as page:
        jupyter.run_all_cells(page)
        _see(page, beyond=20)
        jupyter.interrupt(page)
        jupyter.wait_idle(page)
        assert page.locator(".ocinb-progress").count() == 0
        jupyter.save(page)
    assert _saved_output(path) == {"text/plain": ["Interrupted: nothing is lost"]}
