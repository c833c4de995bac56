"""The quickstart as a reader meets it: opened in JupyterLab, run to its end, bars and frames before their eyes."""

import shutil
from pathlib import Path

import pytest

from tests.real import jupyter

pytestmark = pytest.mark.real

NOTEBOOK = Path("notebooks/00-quickstart.ipynb")
SCREENSHOTS = Path("build/screenshots")
_LOOK_AGAIN_AND_AGAIN = """() => {
    window.ocinbSeen = new Set();
    setInterval(() => window.ocinbSeen.add(
        [...document.querySelectorAll('.ocinb-progress .progress-bar')].map(bar => bar.offsetWidth).join()
    ), 30);
}"""


def test_bars_move_and_frames_are_drawn(tmp_path: Path) -> None:
    shutil.copy(NOTEBOOK, tmp_path)
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    places = {"OCINB_STORE_DIR": str(tmp_path / "store"), "OCINB_CACHE_DIR": str(tmp_path / "cache")}
    with (
        jupyter.jupyter_lab(tmp_path, environment=places) as lab,
        jupyter.page(jupyter.notebook_url(lab, NOTEBOOK.name), height=3200) as page,
    ):
        page.evaluate(_LOOK_AGAIN_AND_AGAIN)  # a picture may take longer than the pull
        jupyter.run_all_cells(page)
        page.wait_for_selector(".ocinb-progress .progress-bar", state="attached", timeout=60_000)
        page.screenshot(path=SCREENSHOTS / "quickstart-pulling.png")
        jupyter.wait_idle(page, timeout=120)
        page.wait_for_selector("text=/^Pulled 127/")
        page.screenshot(path=SCREENSHOTS / "quickstart-done.png")
        tables = page.locator(".jp-OutputArea-output .ocinb-show table")
        assert tables.count() >= 5
        assert "linux/arm64" in tables.first.inner_text()
        assert page.locator(".ocinb-progress").count() == 0, "the bars give way to one line"
        assert page.locator(".js-plotly-plot .treemaplayer").count() == 1, "the picture is drawn"
        assert page.locator(".ocinb-explorer").count() == 1, "the explorer is there"
        assert page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        assert len(page.evaluate("() => [...window.ocinbSeen]")) > 2, "the bars move"
