"""Collecting: from one name or many to one frame, side by side, in the order of the input."""

from __future__ import annotations

import copy
import logging
import re
import reprlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar
from urllib.parse import urlsplit

from ocinb._arguments import check_choice
from ocinb._pool import run_all
from ocinb._schemas import Schema
from ocinb._text import human_duration
from ocinb.errors import InvalidError, NotFoundError, OcinbError, TransportError
from ocinb.network.session import OfflineError
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, State, Task
from ocinb.sources.endpoint import HUB_HOST, before_asking
from ocinb.sources.name_lookup import meant_file
from ocinb.sources.session import Session, default_session
from ocinb.spec.reference import FILE_TRANSPORTS, HUB, Reference, meant_transport

if TYPE_CHECKING:
    import pandas as pd


T = TypeVar("T")

# Fewer are answered before anybody has read a bar.
FEW = 50


@contextmanager
def counted(
    names: Sequence[str], title: str, *, progress: Progress | bool | None = None
) -> Iterator[Callable[[str, T], T]]:
    """Draw a bar while names are asked for, if they are many."""
    if len(names) <= FEW:
        yield lambda _, result: result
        return
    board = choose_progress(progress)
    keys = {name: str(number) for number, name in enumerate(names)}
    began = time.monotonic()
    complete: list[str] = []

    def done(name: str, result: T) -> T:
        complete.append(name)
        board.state(keys[name], State.DONE)
        return result

    board.start(title, [Task(key, "", 0) for key in keys.values()])
    try:
        yield done
    finally:
        taken = human_duration(time.monotonic() - began)
        board.finish(f"{title}: {len(complete):,} of {len(names):,} in {taken}")


# After so long one name tries again: a registry that was restarted is back.
BELIEVED_SECONDS = 5.0


class CircuitBreaker:
    """What one call with many names has learned of registries that are not there."""

    def __init__(self) -> None:
        self._errors: dict[str, tuple[float, TransportError]] = {}

    def check(self, name: str) -> None:
        """Refuse a name whose registry was not reached a moment ago."""
        if self._errors:
            self._check_registry(_registry(name))

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Call, in this block, no registry that was not reached a moment ago; what is on this machine is told still."""
        token = before_asking.set(self._check_registry)
        try:
            yield
        finally:
            before_asking.reset(token)

    def note(self, name: str, error: OcinbError) -> None:
        """Take note of an error that says that the registry itself, and not what it led to, was not reached.

        One that `check` raised is no news: else nobody would try again as long as there are names.
        """
        if not (isinstance(error, TransportError) and error.unsent):
            return
        registry, netloc = _registry(name), urlsplit(error.url or "").netloc
        is_its_own = registry is not None and netloc == (HUB_HOST if registry == HUB else registry)
        if registry is not None and is_its_own and self._believed(registry) is None:
            self._errors[registry] = time.monotonic(), error

    def _check_registry(self, registry: str | None) -> None:
        known = self._believed(registry)
        if known is not None:
            error = copy.copy(known)  # each name has a failure of its own
            error.reference = None
            raise error

    def _believed(self, registry: str | None) -> TransportError | None:
        """Give the error of a registry that was not reached a moment ago."""
        since, error = self._errors.get(registry or "", (0.0, None))
        return error if time.monotonic() - since < BELIEVED_SECONDS else None


def _registry(name: str) -> str | None:
    try:
        return Reference(name).registry
    except InvalidError:  # which is said elsewhere
        return None


logger = logging.getLogger("ocinb")

# The first part of a name that is read as a host for its capitals alone, as docker has it.
_CAPITALS = re.compile(r"(?=[a-z0-9-]*[A-Z])[A-Za-z0-9-]+(?=/)")
_LONE_HOST = re.compile(r"(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?", re.ASCII)
Row = Mapping[str, Any]
Errors = Literal["raise", "skip"]
Name = str | Reference
Names = Name | Iterable[Name]


_A_NAME: Final = "A name is a text such as 'python:3.12', or a Reference"


class InvalidName(str):
    """What stood where a name belongs, such as the NaN of a missing one, as its repr: it can only be told of."""

    __slots__ = ("hint",)
    hint: str

    def __new__(cls, told: str, hint: str = _A_NAME) -> Self:
        """Keep what to try instead beside it."""
        made = super().__new__(cls, told)
        made.hint = hint
        return made


@dataclass(frozen=True, slots=True)
class Failure:
    """A name that could not be answered, and why."""

    reference: str
    error: OcinbError


def collect(
    names: Names, rows_of: Callable[[str, Session], Sequence[Row]], schema: Schema, *, errors: Errors
) -> pd.DataFrame:
    """Ask for the rows of each name, and make one frame of them."""
    session = default_session()
    results = run_batch(list_names(names), lambda name: rows_of(name, session), errors=errors, session=session)
    frame = schema.frame(row for result in results if not isinstance(result, Failure) for row in result)
    return with_failures(frame, [result for result in results if isinstance(result, Failure)])


def run_batch(
    names: Sequence[str],
    function: Callable[[str], T],
    *,
    errors: Errors,
    session: Session,
    title: str = "",
    progress: Progress | bool | None = None,
) -> list[T | Failure]:
    """Call a function for each name, several at a time; a failure is raised or becomes a result.

    Of more than a few names the progress is told how many there are, under a title.
    """
    check_choice("errors", errors, ("raise", "skip"))
    unreached = CircuitBreaker()

    def attempt(name: str) -> T | Failure:
        try:
            with unreached.heeded():
                return function(checked(name))
        except OcinbError as error:
            unreached.note(name, error)
            complete(error, name)
            if errors == "raise":
                raise
            return Failure(name, error)

    with counted(names, title or f"Asking for {len(names):,} names", progress=progress) as done:
        return run_all(lambda name: done(name, attempt(name)), names, workers=2 * session.settings.concurrency)


def complete(error: OcinbError, name: str) -> None:
    """Set the reference of an error, and a hint where the name looks mistyped.

    A hint about anything but the name, such as a certificate or a platform, stays.
    """
    error.reference = error.reference or name
    if not _may_be_mistyped(error):
        return
    meant = (meant_file(name) or meant_transport(name)) if name.partition(":")[0] not in FILE_TRANSPORTS else None
    capitals = _CAPITALS.match(name) if isinstance(error, TransportError) and error.unreachable else None
    if meant:
        error.hint = f"Did you mean {meant}?"
    elif capitals:
        error.hint = f"{capitals[0]} was read as a host. Did you mean '{capitals[0].lower()}{name[capitals.end() :]}'?"
    elif _LONE_HOST.fullmatch(name) and f"//{HUB_HOST}/" in (error.url or ""):
        error.hint = f"{name} alone is an image of Docker Hub; a repository of that host reads {name}/NAME"


def _may_be_mistyped(error: OcinbError) -> bool:
    if "Did you mean" in (error.hint or ""):
        return False
    if isinstance(error, TransportError):
        return error.unreachable or isinstance(error, OfflineError)
    return isinstance(error, NotFoundError | InvalidError)


def list_names(names: Names) -> list[str]:
    """Give the distinct names as texts, in their order."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        return [as_text(names)]
    if isinstance(names, Mapping | bytes | bytearray) or hasattr(names, "columns"):
        hint = "Give one of its columns" if hasattr(names, "columns") else None
        raise InvalidError(f"names are a text or a list of texts, not a {type(names).__name__}", hint=hint)
    # Told apart from what is no name: a repr may look like somebody's name.
    return list({(isinstance(text, InvalidName), text): text for text in map(as_text, names)}.values())


def as_text(name: object) -> str:
    """Give a name as the text that was typed, or what is none as a `NoName`."""
    if isinstance(name, str):
        return name
    return name.canonical if isinstance(name, Reference) else _no_name(name)


def _no_name(what: object) -> InvalidName:
    """Say what stood there; of many names at once, how one of them is taken."""
    if not hasattr(what, "iloc"):
        return InvalidName(reprlib.repr(what))
    taken = "frame['reference'].iloc[0]" if hasattr(what, "columns") else "names.iloc[0]"
    return InvalidName(f"a {type(what).__name__}", f"It takes one name, such as {taken}")


def checked(name: str) -> str:
    """Refuse what is no name."""
    if isinstance(name, InvalidName):
        raise InvalidError(f"{name} is not a name", hint=name.hint)
    return name


def with_failures(frame: pd.DataFrame, failures: Sequence[Failure]) -> pd.DataFrame:
    """Note in a frame what was left out of it, and say so in the log."""
    frame.attrs["failures"] = [
        {"reference": str(failure.reference), "error": str(failure.error)} for failure in failures
    ]
    if failures:
        how = ("%d skipped: %s", "%d skipped, for instance %s; frame.attrs['failures'] has them all")[len(failures) > 1]
        logger.warning(how, len(failures), failures[0].error)
    return frame
