"""Calls: who mistypes a keyword or a choice is told which one was meant."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import FunctionType
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from ocinb._suggestions import nearest
from ocinb._text import counted, shorten, without_login
from ocinb.errors import InvalidError

if TYPE_CHECKING:
    from inspect import Parameter


P = ParamSpec("P")
R = TypeVar("R")
_SHOWN_CHARACTERS = 60
_MOST_CHARACTERS = 300
# What people mostly type for a platform; not all that is one.
_PLATFORM = re.compile(r"(?:linux|windows|darwin)(?:/[a-z0-9]+){0,2}|(?:amd|arm)64(?:/v8)?|all", re.IGNORECASE)


class _Word(str):
    """An annotation as it was written: a signature shows it without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class CallError(InvalidError, TypeError):
    """A function was called with what it does not take."""


def suggesting(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function say which keyword was meant, and how it is called, where it is called otherwise.

    Its signature, its words and its source are shown as they are.

    >>> @suggesting
    ... def layers(reference, *, platform=None): ...
    >>> layers("python", platfrom="arm64")
    Traceback (most recent call last):
        ...
    ocinb.errors.InvalidError: layers: unknown keyword 'platfrom'. Did you mean 'platform'?
    """
    words = function.__annotations__
    function.__annotations__ = {name: _Word(one) if isinstance(one, str) else one for name, one in words.items()}
    explain = _explained  # held by the closure: what is made below does not know the names of this module

    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (TypeError, AttributeError) as error:
            told = explain(function, args, kwargs, error)
            if told is None:
                raise
            raise told from None

    # In the function's own module, since doctest leaves out what is of another.
    home = cast("FunctionType", function).__globals__
    made = FunctionType(call.__code__, home, closure=call.__closure__)
    return cast("Callable[P, R]", functools.wraps(function)(made))


def _explained(
    function: Callable[..., object], args: Sequence[object], kwargs: Mapping[str, object], error: Exception
) -> CallError | None:
    """Say what is wrong with a call; None if that is not what is wrong, or Python says it well enough."""
    import inspect

    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        if not args or not hasattr(args[0], function.__name__):
            return _of_no_object(function)
        parameters, args = parameters[1:], args[1:]
    # What comes from further down is a mistake in the function, or a value of the wrong type.
    if isinstance(error, AttributeError) or error.__traceback__ is None or error.__traceback__.tb_next is not None:
        return None
    return _misused(_shown_name(function), parameters, args, kwargs)


def _shown_name(function: Callable[..., object]) -> str:
    return function.__qualname__.removesuffix(".__init__").rpartition(".")[2]


def _of_no_object(function: Callable[..., object]) -> CallError:
    """Say that a method was called on its class."""
    *_, kind, name = function.__qualname__.split(".")
    kind = "Catalog" if function.__module__.startswith("ocinb.catalog.") else kind  # whose methods are those of several
    made = kind.lower()
    hint = f"First {made} = {kind}(…), then {made}.{name}(…)"
    return CallError(f"{kind}.{name} is called on an object, not on its class", hint=hint)


def _misused(
    name: str, parameters: Sequence[Parameter], args: Sequence[object], kwargs: Mapping[str, object]
) -> CallError | None:
    names = [one.name for one in parameters]
    unknown = next((keyword for keyword in kwargs if keyword not in names), None)
    if unknown is not None:
        return CallError(f"{name}: unknown keyword {unknown!r}", hint=_meant(unknown, names))
    places = [one.name for one in parameters if one.kind is not one.KEYWORD_ONLY]
    missing = [one.name for one in parameters[len(args) :] if one.default is one.empty and one.name not in kwargs]
    if missing:
        needed = [one.name for one in parameters if one.default is one.empty]
        return CallError(f"{name}: {missing[0]!r} is missing", hint=f"Write {_call(name, needed)}")
    if len(args) <= len(places):
        return None
    named = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    takes = counted(len(places), "argument") if places else "no argument"
    what = f"{name} takes {takes}{' without a keyword' if named else ''}, not {len(args)}"
    return CallError(what, hint=_written(name, args, places, named))


def _meant(keyword: str, names: Sequence[str]) -> str:
    near = nearest(keyword, names)
    if near:
        return f"Did you mean {near!r}?"
    return f"It takes {', '.join(names)}" if names else "It takes none"


def _written(name: str, args: Sequence[object], places: Sequence[str], named: Sequence[str]) -> str | None:
    """Write the call as it has to be, as far as that can be told."""
    before, extra = [_short(one) for one in args[: len(places)]], args[len(places)]
    if isinstance(extra, str) and _PLATFORM.fullmatch(extra) and "platform" in named:
        return f"Write {_call(name, [*before, f'platform={extra!r}'])}"
    if isinstance(extra, str) and places and places[-1].startswith("reference"):
        return f"Several names go into a list: {name}([{shorten(', '.join(map(_quoted, args)), _MOST_CHARACTERS)}])"
    if len(named) == 1:
        return f"Write {_call(name, [*before, f'{named[0]}={_short(extra)}'])}"
    return f"Write {_call(name, [*places, *(f'{one}=…' for one in named)])}"


def _call(name: str, arguments: Iterable[str]) -> str:
    return f"{name}({', '.join(arguments)})"


def _short(value: object) -> str:
    return shorten(_quoted(value), _SHOWN_CHARACTERS)


def _quoted(value: object) -> str:
    """Say what was typed, but no password in it: an error is kept in notebooks and logs.

    >>> _quoted("https://ada:s3cret@registry.example/demo")
    "'https://***@registry.example/demo'"
    """
    return without_login(repr(value))


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is none of the choices.

    Raises
    ------
    InvalidError
        If it is none; the hint says which one may have been meant.

    Examples
    --------
    >>> check_choice("errors", "skipp", ("raise", "skip"))
    Traceback (most recent call last):
        ...
    ocinb.errors.InvalidError: errors takes 'raise' or 'skip', not 'skipp'. Did you mean 'skip'?
    """
    if isinstance(value, str) and value in choices:
        return
    near = nearest(value, choices) if isinstance(value, str) else None
    *first, last = map(repr, choices)
    listed = f"{', '.join(first)} or {last}" if first else last
    raise InvalidError(f"{name} takes {listed}, not {_short(value)}", hint=f"Did you mean {near!r}?" if near else None)
