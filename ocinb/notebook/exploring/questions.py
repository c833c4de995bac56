"""Questions: what the page asks, checked before anything is looked up, since a page may be anybody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ocinb._text import nearest
from ocinb.errors import InvalidError
from ocinb.notebook.exploring.image import Scope
from ocinb.notebook.exploring.kinds import KINDS

# So many rows are sent at a time, if nothing is said, and at most.
USUAL_ROWS: Final = 200
MOST_ROWS: Final = 1000
SORTS: Final = ("size", "name")
# No path that a page is told is longer, and no pattern that a person types.
MOST_CHARACTERS: Final = 5000


class Question:
    """One question.

    Parameters
    ----------
    raw
        What the page sent.

    Raises
    ------
    InvalidError
        If it is no object; each property raises it too, if its part of the question is not what it has to be.
    """

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise InvalidError(f"a question is an object, not a {type(raw).__name__}")
        self._raw: Mapping[Any, Any] = raw

    @property
    def platform(self) -> str | None:
        """Which image it is about, by a label of any length; None for the one that was opened."""
        return None if self._raw.get("platform") is None else self._text("platform")

    @property
    def path(self) -> str:
        """A path, as the page was told it, or with a leading slash."""
        return self._word("path").removeprefix("/")

    @property
    def around(self) -> str | None:
        """The path of a child that the rows have to show, wherever it stands."""
        return None if self._raw.get("around") is None else self._word("around").removeprefix("/")

    @property
    def pattern(self) -> str:
        """What is searched for."""
        pattern = self._word("pattern").strip()
        if not pattern:
            raise InvalidError("there is nothing to search for", hint="Type a word of a path, or a glob such as *.py")
        return pattern

    @property
    def layer(self) -> int | None:
        """The number of a layer; None for the final file system."""
        return None if self._raw.get("layer") is None else self._number("layer", 0)

    @property
    def as_of(self) -> bool:
        """Whether all is meant that stood there after the layer, and not only what the layer stores."""
        value = self._raw.get("as_of")
        if not isinstance(value, bool | None):
            raise InvalidError(f"as_of takes true or false, not {_short(value)}")
        return bool(value) and self.layer is not None

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of change that are meant; all, if there is none."""
        value = self._raw.get("kinds")
        if not isinstance(value, list | None) or not all(isinstance(kind, str) for kind in value or ()):
            raise InvalidError(f"kinds takes a list of {' or '.join(map(repr, KINDS))}, not {_short(value)}")
        return frozenset(self._one_of("kinds", kind, KINDS) for kind in value or ())

    @property
    def scope(self) -> Scope:
        """What is looked at."""
        return Scope(self.layer, self.as_of, self.kinds)

    @property
    def sort(self) -> str:
        """How rows are sorted."""
        return SORTS[0] if self._raw.get("sort") is None else self._one_of("sort", self._word("sort"), SORTS)

    @property
    def offset(self) -> int:
        """How many rows are left out at the beginning."""
        return self._number("offset", 0)

    @property
    def limit(self) -> int:
        """How many rows are wanted at most."""
        return min(self._number("limit", USUAL_ROWS), MOST_ROWS)

    def page(self, rows: Sequence[Any], offset: int | None = None) -> Sequence[Any]:
        """Give the rows that are wanted, out of all; from another one on, if there is a reason."""
        start = self.offset if offset is None else offset
        return rows[start : start + self.limit]

    def asked(self, words: Sequence[str]) -> str:
        """Give what is asked, out of all that can be."""
        return self._one_of("ask", self._word("ask"), words)

    def _one_of(self, name: str, word: str, words: Sequence[str]) -> str:
        if word not in words:
            near = nearest(word[:100], words)
            hint = f"Did you mean {near!r}?" if near else None
            raise InvalidError(f"{name} takes {' or '.join(map(repr, words))}, not {word[:100]!r}", hint=hint)
        return word

    def _text(self, name: str) -> str:
        value = self._raw.get(name)
        if not isinstance(value, str):
            raise InvalidError(f"{name} takes a text, not {_short(value)}")
        return value

    def _word(self, name: str) -> str:
        value = self._text(name)
        if len(value) > MOST_CHARACTERS:
            raise InvalidError(f"{name} has {len(value):,} characters, more than {MOST_CHARACTERS:,}")
        return value

    def _number(self, name: str, usual: int) -> int:
        value = self._raw.get(name)
        if value is None:
            return usual
        if isinstance(value, float) and value.is_integer():  # as some write numbers in JSON
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidError(f"{name} takes a number from 0 on, not {_short(value)}")
        return value


def _short(value: object) -> str:
    import reprlib

    return reprlib.repr(value)
