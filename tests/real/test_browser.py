"""What a person sees while a transfer runs in JupyterLab, whatever its layers are at: each state tells itself apart."""

import pytest

from tests.real import jupyter, panels, sights
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

_SUMMARY = "Pulled demo/shop:2.0 (linux/amd64): 7 blobs, 2.4 GB in 7 s, 1 was here already"

_TRANSFER = """
import time
from concurrent.futures import ThreadPoolExecutor
from ocinb.progress import State, Task
from ocinb.progress.widgets import WidgetProgress

layers = [
    ("5f70bf18a086", 29_126_484, "ADD rootfs.tar.xz /"),
    ("a3ed95caeb02", 187_400_123, "RUN apt-get update && apt-get install --yes --no-install-recommends gcc"),
    ("e1caac4eb9d2", 2_147_483_648, "COPY models /app/models"),
    ("b5d3f3e104bc", 41_020_555, "RUN pip install --requirement /app/requirements.txt"),
    ("4fe2ade4980c", 3_001_204, "COPY . /app <script>document.title = 'taken over'</script>"),
    ("0cd6d9bb6fd1", 1_204, "RUN useradd --system shop"),
    ("97c70bf18a08", 310_007_023, "RUN make --jobs 8 && make install"),
    ("config", 7_023, ""),
]
tasks = [Task(f"sha256:{label}", label, size, instruction) for label, size, instruction in layers]
seconds = dict(zip([task.label for task in tasks], [0, 0.5, 7, 6, 1, 5, 6, 1]))

def rest(seconds):
    for _ in range(100):  # where the machine stands still, one of them is too short, and the others are not
        time.sleep(seconds / 100)

def fetch(task):
    if task.label == "5f70bf18a086":
        return progress.state(task.key, State.PRESENT)
    if task.label == "config":
        rest(5)
    progress.state(task.key, State.DOWNLOADING)
    for step in range(100):
        time.sleep(seconds[task.label] / 100)
        progress.advance(task.key, task.total * (step + 1) // 100 - task.total * step // 100)
        if task.label == "0cd6d9bb6fd1" and step == 10:
            return progress.state(task.key, State.FAILED)
    progress.state(task.key, State.VERIFYING)
    rest(4 if task.label == "4fe2ade4980c" else 0)
    progress.state(task.key, State.DONE)

progress = WidgetProgress()
progress.start("Pulling demo/shop:2.0 (linux/amd64)", tasks)
with ThreadPoolExecutor(8) as pool:
    list(pool.map(fetch, tasks))
progress.finish("SUMMARY")
"""

# How each state is drawn: the class of the row, that of ipywidgets for the colour, and the word.
_DRAWN = """bars => bars.map(bar => [
    bar.className.match(/ocinb-(\\w+)/)?.[1],
    bar.querySelector('.progress-bar').className.match(/progress-bar-(\\w+)/)?.[1] ?? '',
    bar.querySelector('.widget-label').textContent.replace(/\\d+ %/, '%'),
].join(' '))"""
_ALL_STATES = """() => 'waiting downloading verifying done present failed'.split(' ').every(
    state => document.querySelector(`.ocinb-progress .ocinb-${state}`))"""
_STATES = {
    "waiting  waiting",
    "downloading  %",
    "verifying warning verifying",
    "done success done",
    "present info present",
    "failed danger failed",
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_state_has_a_look_of_its_own(lab: Lab, theme: str) -> None:
    code = _TRANSFER.replace("SUMMARY", _SUMMARY)
    with jupyter.run_again(lab, "states", code, dark=theme == "dark", hide_code=True) as page:
        early = panels.see(page, beyond=10)
        page.wait_for_function(_ALL_STATES)
        drawn = page.eval_on_selector_all(".ocinb-progress .ocinb-rows .widget-hprogress", _DRAWN)
        sights.shot(page, f"progress-{theme}")
        assert panels.faults(page) == []
        late = panels.see_later(page, early)
        sights.narrow(page, ".ocinb-progress")
        sights.shot(page, f"progress-{theme}-narrow")
        assert panels.faults(page) == []
        jupyter.wait_idle(page)
        sights.shot(page, f"progress-{theme}-end")
        assert page.inner_text(".jp-OutputArea-output").strip() == _SUMMARY
        assert page.locator(".ocinb-progress").count() == 0
        jupyter.save(page)
    assert set(drawn) == _STATES
    assert len(early.widths) == len(late.widths) == 9
    assert early.words != late.words
    assert early.total != late.total
    assert "MB/s" in late.total
    assert " left" in late.total
    assert "1 failed" in late.total
    (output,) = panels.saved_outputs(lab.directory / "states.ipynb")
    assert output["data"] == {"text/plain": [_SUMMARY]}
