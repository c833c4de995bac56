"""The quickstart as a reader meets it: opened in JupyterLab, run to its end, bars and frames before their eyes."""

from pathlib import Path

import nbformat
import pytest

from tests.real import jupyter, sights
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

NOTEBOOK = Path("notebooks/00-quickstart.ipynb")
_LOOK_AGAIN_AND_AGAIN = """() => {
    window.ocinbWidths = new Set();
    window.ocinbLooking = setInterval(() => window.ocinbWidths.add(
        [...document.querySelectorAll('.ocinb-progress .progress-bar')].map(bar => bar.offsetWidth).join()
    ), 30);
}"""

_SEEN = """() => {
    clearInterval(window.ocinbLooking);
    return [...window.ocinbWidths];
}"""


def _copy(path: Path, place: Path) -> None:
    """Put a cell before the first one: the lab is everybody's, and the bars are for what is not in its store yet."""
    quickstart = nbformat.read(NOTEBOOK, as_version=4)
    places = {f"OCINB_{kind}_DIR": str(place / kind) for kind in ("STORE", "CACHE")}
    quickstart.cells.insert(0, nbformat.v4.new_code_cell(f"import os\n\nos.environ |= {places}"))
    nbformat.write(quickstart, path)


def test_bars_move_and_frames_are_drawn(lab: Lab, tmp_path: Path) -> None:
    _copy(lab.directory / NOTEBOOK.name, tmp_path)
    with jupyter.notebook(lab, NOTEBOOK.name, height=3200) as page:
        page.evaluate(_LOOK_AGAIN_AND_AGAIN)  # a picture may take longer than the pull
        jupyter.run_all_cells(page)
        page.wait_for_selector(".ocinb-progress .progress-bar", state="attached")
        sights.shot(page, "quickstart-pulling")
        jupyter.wait_idle(page)
        page.wait_for_selector("text=/^Pulled 127/")
        sights.shot(page, "quickstart-done")
        tables = page.locator(".jp-OutputArea-output .ocinb-show table")
        assert tables.count() >= 5
        assert tables.filter(has_text="linux/arm64").count() > 0
        assert page.locator(".ocinb-progress").count() == 0, "the bars give way to one line"
        assert page.locator(".js-plotly-plot .treemaplayer").count() == 1, "the picture is drawn"
        assert page.locator(".ocinb-explorer").count() == 1, "the explorer is there"
        assert page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']").count() == 0
        assert len(page.evaluate(_SEEN)) > 2, "the bars move"
