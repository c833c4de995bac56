"""One tree of errors, each said in one line that can do no harm."""

import copy
import importlib
import inspect
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
    MAX_CHARACTERS,
    AuthError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    OcinbError,
    RateLimitError,
    TransportError,
)

ALL = [OcinbError, TransportError, AuthError, RateLimitError, NotFoundError, InvalidError, IntegrityError]


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (OcinbError, (Exception,)),
        (TransportError, (OcinbError,)),
        (AuthError, (TransportError,)),
        (RateLimitError, (TransportError,)),
        (NotFoundError, (OcinbError, LookupError)),
        (InvalidError, (OcinbError, ValueError)),
        (IntegrityError, (OcinbError,)),
    ],
)
def test_the_tree(kind: type[OcinbError], parents: tuple[type, ...]) -> None:
    assert kind.__bases__ == parents


def test_all_of_the_tree_is_public_and_nothing_else() -> None:
    classes = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, Exception)}
    assert classes == set(errors.__all__) == {kind.__name__ for kind in ALL}


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OcinbError("it broke"), "it broke"),
        (OcinbError("it broke", hint="Try again"), "it broke. Try again"),
        (OcinbError("it broke", reference="app:1"), "app:1: it broke"),
        (OcinbError("app:1 broke", reference="app:1"), "app:1 broke"),
        (OcinbError("'app:1' broke", reference="app:1"), "'app:1' broke"),
        (OcinbError("app:1. It broke", reference="app:1"), "app:1. It broke"),
        (OcinbError("application broke", reference="app"), "app: application broke"),
        (OcinbError("app:12 broke", reference="app:1"), "app:1: app:12 broke"),
        (OcinbError("my/app broke", reference="app"), "app: my/app broke"),
        (OcinbError("app@sha256:0 broke", reference="app"), "app: app@sha256:0 broke"),
        (OcinbError("it broke", url="https://a.b/c"), "it broke (https://a.b/c)"),
        (OcinbError("https://a.b/c broke", url="https://a.b/c"), "https://a.b/c broke"),
        (OcinbError("https://a.b/c/d broke", url="https://a.b/c"), "https://a.b/c/d broke (https://a.b/c)"),
        (OcinbError("it broke", reference="a.*", url="u", hint="Wait"), "a.*: it broke (u). Wait"),
    ],
)
def test_what_is_known_stands_in_one_line_and_once(error: OcinbError, line: str) -> None:
    assert str(error) == line


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


def test_a_reference_that_is_found_out_later_is_told() -> None:
    error = NotFoundError("there is no such tag")
    error.reference = "app:1"
    assert str(error) == "app:1: there is no such tag"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\x1b[2J\x07\x00\x7f\x9b", r"\x1b[2J\x07\x00\x7f\x9b"),
        ("a\u202eb\u2066c\u200fd\u061ce", r"a\u202eb\u2066c\u200fd\u061ce"),
        ("a\u2028b\u2029c\x85d", r"a\u2028b\u2029c\x85d"),
        ("\ud800", r"\ud800"),
    ],
)
def test_strangers_text_is_shown_as_escapes_wherever_it_stands(text: str, shown: str) -> None:
    assert str(OcinbError(text)) == shown
    assert str(OcinbError("m", reference=text, url=text, hint=text)) == f"{shown}: m ({shown}). {shown}"


@given(st.text(), st.none() | st.text(max_size=5), st.none() | st.text(max_size=5), st.none() | st.text(max_size=5))
def test_every_error_is_one_line(message: str, reference: str | None, url: str | None, hint: str | None) -> None:
    line = str(OcinbError(message, reference=reference, url=url, hint=hint))
    assert len(f"{line}.".splitlines()) == 1
    line.encode()


def test_a_document_in_a_message_is_cut() -> None:
    line = str(InvalidError("x" * 1_000_000))
    assert line == "x" * MAX_CHARACTERS + "…"


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
