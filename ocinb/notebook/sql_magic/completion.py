"""Completion: the names that may stand where somebody is typing in a question in SQL, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher
from IPython.core.interactiveshell import InteractiveShell

from ocinb.catalog.catalog import is_frame
from ocinb.catalog.completion_schema import Vocabulary, read_vocabulary
from ocinb.catalog.open_file import impatient
from ocinb.errors import OcinbError, TransportError
from ocinb.notebook.sql_magic.magic import KEPT, NAME, OciSql, catalogs, choose_catalog, values

# Where tables stand that are named with one.
_SCHEMA = "main"
# What is no SQL, texts and comments, and names in quotes, in which neither begins. The last one may not be closed yet.
_TOKENS = re.compile(
    r"""
    (?P<name>"(?:[^"]|"")*(?P<name_end>")?)
    | (?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*(?P<escaped_end>')?)
    | (?P<text>'(?:[^']|'')*(?P<text_end>')?)
    | (?P<dollars>(?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?P<dollars_end>\$(?P=tag)\$|\Z))
    | (?P<line>--[^\n]*(?P<line_end>\n)?)
    | (?P<comment>/\*.*?(?P<comment_end>\*/|\Z))
    """,
    re.DOTALL | re.VERBOSE,
)
_NAME = r'(?:"(?:[^"]|"")*"|\w+)'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})*"
_QUALIFIER = re.compile(rf"({_NAME})\s*\.\s*\Z")
_WORD = re.compile(r"\w*\Z")
_VARIABLE = re.compile(r"\$(\w*)\Z")
_BEFORE_TABLES = r"\b(?:from|join|into|update|table|describe|summarize)\s+"
# A table, or a function with what stands in its brackets, and what it is called here.
_SOURCE = rf"{_QUALIFIED}(?:\s*\([^()]*\))?(?:\s+(?:as\s+)?{_NAME})?"
# Looked ahead for, since in "FROM images JOIN layers" the word JOIN stands where an alias may stand.
_SOURCES = re.compile(rf"{_BEFORE_TABLES}(?=((?:{_SOURCE}\s*,\s*)*{_SOURCE}))", re.IGNORECASE)
_EACH_SOURCE = re.compile(
    rf"(?P<table>{_QUALIFIED})(?:\s*\([^()]*\))?(?:\s+(?:as\s+)?(?P<alias>{_NAME}))?\s*(?:,|\Z)", re.IGNORECASE
)
_TABLE_COMES = re.compile(rf"{_BEFORE_TABLES}(?:{_SOURCE}\s*,\s*)*\Z", re.IGNORECASE)
_PLAIN = re.compile(r"[^\W\d]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Completed:
    """What may stand there.

    Attributes
    ----------
    fragment
        What was typed of it.
    words
        The whole words, each with what it is: table, column, function or variable.
    """

    fragment: str
    words: Sequence[tuple[str, str]]


def complete(before: str, after: str, known: Vocabulary, variables: Iterable[str]) -> Completed | None:
    """Give the names that may stand where the cursor is, or None where it is in a text or in a comment.

    Examples
    --------
    >>> known = Vocabulary({"images": ("platform", "layers"), "layers": ("layer_digest",)})
    >>> complete("FROM im", "", known, []).words
    [('images', 'table')]
    >>> complete("SELECT i.la", " FROM images AS i", known, []).words
    [('layers', 'column')]
    """
    unclosed = _unclosed(before)
    if unclosed is not None and _kind(unclosed) != "name":
        return None
    begun = unclosed[0] if unclosed is not None else ""
    statement = _without_quiet(before.removesuffix(begun)).rpartition(";")[2]
    rest = _without_quiet(after).partition(";")[0]
    variable = None if begun else _VARIABLE.search(statement)
    if variable:
        return Completed(variable[1], _starting([(name, "variable") for name in variables], variable[1]))
    fragment = begun or _word(statement)
    offered = _offered(statement.removesuffix(fragment), rest, known)
    words = _starting(offered, fragment[1:].replace('""', '"') if begun else fragment)
    quoted = [(name if kind == "function" else _quoted(name, fragment, known), kind) for name, kind in words]
    return Completed(fragment, quoted)


def _word(statement: str) -> str:
    found = _WORD.search(statement)
    return found[0] if found else ""


def _offered(before: str, rest: str, known: Vocabulary) -> Iterator[tuple[str, str]]:
    qualifier = _QUALIFIER.search(before)
    head = before[: qualifier.start()] if qualifier else before
    # A space instead of what is typed: half a name is no alias.
    sources = _sources(f"{head} {rest}", known)
    table_comes = _TABLE_COMES.search(head) is not None
    if qualifier is not None:
        table = _plain(qualifier[1])
        yield from _tables(known) if table_comes and table == _SCHEMA else _columns([sources.get(table, table)], known)
    elif table_comes:
        yield from _tables(known)
    elif named := [table for table in dict.fromkeys(sources.values()) if table in _by_lower(known)]:
        yield from _columns(named, known)
        yield from ((alias, "table") for alias, table in sources.items() if table in named)
    else:
        yield from _tables(known)
        yield from _columns(_by_lower(Vocabulary(known.tables)), known)


def _sources(statement: str, known: Vocabulary) -> dict[str, str]:
    """Give the tables that a statement names by the names that it gives them, all in lower case."""
    found = {}
    for match in _SOURCES.finditer(statement):
        for source in _EACH_SOURCE.finditer(match[1]):
            table = _plain(re.findall(_NAME, source["table"])[-1])
            found[table] = table
            alias = source["alias"] or table
            found[table if alias.lower() in known.reserved else _plain(alias)] = table
    return found


def _plain(name: str) -> str:
    """Give a name as it stands between quotes, in lower case."""
    return (name[1:-1].replace('""', '"') if name.startswith('"') else name).lower()


def _tables(known: Vocabulary) -> Iterator[tuple[str, str]]:
    yield from ((name, "table") for name in known.tables)
    yield from ((f"{name}(", "function") for name in known.functions)


def _columns(tables: Iterable[str], known: Vocabulary) -> Iterator[tuple[str, str]]:
    every = _by_lower(known)
    yield from dict.fromkeys((column, "column") for table in tables for column in every.get(table, ()))


def _by_lower(known: Vocabulary) -> Mapping[str, Sequence[str]]:
    return {name.lower(): columns for name, columns in (*known.functions.items(), *known.tables.items())}


def _starting(words: Iterable[tuple[str, str]], fragment: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, kind in words if name.lower().startswith(fragment.lower())]


def _quoted(name: str, fragment: str, known: Vocabulary) -> str:
    """Give a name as it has to be written, in quotes if they were begun or if DuckDB needs them."""
    if _PLAIN.fullmatch(name) and name.lower() not in known.reserved and not fragment.startswith('"'):
        return name
    return '"' + name.replace('"', '""') + '"'


def _unclosed(before: str) -> re.Match[str] | None:
    """Give the text, the comment or the name in quotes that is not closed at the end."""
    last = next((token for token in _TOKENS.finditer(before) if token.end() == len(before)), None)
    return last if last is not None and not last[f"{_kind(last)}_end"] else None


def _kind(token: re.Match[str]) -> str:
    kinds = ("name", "escaped", "text", "dollars", "line", "comment")
    return next(kind for kind in kinds if token[kind] is not None)


def _without_quiet(text: str) -> str:
    return _TOKENS.sub(lambda token: token[0] if _kind(token) == "name" else " ", text)


MATCHER = "ocinb.ocisql"
_FIRST_LINE = re.compile(rf"%%{NAME}(?:\s+|\Z)")
_LINE = re.compile(rf"(?:.*=)?\s*%{NAME}\s+")
# What completes paths.
_PATHS = "IPCompleter.file_matcher"
# How long somebody who typed Tab waits for another process that holds the file.
WAIT_SECONDS = 0.2
# Before Jedi, which would look long for Python in SQL.
_FIRST = 1000


class Matcher:
    """What completes the names in questions of one shell."""

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
            with impatient(WAIT_SECONDS):
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
