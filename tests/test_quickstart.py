"""The notebook that people open first, run from its first cell to its last as `make demo` runs it."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat

from tests import lessons

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "notebooks" / "00-quickstart.ipynb"


def test_it_is_committed_without_outputs_and_short() -> None:
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert len(cells) <= 11, "the parameter, and ten short cells"
    assert max(len(cell.source.splitlines()) for cell in cells) <= 6
    assert [cell.outputs for cell in cells] == [[]] * len(cells)
    assert [cell.execution_count for cell in cells] == [None] * len(cells)


def test_one_cell_alone_says_which_image() -> None:
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert sources[0].endswith("IMAGE = None")
    assert not [source for source in sources[2:] if "IMAGE" in source or "demo/" in source]


def test_make_demo_runs_it_and_leaves_a_page(tmp_path: Path) -> None:
    build = tmp_path / "build"
    done = subprocess.run(
        [sys.executable, "notebooks/demo.py", str(build)],
        cwd=ROOT,
        env={**lessons.strict(tmp_path), "PYTHONWARNINGS": "error::ResourceWarning"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "linux/arm64" in done.stdout
    assert "attestation" in done.stdout
    assert "hidden_in" in done.stdout
    assert "saved_bytes" in done.stdout
    assert str(build / "quickstart.html") in done.stdout
    assert (build / "store" / "oci-layout").exists()
    page = (build / "quickstart.html").read_text(encoding="utf-8")
    assert "Pulled 127.0.0.1:" in page
    assert "downloaded" in page
    assert "hidden, striped" in page, "the picture is drawn"
    assert "Largest folders" in page, "the explorer has a summary"
    assert "application/vnd.jupyter.widget" not in page
    assert re.findall(r'<(?:script|link|img|iframe)[^<>]*\s(?:src|href)="[^"]+"', page) == [], "it is all in one file"
    assert ".ipynb" not in page, "the other notebooks do not lie beside it"
    assert "Traceback" not in page
    assert lessons.asked(tmp_path) == []
