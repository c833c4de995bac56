"""A pull in JupyterLab: watched, stopped by ■ and taken up again, whatever strangers wrote into their images."""

import pytest
from playwright.sync_api import Page

from tests.real import jupyter, panels, sights, strangers
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

# A second run of the notebook finds the registry where the first has put it.
_REGISTRY = f"""{strangers.IMPORT}
import tempfile

if "reference" not in globals():
    slow = ocinb.samples.registry(bandwidth=60_000)
    reference = strangers.put_thick_image(slow, LAYERS, SIZE)
    folder = tempfile.mkdtemp()
"""
_PULL = "frame = ocinb.pull(reference, destination=folder)"
_OUTCOMES = "frame['outcome'].value_counts().to_dict()"
_OTHER = """
import pathlib, subprocess, sys, time
code = "import sys, ocinb; ocinb.pull(sys.argv[1], destination=sys.argv[2], progress=False)"
other = subprocess.Popen([sys.executable, "-c", code, reference, folder])
def begun():
    try:
        return sum(part.stat().st_size > 0 for part in pathlib.Path(folder).glob(".ocinb/parts/*"))
    except FileNotFoundError:  # the config was completed before it was looked at
        return 0
while begun() < 3: time.sleep(0.05)
"""
_LEFT = """
import threading
sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("ocinb"))
"""
_IN_SIGHT = """() => [...document.querySelectorAll('.ocinb-progress .ocinb-rows .widget-hprogress')]
    .map(bar => [bar.getBoundingClientRect().top, bar.querySelector('.widget-label').textContent])
    .sort((one, other) => one[0] - other[0]).map(([top, word]) => word)"""


def _notebook(lab: Lab, name: str, *cells: str, layers: int, size: int) -> str:
    registry = _REGISTRY.replace("LAYERS", str(layers)).replace("SIZE", str(size))
    return jupyter.write_notebook(lab.directory / f"{name}.ipynb", registry, *cells, hide_code=True).name


def _outputs(page: Page) -> list[str]:
    return page.locator(".jp-OutputArea-output").all_inner_texts()


def _percent(word: str) -> int:
    return int(word.removesuffix(" %"))


@pytest.mark.parametrize(("theme", "layers"), [("light", 40), ("dark", 9)])
def test_every_layer_has_a_row_and_no_stranger_runs_or_spoils_it(lab: Lab, theme: str, layers: int) -> None:
    name = f"pull-{layers}-{theme}"
    with jupyter.notebook(lab, _notebook(lab, name, _PULL, layers=layers, size=600_000), dark=theme == "dark") as page:
        jupyter.run_all_cells(page)
        early = panels.see(page, beyond=5)
        late = panels.see_later(page, early)
        page.wait_for_selector(".ocinb-progress .ocinb-done", state="attached")
        # Of few rows each keeps its place; of many those come last that are over.
        assert page.evaluate(_IN_SIGHT).index("done") == (2 if layers == 9 else 39)
        sights.shot(page, f"panel-{layers}-{theme}")
        assert panels.faults(page) == []
        sights.narrow(page, ".ocinb-progress")
        sights.shot(page, f"panel-{layers}-{theme}-narrow")
        assert panels.faults(page) == []
        rows = page.locator(".ocinb-progress .ocinb-rows")
        assert rows.locator(".ocinb-label").count() == layers
        assert rows.bounding_box()["height"] <= 451  # type: ignore[index]  # it is seen
        assert sights.canary(page, ".ocinb-progress") is None
        jupyter.interrupt(page)
        jupyter.wait_idle(page)
    assert len(late.widths) == layers + 1
    assert early.words != late.words
    assert "kB/s" in late.total
    assert " left" in late.total


def test_a_stopped_pull_says_so_and_the_next_one_resumes(lab: Lab) -> None:
    name = _notebook(lab, "stopped", _PULL, _OUTCOMES, _LEFT, layers=6, size=240_000)
    with jupyter.notebook(lab, name) as page:
        jupyter.run_all_cells(page)
        stopped = panels.see(page, beyond=40)
        jupyter.interrupt(page)
        jupyter.wait_idle(page)
        line, error = _outputs(page)
        sights.shot(page, "panel-stopped")
        assert line.endswith("stopped; what came is kept and resumed next time")
        assert error.rstrip().endswith("KeyboardInterrupt:")
        assert error.count("\n") < 40, "nobody wants to read how deep it was"
        assert page.locator(".ocinb-progress").count() == 0
        jupyter.run_all_cells(page)
        again = panels.see(page, beyond=1)
        jupyter.wait_idle(page)
        line, outcomes, threads = _outputs(page)
        sights.shot(page, "panel-resumed")
        jupyter.save(page)
    assert _percent(again.words[-1]) >= _percent(stopped.words[-1]) > 0, "it goes on where it was"
    assert line.startswith("Pulled 127.0.0.1")
    assert outcomes == "{'resumed': 5, 'present': 2}", "one was whole, and the config came before"
    assert threads == "[]"
    (saved,) = panels.saved_outputs(lab.directory / name, 1)
    assert saved["data"].keys() == {"text/plain"}


def test_while_another_process_fetches_them_one_sees_how_far_it_is(lab: Lab) -> None:
    name = _notebook(lab, "together", _OTHER, _PULL, _OUTCOMES, layers=4, size=400_000)
    with jupyter.notebook(lab, name) as page:
        jupyter.run_all_cells(page)
        early = panels.see(page, beyond=5)
        sights.shot(page, "panel-together")
        assert panels.faults(page) == []
        panels.see_later(page, early)
        sights.narrow(page, ".ocinb-progress")
        sights.shot(page, "panel-together-narrow")
        assert panels.faults(page) == []
        jupyter.wait_idle(page)
        line, outcomes = _outputs(page)
    waiting = [word.removeprefix("waiting ") for word in early.words[:-1]]
    assert sum(_percent(word) > 0 for word in waiting if word.endswith(" %")) == 3, "but for the small one"
    assert "another process fetches " in early.total
    assert " 0 B fetched in " in line
    assert outcomes == "{'present': 5}"


def test_what_takes_no_time_leaves_lines_and_no_widget_that_failed(lab: Lab) -> None:
    pulls = [f"for _ in range(3): {_PULL}", "import threading", _PULL]
    name = _notebook(lab, "present", *pulls, layers=40, size=1_000)
    with jupyter.notebook(lab, name) as page:
        jupyter.run_all_cells(page)
        jupyter.wait_idle(page)
        shown = "\n".join(_outputs(page))
        assert shown.count("Pulled 127.0.0.1") == 4
        assert shown.count("0 B fetched") == 3
        assert "displaying widget" not in page.inner_text("body")
        assert page.locator(".jupyter-widgets").count() == 0
