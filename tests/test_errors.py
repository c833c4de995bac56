"""One tree of errors, each said in one line that can do no harm."""

import copy
import importlib
import linecache
import pickle
import pkgutil
import traceback
from pathlib import Path
from types import FunctionType

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ocinb
from ocinb import errors
from ocinb.errors import (
    AuthError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    OcinbError,
    RateLimitError,
    TransportError,
)

ALL = [OcinbError, TransportError, AuthError, RateLimitError, NotFoundError, InvalidError, IntegrityError]


@pytest.mark.parametrize("kind", ALL)
def test_an_error_keeps_what_it_knows_through_pickles_and_copies(kind: type[OcinbError]) -> None:
    error = kind("it broke", reference="app:1", url="https://a.b/c", hint="Try again")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert (twin.message, twin.reference, twin.url, twin.hint) == (
            "it broke",
            "app:1",
            "https://a.b/c",
            "Try again",
        )
        assert str(twin) == "app:1: it broke (https://a.b/c). Try again"


def _all_below(kind: type[OcinbError]) -> set[type[OcinbError]]:
    return {kind}.union(*map(_all_below, kind.__subclasses__()))


def test_every_error_is_called_what_people_can_import() -> None:
    # Those by which ocinb itself tells cases apart, wherever they are, have the name of their branch.
    for module in pkgutil.walk_packages(ocinb.__path__, "ocinb."):
        importlib.import_module(module.name)
    found = _all_below(OcinbError)
    assert len(found) > len(ALL)
    for kind in found:
        public = getattr(errors, kind.__name__)
        assert public in ALL
        assert issubclass(kind, public)
        error = kind("it broke", hint="Try again")
        assert traceback.format_exception_only(error) == [f"ocinb.errors.{public.__name__}: it broke. Try again\n"]
        twin = pickle.loads(pickle.dumps(error))
        assert (type(twin).__name__, twin.hint) == (public.__name__, "Try again")
        assert _built_in(twin) == _built_in(error), "such as TypeError, as which people may catch it too"
        assert isinstance(twin, public)
        assert _built_in(error) > _built_in(public("")) or type(twin) is public


def _built_in(error: OcinbError) -> set[type]:
    return {kind for kind in type(error).__mro__ if kind.__module__ == "builtins"}


@given(st.text(), st.none() | st.text(max_size=5), st.none() | st.text(max_size=5), st.none() | st.text(max_size=5))
def test_every_error_is_one_line(message: str, reference: str | None, url: str | None, hint: str | None) -> None:
    line = str(OcinbError(message, reference=reference, url=url, hint=hint))
    assert len(f"{line}.".splitlines()) == 1
    line.encode()


def test_a_notebook_shows_the_lines_that_people_wrote(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shell, mine = tmp_path / "IPython" / "core" / "shell_of_a_test.py", tmp_path / "mine_of_a_test.py"
    shell.parent.mkdir(parents=True)
    shell.write_text("import mine_of_a_test\n\nrun = mine_of_a_test.read\nrun('Python')\n", encoding="utf-8")
    mine.write_text("import ocinb\n\ndef read(name):\n    return ocinb.layers(name)\n", encoding="utf-8")
    for file in (shell, mine):
        monkeypatch.syspath_prepend(file.parent)
    with pytest.raises(InvalidError) as caught:
        importlib.import_module(shell.stem)
    assert caught.value._render_traceback_()[-4:] == [
        f"{mine}, in read\n----> 4 return ocinb.layers(name)",
        "",
        "InvalidError: 'Python' is not a reference: repository names are lower case",
        "→ Did you mean 'python'?",
    ]
    assert "run('Python')" not in "".join(caught.value._render_traceback_())


def test_a_cell_which_is_in_no_file_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(linecache.cache, "<cell>", (9, None, ["open_it()"], "<cell>"))
    cell = FunctionType(compile("open_it()", "<cell>", "exec"), {"open_it": lambda: ocinb.Reference("Python")})
    with pytest.raises(InvalidError) as caught:
        cell()
    assert "----> 1 open_it()" in caught.value._render_traceback_()
