"""Matching: what a shell offers at Tab while somebody types a question for `%%ocisql`."""

from __future__ import annotations

import re
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from ocinb.catalog.catalog import is_frame
from ocinb.catalog.completion_schema import Vocabulary, read_vocabulary
from ocinb.catalog.open_file import impatient
from ocinb.errors import OcinbError, TransportError
from ocinb.notebook.asking.choice import catalogs, choose_catalog
from ocinb.notebook.asking.completion import Completed, complete
from ocinb.notebook.asking.ocisql import KEPT, NAME, OciSql, values

MATCHER = "ocinb.ocisql"
_FIRST_LINE = re.compile(rf"%%{NAME}(?:\s+|\Z)")
_LINE = re.compile(rf"(?:.*=)?\s*%{NAME}\s+")
# What completes paths.
_PATHS = "IPCompleter.file_matcher"
# How long somebody who typed Tab waits for another process that holds the file.
PATIENCE_SECONDS = 0.2
# Before Jedi, which would look long for Python in SQL.
_FIRST = 1000


class Matcher:
    """What completes the names in questions of one shell.

    Parameters
    ----------
    shell
        The shell.
    magic
        Its magic, which knows what was asked last.
    """

    def __init__(self, shell: InteractiveShell, magic: OciSql) -> None:
        self._shell = shell
        self._magic = magic
        self._known: dict[str, Vocabulary] = {}  # the last one of each catalogue

    @context_matcher(identifier=MATCHER, priority=_FIRST)  # type: ignore[untyped-decorator]  # IPython types half of itself
    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        """Complete the names of a catalogue in a question, and those of catalogues before it."""
        lines = context.full_text.split("\n")
        before = "\n".join([*lines[: context.cursor_line], context.text_until_cursor])
        after = "\n".join([lines[context.cursor_line][context.cursor_position :], *lines[context.cursor_line + 1 :]])
        first, is_below, cell = before.lstrip().partition("\n")
        if _FIRST_LINE.match(first):
            rest = KEPT.sub("", _FIRST_LINE.sub("", first)).strip()
            return self._names(rest, cell, after) if is_below else self._catalogs(rest)
        is_line = _LINE.match(context.text_until_cursor)
        if is_line:
            query = KEPT.sub("", context.text_until_cursor[is_line.end() :])
            return self._names("", query, after.partition("\n")[0])
        return {"completions": []}

    def _names(self, wanted: str, before: str, after: str) -> SimpleMatcherResult:
        known = self._vocabulary(wanted)
        # As in a question, a table of the catalogue comes before a DataFrame of its name.
        every = Vocabulary({**self._frames(), **known.tables}, known.functions, known.reserved)
        return _result(complete(before, after, every, values(self._shell)))

    def _vocabulary(self, wanted: str) -> Vocabulary:
        """Give the names in a catalogue; where another process holds it, those that it had last time."""
        called = wanted or self._magic.last
        try:
            with impatient(PATIENCE_SECONDS):
                called, catalog = choose_catalog(wanted, self._magic.last, self._shell.user_ns)
                self._known[called] = read_vocabulary(catalog)
        except TransportError:
            return self._known.get(called, Vocabulary({}))
        except OcinbError:  # running the cell says what is wrong; whoever completes is in the middle of a word
            return Vocabulary({})
        return self._known[called]

    def _catalogs(self, typed: str) -> SimpleMatcherResult:
        """Complete a catalogue, beside which a path may be completed too."""
        names = [name for name in catalogs(self._shell.user_ns) if name.startswith(typed)]
        result = _result(Completed(typed, [(name, "instance") for name in names]))
        result["do_not_suppress"] = {_PATHS}
        return result

    def _frames(self) -> dict[str, tuple[str, ...]]:
        """Give the DataFrames of the notebook, with their columns."""
        named = {name: self._shell.user_ns[name] for name in values(self._shell)}
        return {name: _columns_of(value) for name, value in named.items() if is_frame(type(value))}


def _columns_of(frame: Any) -> tuple[str, ...]:
    try:
        return tuple(column for column in frame.columns if isinstance(column, str))
    except Exception:  # noqa: BLE001 - it may be anything that says to have columns
        return ()


def _result(completed: Completed | None) -> SimpleMatcherResult:
    """Give it as IPython takes it; where something is offered, nothing else is."""
    if completed is None:
        return {"completions": []}
    words = [SimpleCompletion(text=word, type=kind) for word, kind in completed.words]
    return {"completions": words, "matched_fragment": completed.fragment, "suppress": True, "ordered": True}
