"""In a real kernel: how many messages a pull sends, where its line stands, and what a saved notebook keeps of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from tests.patience import SECONDS

_PREPARE = """
import os, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor
import ocinb
from ocinb.progress import widgets
from ocinb.samples.images import compress_layer

widgets.SETTLED_SECONDS = 0.0
registry = ocinb.samples.registry(bandwidth=10_000)

def reference(count):
    size = {3: 8_000, 6: 20_000, 100: 2_000}[count]
    layers = [compress_layer(os.urandom(size), compression="none") for _ in range(count)]
    registry.put_image("demo/layers", layers, tag=str(count))
    return registry.reference(f"demo/layers:{count}")

def pull(count):
    with tempfile.TemporaryDirectory() as folder:
        return ocinb.pull(reference(count), destination=folder)
"""


@dataclass
class Run:
    """What a kernel said while it ran a cell."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["msg_type"] in kinds]

    def times(self, kind: str) -> list[datetime]:
        return [message["header"]["date"] for message in self.of(kind)]

    @property
    def shown(self) -> dict[str, dict[str, Any]]:
        """What stands below the cell in the end, by display."""
        return {
            message["content"]["transient"]["display_id"]: message["content"]["data"]
            for message in self.of("display_data", "update_display_data")
        }

    @property
    def error(self) -> str | None:
        return next((message["content"]["ename"] for message in self.of("error")), None)


@dataclass
class Kernel:
    """A kernel, and who talks to it."""

    manager: KernelManager
    client: BlockingKernelClient

    def run(self, code: str, *, interrupt_at: str | None = None) -> Run:
        """Run a cell to its end, and press ■ at the first message of some kind."""
        run, request = Run(), self.client.execute(code)
        while True:
            message = self.client.get_iopub_msg(timeout=SECONDS)
            if message["parent_header"].get("msg_id") != request:
                continue
            run.messages.append(message)
            if message["msg_type"] == interrupt_at:
                self.manager.interrupt_kernel()
                interrupt_at = None
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return run


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(extra_arguments=[f"--ProfileDir.location={tmp_path_factory.mktemp('profile')}"])
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=SECONDS)
        kernel = Kernel(manager, client)
        assert kernel.run(_PREPARE).error is None
        # What the first panel brings stays for all that follow.
        assert kernel.run("from ocinb.progress.widgets import _anchor; _anchor();").error is None
        yield kernel
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("layers", [6, 100])
def test_at_most_ten_messages_a_second_however_many_layers(kernel: Kernel, layers: int) -> None:
    run = kernel.run(f"frame = pull({layers})")
    assert run.error is None
    opened, closed, sent = len(run.of("comm_open")), len(run.of("comm_close")), run.times("comm_msg")[:-2]
    assert opened == closed, "nothing is left in the browser"
    assert 2 * layers < opened <= 2 * layers + 12, "a row is two widgets, and what they need besides is shared"
    assert len(sent) > 10
    # Each waits a tenth of a second after the one before; the hundredth is the clock's. The last two may show the line.
    assert min((later - now).total_seconds() for now, later in zip(sent, sent[10:], strict=False)) > 0.99
    (line,) = run.shown.values()
    assert line.keys() == {"text/plain"}
    assert f": {layers + 1} blobs" in line["text/plain"]


def test_what_is_here_already_is_told_in_one_line(kernel: Kernel) -> None:
    kernel.run("folder = tempfile.mkdtemp(); here = reference(3)")
    kernel.run("ocinb.pull(here, destination=folder, progress=False)")
    run = kernel.run("ocinb.pull(here, destination=folder); import shutil; shutil.rmtree(folder)")
    assert run.error is None
    (line,) = run.shown.values()
    assert line.keys() == {"text/plain"}
    assert "0 B fetched" in line["text/plain"]


@pytest.mark.parametrize(
    "code",
    [
        "thread = threading.Thread(target=pull, args=(3,)); thread.start(); thread.join()",
        "with ThreadPoolExecutor(2) as pool: list(pool.map(pull, (3, 3)))",
    ],
)
def test_a_pull_in_a_worker_thread_is_shown_below_the_cell_too(kernel: Kernel, code: str) -> None:
    run = kernel.run(code)
    assert run.error is None
    views = [message["content"]["data"] for message in run.of("display_data")]
    assert all("application/vnd.jupyter.widget-view+json" in view for view in views)
    assert len(run.shown) == len(views) == code.count("3")
    for line in run.shown.values():
        assert line.keys() == {"text/plain"}
        assert line["text/plain"].startswith("Pulled")
    assert len(run.of("comm_open")) == len(run.of("comm_close")) > 0


def test_an_interrupt_leaves_a_line_that_says_so(kernel: Kernel) -> None:
    run = kernel.run("pull(6)", interrupt_at="comm_msg")
    assert run.error == "KeyboardInterrupt"
    (line,) = run.shown.values()
    assert line.keys() == {"text/plain"}
    assert "stopped; what came is kept and resumed next time" in line["text/plain"]
    assert len(run.of("comm_open")) == len(run.of("comm_close")) > 0
    shown = "\n".join(run.of("error")[0]["content"]["traceback"])
    assert shown.count("line ") + shown.count("File ") <= 6, "nobody wants to read how deep it was"
    assert "urllib3" not in shown
    after = kernel.run("print([thread.name for thread in threading.enumerate() if thread.name.startswith('ocinb')])")
    assert after.of("stream")[0]["content"]["text"] == "[]\n", "no thread is left"


def test_a_failure_leaves_a_line_that_says_so(kernel: Kernel) -> None:
    kernel.run("wanted = reference(6); layer = ocinb.layers(wanted)['digest'][5]")
    kernel.run('fault = registry.fault(f"*/blobs/{layer}", status=404, times=None, delay=0.5)')
    run = kernel.run("ocinb.pull(wanted, destination=tempfile.mkdtemp())")
    kernel.run("fault.cancel()")
    assert run.error == "NotFoundError"
    (line,) = run.shown.values()
    assert "failed; what came is kept and resumed next time" in line["text/plain"]


def test_the_setting_draws_nothing(kernel: Kernel) -> None:
    run = kernel.run("ocinb.settings.progress = False\npull(3)\nocinb.settings.progress = True")
    assert run.error is None
    assert run.of("comm_open", "display_data", "stream") == []


def test_a_notebook_that_was_executed_keeps_the_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    cell = nbformat.v4.new_code_cell(f"{_PREPARE}\nframe = pull(3)")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", store_widget_state=False).execute()
    (output,) = notebook.cells[0].outputs
    assert output["data"].keys() == {"text/plain"}
    line = output["data"]["text/plain"]
    assert line.startswith("Pulled 127.0.0.1")
    assert "widget" not in json.dumps(notebook.cells[0].outputs) + json.dumps(notebook.metadata)
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert f"<pre>{line}</pre>" in page
    assert "widget-view+json" not in page
