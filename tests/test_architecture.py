"""The house stands as it was drawn: rooms know only what is below them, and each thing is known in one place."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import ocinb

ROOT = Path(ocinb.__file__).parent
# From the roof to the ground: a room imports only from rooms below it. The last are files on their own.
ROOMS = (
    "notebook catalog frames rootfs indexing scanning layer_index transfer sources auth network storage samples "
    "archive spec progress _belts _pipeline _pool _schemas _settings _credentials _imports _lazy _calls _arguments "
    "_suggestions errors _text"
).split()
FILES = sorted(ROOT.rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in FILES]


@cache
def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse(_text(name))


def _imports(name: str) -> Iterator[str]:
    """Give what a file imports, wherever in it, by full names; what comes from a module counts as one itself."""
    for node in ast.walk(_tree(name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports say in full where they lead"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(name: str) -> str:
    return Path(name).parts[0].removesuffix(".py")


def _own_imports(name: str) -> set[str]:
    """Give the files of the package that a file imports, as paths in it."""
    found = set()
    for module in _imports(name):
        parts = module.split(".")
        while parts[0] == "ocinb" and len(parts) > 1:
            place = "/".join(parts[1:])
            hits = {f"{place}.py", f"{place}/__init__.py"} & set(NAMES)
            found |= hits
            parts = ["ocinb"] if hits else parts[:-1]
    return found - {name}


def test_every_file_stands_in_a_room_of_the_plan() -> None:
    assert {_room(name) for name in NAMES} <= {*ROOMS, "__init__"}
    assert {"catalog", "frames", "sources", "storage", "samples", "spec", "progress"} <= {_room(name) for name in NAMES}


def test_a_room_imports_only_from_rooms_below() -> None:
    upwards = {name: _rooms_above(name) for name in NAMES if name != "__init__.py"}
    assert {name: rooms for name, rooms in upwards.items() if rooms} == {}


def _rooms_above(name: str) -> set[str]:
    """Give the rooms that a file imports from and that are not below its own."""
    return {_room(other) for other in _own_imports(name)} - set(ROOMS[ROOMS.index(_room(name)) :])


def test_no_file_imports_in_a_circle() -> None:
    todo = {name: _own_imports(name) for name in NAMES}
    assert sum(len(imported) for imported in todo.values()) > 100, "imports are found"
    while free := {name for name, imported in todo.items() if not imported & todo.keys()}:
        todo = {name: imported for name, imported in todo.items() if name not in free}
    assert todo == {}


def test_no_room_or_file_bears_a_public_name_of_its_package() -> None:
    modules = {path.stem for path in ROOT.iterdir() if path.suffix in ("", ".py") and path.stem != "__pycache__"}
    assert modules & set(ocinb.__all__) == {"errors", "samples"}, "these are public as modules"


def _who_imports(*packages: str) -> set[str]:
    return {
        name
        for name in NAMES
        for module in _imports(name)
        if any(module == package or module.startswith(f"{package}.") for package in packages)
    }


def test_one_place_knows_threads_in_pools() -> None:
    assert _who_imports("concurrent", "multiprocessing", "asyncio") == {"_pool.py"}


@pytest.mark.parametrize(
    ("packages", "rooms"),
    [
        (["duckdb"], {"catalog", "storage"}),
        (["requests", "requests_cache", "urllib3"], {"network", "storage"}),
        (["docker"], {"auth"}),
        (["ipywidgets", "tqdm"], {"progress"}),
        (["IPython"], {"notebook", "progress"}),
        (["humanize"], {"_text"}),
        (["bz2", "isal", "lzma", "zlib"], {"archive"}),
        (["platformdirs"], {"_settings"}),
        (["plotly"], {"notebook"}),
    ],
)
def test_each_library_is_known_in_its_room_alone(packages: list[str], rooms: set[str]) -> None:
    assert {_room(name) for name in _who_imports(*packages)} == rooms


def test_specifications_are_pure() -> None:
    forbidden = _who_imports("os", "io", "pathlib", "socket", "time", "threading", "subprocess", "tempfile", "logging")
    assert not [name for name in forbidden if _room(name) == "spec"]
    assert not [name for name in NAMES if _room(name) == "spec" and "open" in _calls(name)]


def _calls(name: str) -> set[str]:
    nodes = ast.walk(_tree(name))
    return {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_library_code_neither_prints_nor_asks() -> None:
    assert [name for name in NAMES if _calls(name) & {"print", "input", "breakpoint"}] == []


def test_a_file_says_why_it_exists_and_is_short() -> None:
    assert [name for name in NAMES if not ast.get_docstring(_tree(name))] == []
    lengths = {name: len(_text(name).splitlines()) for name in NAMES}
    assert {name: lines for name, lines in lengths.items() if lines > 500} == {}


def test_functions_are_short() -> None:
    lengths = {
        f"{name}: {node.name}": _body_lines(node)
        for name in NAMES
        for node in ast.walk(_tree(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert len(lengths) > 1000, "functions are found"
    assert {function: lines for function, lines in lengths.items() if lines > 40} == {}


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_nothing_is_left_for_later() -> None:
    words = ("TODO", "FIXME", "XXX", "HACK", "NotImplementedError")
    assert [(name, word) for name in NAMES for word in words if word in _text(name)] == []


def test_the_page_on_architecture_names_what_there_is() -> None:
    page = (ROOT.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_*/]+\.(?:py|sql))`", page))
    rooms = {_room(name) for name in NAMES if "/" in name}
    dotted = {one for one in re.findall(r"\b([a-z]+\.[a-z_]+)\b", page) if one.partition(".")[0] in rooms}
    assert len(named) > 30
    assert [one for one in named if not list(ROOT.glob(one.removeprefix("ocinb/")))] == []
    assert {f"{one.replace('.', '/')}.py" for one in dotted} - set(NAMES) == set()
