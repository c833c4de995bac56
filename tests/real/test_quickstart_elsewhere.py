"""The quickstart runs unchanged on any other image, once its parameter names one."""

import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.real.realimages import RealImages

pytestmark = pytest.mark.real

NOTEBOOK = Path("notebooks/00-quickstart.ipynb")
PARAMETER = "IMAGE = None"


@pytest.mark.parametrize("name", ["index", "busybox_docker", "debian_oci"])
def test_it_runs_on_an_image_of_a_real_registry(
    name: str, real_images: RealImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = getattr(real_images, name)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    [cell] = [cell for cell in notebook.cells if cell.cell_type == "code" and PARAMETER in cell.source]
    cell.source = cell.source.replace(PARAMETER, f"IMAGE = {image!r}")
    for kind in ("store", "cache"):
        monkeypatch.setenv(f"OCINB_{kind.upper()}_DIR", str(tmp_path / kind))
    kernel = ["--ip=127.0.0.1", "--IPKernelApp.log_level=ERROR"]
    client = NotebookClient(notebook, timeout=120, extra_arguments=kernel, resources={"metadata": {"path": os.curdir}})
    executed = client.execute()
    shown = "\n".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for cell in executed.cells
        for output in cell.get("outputs", ())
    )
    assert f"Pulled {image}: " in shown
    assert "downloaded" in shown
    assert "Error" not in shown
