"""What `ocinb` offers is what its stub says, is documented, and costs nothing before it is used."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import ocinb

ROOT = Path(ocinb.__file__).parent
HEAVY = [
    "requests",
    "requests_cache",
    "urllib3",
    "pandas",
    "numpy",
    "duckdb",
    "ipywidgets",
    "IPython",
    "tqdm",
    "humanize",
    "plotly",
]


def _stub() -> dict[str, str]:
    """Give each name in the stub with the module that it says it comes from."""
    tree = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: str(node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


PUBLIC = sorted(_stub())


def test_the_stub_and_the_module_offer_the_same() -> None:
    tree = ast.parse((ROOT / "__init__.pyi").read_text(encoding="utf-8"))
    [listed] = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    assert ast.literal_eval(listed) == ocinb.__all__ == PUBLIC
    assert [name for name in dir(ocinb) if not name.startswith("__")] == PUBLIC


@pytest.mark.parametrize("module", [ocinb.errors, ocinb.samples, ocinb.plot])
def test_completion_shows_what_people_use(module: Any) -> None:
    assert dir(module) == module.__all__


@pytest.mark.parametrize("name", PUBLIC)
def test_each_name_comes_from_where_the_stub_says(name: str) -> None:
    home = importlib.import_module(_stub()[name])
    assert getattr(ocinb, name) is getattr(home, name)
    assert getattr(ocinb, name) is getattr(ocinb, name)


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert ocinb.__version__ == project["version"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("zzz", "module 'ocinb' has no attribute 'zzz'"),
        ("layer", "module 'ocinb' has no attribute 'layer'. Did you mean 'layers'?"),
        ("catalogue", "module 'ocinb' has no attribute 'catalogue'"),
        ("treemap", "module 'ocinb' has no attribute 'treemap'. Did you mean 'plot.treemap'?"),
        ("_private", "module 'ocinb' has no attribute '_private'"),
    ],
)
def test_an_unknown_name_is_an_attribute_error(name: str, message: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(ocinb, name)
    assert str(caught.value).startswith(message)
    assert not hasattr(ocinb, name)


def _imported_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    return set(output.split())


def test_importing_it_imports_nothing_heavy_and_none_of_its_rooms() -> None:
    modules = _imported_by("import ocinb")
    assert not modules & set(HEAVY)
    assert {name for name in modules if name.startswith("ocinb")} == {"ocinb", "ocinb._lazy"}


def test_references_settings_and_errors_need_nothing_heavy() -> None:
    modules = _imported_by("import ocinb\nocinb.Reference('python'), ocinb.settings.tag_ttl, ocinb.errors.OcinbError")
    assert not modules & set(HEAVY)


def test_tables_need_no_widgets_and_no_database() -> None:
    modules = _imported_by("import ocinb\nocinb.layers")
    assert not modules & {"duckdb", "ipywidgets", "IPython", "tqdm"}


NUMPYDOC = ["Parameters", "Attributes", "Returns", "Raises", "Notes", "Examples"]
FUNCTIONS = {
    **{name: getattr(ocinb, name) for name in PUBLIC if inspect.isfunction(getattr(ocinb, name))},
    "samples.registry": ocinb.samples.registry,
    **{f"plot.{name}": getattr(ocinb.plot, name) for name in ocinb.plot.__all__},
}
METHODS = {
    f"Catalog.{name}": getattr(ocinb.Catalog, name)
    for name in dir(ocinb.Catalog)
    if inspect.isroutine(getattr(ocinb.Catalog, name)) and not name.startswith("_")
}
CLASSES = {name: getattr(ocinb, name) for name in PUBLIC if inspect.isclass(getattr(ocinb, name))}


def _sections(thing: Any) -> dict[str, str]:
    """Give the text under each underlined title of a docstring."""
    parts = re.split(r"^(\w+)\n-+$", inspect.getdoc(thing) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _parameters(thing: Any) -> set[str]:
    return set(inspect.signature(thing).parameters) - {"self"}


def _documented(thing: Any) -> set[str]:
    names = re.findall(r"^(\w+(?:, \w+)*)(?: : .*)?$", _sections(thing).get("Parameters", ""), flags=re.MULTILINE)
    return {name for line in names for name in line.split(", ")}


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS, "Catalog", "Reference"])
def test_the_parameters_of_everything_public_are_documented_and_no_others(name: str) -> None:
    thing = {**FUNCTIONS, **METHODS, **CLASSES}[name]
    assert _documented(thing) == _parameters(thing)


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS, *CLASSES])
def test_docstrings_have_the_sections_of_numpydoc_in_its_order(name: str) -> None:
    thing = {**FUNCTIONS, **METHODS, **CLASSES}[name]
    titles = list(_sections(thing))
    assert len((inspect.getdoc(thing) or "").split()) >= 3
    assert titles == [title for title in NUMPYDOC if title in titles]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_public_function_says_what_it_takes_gives_and_raises_and_shows_it(name: str) -> None:
    sections = _sections(FUNCTIONS[name])
    assert sections.keys() >= {"Parameters", "Returns", "Raises", "Examples"}
    assert ">>> " in sections["Examples"]
