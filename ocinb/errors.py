"""What can go wrong, as one tree: a root, four branches, and two twigs that people handle on their own.

Every message says what was asked, what came, and what to try. No exception of a library crosses this border.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from ocinb._text import printable, shorten

__all__ = [
    "AuthError",
    "IntegrityError",
    "InvalidError",
    "NotFoundError",
    "OcinbError",
    "RateLimitError",
    "TransportError",
]


def __dir__() -> list[str]:
    return __all__


_PACKAGE = f"{Path(__file__).parent}{os.sep}"
_IPYTHON = f"{os.sep}IPython{os.sep}core{os.sep}"
# What IPython makes of a line or cell with a magic: nobody wrote that either.
_OF_A_MAGIC = ("get_ipython().run_line_magic(", "get_ipython().run_cell_magic(")

# More than this is no message, but a stranger's document in one.
MAX_CHARACTERS = 2000


class OcinbError(Exception):
    """The root of all errors of ocinb.

    Parameters
    ----------
    message
        What went wrong, in one sentence.
    reference
        The name that was asked for; filled in by the helper function where the raiser did not know it.
    url
        Where it went wrong, without secrets.
    hint
        What to try next.
    """

    def __init__(
        self, message: str, *, reference: str | None = None, url: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reference = reference
        self.url = url
        self.hint = hint

    def __init_subclass__(cls) -> None:
        """Call a class by which ocinb tells cases apart what people can import and catch: the branch that it is of."""
        super().__init_subclass__()
        if cls.__module__ != __name__:
            cls.__name__ = next(kind.__name__ for kind in cls.__mro__ if kind.__module__ == __name__)
            cls.__module__, cls.__qualname__ = __name__, cls.__name__

    def __reduce__(self) -> tuple[Any, ...]:
        """Leave this process as that class too, and as what else it is, such as a TypeError."""
        public = globals()[type(self).__name__]
        also = tuple(
            kind for kind in type(self).__mro__ if kind.__module__ == "builtins" and kind not in public.__mro__
        )
        return (_again, (public.__name__, also, *self.args), vars(self)) if also else (public, self.args, vars(self))

    def __str__(self) -> str:
        """One line with all that is known; whatever a stranger wrote in it cannot move the terminal."""
        advice = f". {self.hint}" if self.hint else ""
        return printable(shorten(f"{self._told()}{advice}", MAX_CHARACTERS))

    def _told(self) -> str:
        """Say what went wrong, with the name and the place, and not what to try."""
        subject = f"{self.reference}: " if self.reference and not _names(self.message, self.reference) else ""
        place = f" ({self.url})" if self.url and not _names(self.message, self.url) else ""
        return printable(shorten(f"{subject}{self.message}{place}", MAX_CHARACTERS))

    def _render_traceback_(self) -> list[str]:
        """Show in a notebook, which asks for this, the lines that people wrote, and not those of ocinb below them."""
        import traceback

        lines = []
        for frame in traceback.extract_tb(self.__traceback__):
            if frame.filename.startswith(_PACKAGE):
                break
            is_theirs = _IPYTHON not in frame.filename and not any(made in (frame.line or "") for made in _OF_A_MAGIC)
            if frame.line and is_theirs:  # what is compiled has no line
                place = f"{frame.filename}, in {frame.name}\n" if Path(frame.filename).exists() else ""
                lines.append(f"{place}----> {frame.lineno} {frame.line}")
        told, advice = self._told(), printable(shorten(self.hint or "", MAX_CHARACTERS))
        return [*lines, "", f"{type(self).__name__}: {told}", *([f"→ {advice}"] if advice else [])]


def _again(name: str, also: tuple[type, ...], *args: Any) -> OcinbError:
    return _both(name, also)(*args)


@cache
def _both(name: str, also: tuple[type, ...]) -> type[OcinbError]:
    """Make a class that is both, as that of the error was, which has no name by which another process would find it."""
    return type(name, (globals()[name], *also), {"__module__": __name__})


class TransportError(OcinbError):
    """The other side could not be reached, or answered with an error; also a full disk.

    Attributes
    ----------
    unreachable
        Whether nobody is there who speaks what was spoken, so that waiting longer would not help.
    passing
        Whether the same question may have its answer a moment later.
    unsent
        Whether the question cannot have reached the other side.
    resumable
        Whether an answer broke off in its middle, or did not begin in time, so that a blob can go on from there.
    status
        The HTTP status, where the other side answered with one that has no error of its own here.
    """

    unreachable: bool = False
    passing: bool = False
    unsent: bool = False
    resumable: bool = False
    status: int | None = None


class AuthError(TransportError):
    """The registry refused the credentials, or asked for some where there are none."""


class RateLimitError(TransportError):
    """The registry asks to come back later; the hint says when, where it is known.

    Attributes
    ----------
    retry_at
        When to come back, as an aware datetime, or None where the registry does not say.
    """

    retry_at: datetime | None = None


class NotFoundError(OcinbError, LookupError):
    """The registry, repository, tag, digest or platform is not there."""


class InvalidError(OcinbError, ValueError):
    """A name, an argument or a document is not what it has to be, or passes a limit."""


class IntegrityError(OcinbError):
    """The bytes that came are not those that the digest or the size promised."""


def _names(message: str, name: str) -> bool:
    """Say whether a message has a name in it as a word of its own: "app" is not named by "application"."""
    return re.search(rf"(?<![\w./:@-]){re.escape(name)}(?![\w/@-]|[.:]\w)", message) is not None
