"""The pictures of the README, taken of what there is; `make pictures` puts them into docs/pictures."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.real import explorers, jupyter
from tests.real.jupyter import Lab

pytestmark = pytest.mark.real

PICTURES = Path("build/pictures")
KEPT = Path("docs/pictures")
TREEMAP = """
import ocinb

registry = ocinb.samples.registry()
ocinb.plot.treemap(registry.reference("demo/shop:2.0"), platform="amd64", progress=False)
"""


def size_of(picture: Path) -> tuple[int, int]:
    """Read the width and the height of a PNG file, in pixels."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_the_explorer(lab: Lab) -> None:
    picture = PICTURES / "explorer.png"
    explorers.take_picture(lab, picture)
    width, height = size_of(picture)
    assert 1000 < width <= 1200
    assert 500 < height < 1000


def test_a_treemap(lab: Lab) -> None:
    picture = PICTURES / "treemap.png"
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = jupyter.write_notebook(lab.directory / "treemap.ipynb", TREEMAP, hide_code=True)
    with jupyter.notebook(lab, path.name, width=1200, height=1000) as page:
        jupyter.command(page, "application:toggle-left-area")
        jupyter.run_all_cells(page)
        page.wait_for_selector(".js-plotly-plot .main-svg")
        jupyter.wait_idle(page)
        page.mouse.move(0, 0)
        page.locator(".js-plotly-plot").screenshot(path=picture)
    width, height = size_of(picture)
    assert 900 < width <= 1200
    assert 400 < height < 1000


@pytest.mark.parametrize("name", ["explorer.png", "treemap.png"])
def test_the_readme_has_them(name: str) -> None:
    assert f"](docs/pictures/{name})" in Path("README.md").read_text(encoding="utf-8")
    width, _ = size_of(KEPT / name)
    assert width > 900
