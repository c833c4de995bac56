"""`ocinb.plot` is a module that shows its eight functions, and loads plotly when one of them draws."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import ocinb
from ocinb.errors import InvalidError, OcinbError
from ocinb.samples import SampleRegistry
from tests.notebook.plot import frames

ROOT = Path(ocinb.__file__).parent / "notebook" / "plot"
NAMES = ["compression", "duplicates", "growth", "icicle", "layers", "shared", "treemap", "waterfall"]


def _stub() -> dict[str, str]:
    tree = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


@pytest.mark.parametrize("kind", [OcinbError, ImportError])
def test_without_plotly_it_says_how_to_get_it(kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ocinb.notebook.plot.chart", raising=False)
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(kind, match=r"pip install 'ocinb\[plot\]'") as caught:
        ocinb.plot.layers(frames.layers({"compressed_bytes": 5}))
    assert type(caught.value).__name__ == "OcinbError"


@pytest.mark.parametrize("name", NAMES)
def test_a_mistyped_keyword_is_told(name: str) -> None:
    with pytest.raises(InvalidError, match="Did you mean 'platform'"):
        getattr(ocinb.plot, name)("python", platfrom="arm64")


@pytest.mark.parametrize("name", NAMES)
def test_people_can_set_their_own_title(name: str, registry: SampleRegistry) -> None:
    image = registry.reference("demo/shop:2.0")
    watched = {} if name in ("shared", "waterfall", "growth") else {"progress": False}
    with ocinb.Catalog() as catalog:
        catalog.add(image, progress=False)
        subject = catalog if name == "growth" else [image]
        figure = getattr(ocinb.plot, name)(subject, platform="amd64", title="For <my> talk", **watched)
    assert figure.layout.title.text == "<b>For &lt;my&gt; talk</b>"
    assert "For <my> talk: " in figure.alt


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("top", [0, -1, True, "3"])
def test_top_is_a_number_from_one_up(name: str, top: object) -> None:
    with pytest.raises(InvalidError, match="top takes a number from 1 up"):
        getattr(ocinb.plot, name)("python", top=top)
