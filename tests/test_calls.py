"""Who mistypes a keyword, a choice, or how something is called, is told how it is written; all else stays as it was."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

import ocinb
from ocinb._arguments import check_choice, suggesting
from ocinb._suggestions import near_names
from ocinb.errors import InvalidError, OcinbError


def _public() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Give everything public that people call, by its name."""
    for name in ocinb.__all__:
        thing = getattr(ocinb, name)
        if name in ("errors", "Progress"):  # made by us, and asked by us
            continue
        if isinstance(thing, ModuleType):
            listed = [one for one in thing.__all__ if inspect.isfunction(getattr(thing, one))]
            yield from ((f"{name}.{one}", getattr(thing, one)) for one in listed)
        elif inspect.isfunction(thing):
            yield name, thing
        elif inspect.isclass(thing):
            yield name, thing
            yield from ((f"{name}.{one}", method) for one, method in _methods(thing))
    yield from ((f"store.{name}", method) for name, method in _methods(type(ocinb.store)))


def _methods(kind: type) -> list[tuple[str, Callable[..., Any]]]:
    return [(name, one) for name, one in inspect.getmembers(kind, inspect.isroutine) if not name.startswith("_")]


PUBLIC = dict(_public())
METHODS = [name for name in PUBLIC if "." in name and inspect.signature(PUBLIC[name]).parameters.get("self")]


def _called(name: str, *args: Any, **kwargs: Any) -> OcinbError:
    """Call something public as it does not take it."""
    function = PUBLIC[name]
    first = [_object(name)] if name in METHODS else []
    with pytest.raises(TypeError) as caught:
        function(*first, *args, **kwargs)
    assert isinstance(caught.value, InvalidError)
    return caught.value


def _object(name: str) -> Any:
    kind = name.partition(".")[0]
    made: dict[str, Callable[[], object]] = {
        "Catalog": ocinb.Catalog,
        "Reference": lambda: ocinb.Reference("app"),
        "store": lambda: ocinb.store,
    }
    return made[kind]()


@pytest.mark.parametrize("name", PUBLIC)
def test_an_unknown_keyword_is_told_and_which_one_was_meant(name: str) -> None:
    error = _called(name, zzzzzz=1)
    assert error.message == f"{name.rpartition('.')[2]}: unknown keyword 'zzzzzz'"
    assert error.hint is not None
    assert error.hint.startswith("It takes ")
    for parameter in inspect.signature(PUBLIC[name]).parameters:
        if parameter != "self":
            near = _called(name, **{f"{parameter}x": 1})
            assert near.hint == f"Did you mean {parameter!r}?"


@pytest.mark.parametrize("name", PUBLIC)
def test_too_much_without_a_keyword_is_refused_with_words_about_how_to_write_it(name: str) -> None:
    error = _called(name, *["x"] * 9)
    assert "not 9" in error.message
    assert name.rpartition(".")[2] in str(error.hint)


@pytest.mark.parametrize("name", PUBLIC)
def test_signatures_words_and_sources_are_those_of_the_function(name: str) -> None:
    function = PUBLIC[name]
    assert inspect.getdoc(function)
    if not inspect.isclass(function):
        assert "**kwargs" not in str(inspect.signature(function))
        assert "def call(" not in inspect.getsource(function)
        assert "def " in inspect.getsource(function)


def test_an_error_about_a_call_is_a_type_error_in_another_process_too() -> None:
    error = _called("layers", "app", platfrom="arm64")
    for _ in range(2):  # from one process to another, and on from there
        error = pickle.loads(pickle.dumps(error))
        assert isinstance(error, TypeError)
        assert isinstance(error, InvalidError)
        assert str(error) == "layers: unknown keyword 'platfrom'. Did you mean 'platform'?"
        assert type(error).__name__ == "InvalidError"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ocinb.layers("a", platfrom="arm64"), "layers: unknown keyword 'platfrom'. Did you mean 'platform'?"),  # type: ignore[call-arg]
        (
            lambda: ocinb.layers("a", "linux/arm64"),  # type: ignore[call-arg]
            "layers takes 1 argument without a keyword, not 2. Write layers('a', platform='linux/arm64')",
        ),
        (
            lambda: ocinb.layers("a", "b"),  # type: ignore[call-arg]
            "layers takes 1 argument without a keyword, not 2. Several names go into a list: layers(['a', 'b'])",
        ),
        (lambda: ocinb.trace(True), "trace takes no argument without a keyword, not 1. Write trace(fresh=True)"),  # type: ignore[call-arg]  # noqa: FBT003
        (ocinb.layers, "layers: 'reference' is missing. Write layers(reference)"),
        (lambda: ocinb.read("a"), "read: 'path' is missing. Write read(reference, path)"),  # type: ignore[call-arg]
        (lambda: ocinb.layers(**{"": 1}), "layers: unknown keyword ''. It takes reference, platform, depth, "),  # type: ignore[arg-type]
        (
            lambda: ocinb.Catalog.columns("images"),  # type: ignore[arg-type]
            "Catalog.columns is called on an object, not on its class. First catalog = Catalog(…), then",
        ),
        (ocinb.Catalog.tables, "Catalog.tables is called on an object, not on its class"),
        (lambda: ocinb.Catalog(paht="x"), "Catalog: unknown keyword 'paht'. Did you mean 'path'?"),  # type: ignore[call-arg]
    ],
)
def test_what_people_do_wrong_is_told(call: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_an_error_from_inside_stays_what_it_is() -> None:
    @suggesting
    def failing(value: Any) -> Any:
        return value.nothing

    with pytest.raises(AttributeError, match="'int' object has no attribute 'nothing'"):
        failing(1)

    @suggesting
    def adding(value: Any) -> Any:
        return len(value, value)  # type: ignore[call-arg]

    with pytest.raises(TypeError, match=r"len\(\) takes exactly one argument") as caught:
        adding(1)
    assert not isinstance(caught.value, OcinbError)


@pytest.mark.parametrize(
    ("value", "hint"), [("skipp", "Did you mean 'skip'?"), ("zzz", None), (3, None), (None, None), (["skip"], None)]
)
def test_a_choice_that_is_none_is_refused(value: object, hint: str | None) -> None:
    check_choice("errors", "skip", ("raise", "skip"))
    with pytest.raises(InvalidError, match="errors takes 'raise' or 'skip', not ") as caught:
        check_choice("errors", value, ("raise", "skip"))
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "call",
    [
        lambda: ocinb.layers("app", errors="skipp"),  # type: ignore[arg-type]
        lambda: ocinb.layers("app", depth="file"),  # type: ignore[arg-type]
        lambda: ocinb.pull("app", verify="ful"),  # type: ignore[arg-type]
        lambda: ocinb.Catalog().add("app", depth="file"),  # type: ignore[arg-type]
    ],
)
def test_choices_suggest_one(call: Callable[[], object]) -> None:
    with pytest.raises(InvalidError, match=r"Did you mean '(skip|files|full)'"):
        call()


@pytest.mark.parametrize("typed", ["ada:s3cret@registry.example/app", "https://ada:s3cret@registry.example/app"])
@pytest.mark.parametrize("second", ["arm64", "app"])
def test_a_password_that_was_typed_is_not_said_back(typed: str, second: str) -> None:
    with pytest.raises(InvalidError) as caught:
        ocinb.layers(typed, second)  # type: ignore[call-arg]
    assert "***@registry.example/app" in str(caught.value.hint)
    assert "s3cret" not in f"{caught.value} {caught.value.hint}"


def test_a_tag_before_a_digest_is_no_password() -> None:
    with pytest.raises(InvalidError, match="app:1@sha256"):
        ocinb.layers(f"app:1@sha256:{'ab' * 32}", "arm64")  # type: ignore[call-arg]


def test_a_signature_reads_as_it_was_written() -> None:
    shown = str(inspect.signature(ocinb.layers))
    assert shown.startswith("(reference: Names, *, platform: Platforms = None, depth: Depth = 'metadata', ")
    assert shown.endswith(") -> pd.DataFrame")


NEAR: dict[str, tuple[str, list[str], list[str]]] = {
    "the tag that docker adds is no difference": ("pyton", ["h/python:latest", "x/y:1"], ["h/python:latest"]),
    "nor are capitals": ("H/APP:1", ["h/app:1"], ["h/app:1"]),
    "the nearest comes first": ("app:12", ["h/app:2", "h/app:123"], ["h/app:123", "h/app:2"]),
    "no more than three": ("app:1", [f"h/app:{number}" for number in range(2, 9)], ["h/app:8", "h/app:7", "h/app:6"]),
    "far ones are none": ("debian", ["h/python:latest"], []),
    "there may be none": ("debian", [], []),
}


@pytest.mark.parametrize(("wanted", "names", "near"), NEAR.values(), ids=NEAR)
def test_names_that_end_nearly_alike_are_near(wanted: str, names: list[str], near: list[str]) -> None:
    assert near_names(wanted, names) == near


def test_of_many_names_only_the_first_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocinb._suggestions.COMPARED_NAMES", 2)
    assert near_names("app", ["a", "b", "app:latest"]) == []
