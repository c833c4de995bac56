"""Completion: the names that may stand where somebody is typing in a question in SQL, without any I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ocinb.catalog.vocabulary import Vocabulary

# What is no SQL: texts and comments, the last of which may not be closed yet.
_QUIET = re.compile(r"'(?:[^']|'')*'?|--[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_NAME = r'(?:"[^"]*"|\w+)'
_TYPED = re.compile(rf'(?:({_NAME})\.)?("?\w*)\Z')
_VARIABLE = re.compile(r"\$(\w*)\Z")
_BEFORE_TABLES = r"\b(?:from|join|into|update|table|describe|summarize)\s+"
_SOURCE = rf"{_NAME}(?:\s+(?:as\s+)?{_NAME})?"
# Looked ahead for, since in "FROM images JOIN layers" the word JOIN stands where an alias may stand.
_SOURCES = re.compile(rf"{_BEFORE_TABLES}(?=((?:{_SOURCE}\s*,\s*)*{_SOURCE}))", re.IGNORECASE)
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

    Parameters
    ----------
    before, after
        The question on both sides of the cursor.
    known
        The names that it can use.
    variables
        The names of variables, which stand behind a ``$``.

    Examples
    --------
    >>> known = Vocabulary({"images": ("platform", "layers"), "layers": ("layer_digest",)})
    >>> complete("FROM im", "", known, []).words
    [('images', 'table')]
    >>> complete("SELECT i.la", " FROM images AS i", known, []).words
    [('layers', 'column')]
    """
    if _is_quiet(before):
        return None
    statement = _without_quiet(before).rpartition(";")[2]
    rest = _without_quiet(after).partition(";")[0]
    variable = _VARIABLE.search(statement)
    if variable:
        return Completed(variable[1], _starting([(name, "variable") for name in variables], variable[1]))
    typed = _TYPED.search(statement)
    qualifier, fragment = typed.groups() if typed else (None, "")
    head = statement[: typed.start() if typed else None]
    # A space instead of what is typed: half a name is no alias.
    offered = _offered(head, f"{head} {rest}", qualifier, known)
    words = _starting(offered, fragment.lstrip('"'))
    quoted = [(name if kind == "function" else _quoted(name, fragment, known), kind) for name, kind in words]
    return Completed(fragment, quoted)


def _offered(head: str, statement: str, qualifier: str | None, known: Vocabulary) -> Iterator[tuple[str, str]]:
    sources = _sources(statement)
    if qualifier is not None:
        table = qualifier.strip('"').lower()
        yield from _columns([sources.get(table, table)], known)
    elif _TABLE_COMES.search(head):
        yield from _tables(known)
    elif named := [table for table in dict.fromkeys(sources.values()) if table in _by_lower(known)]:
        yield from _columns(named, known)
        yield from ((alias, "table") for alias, table in sources.items() if table in named)
    else:
        yield from _tables(known)
        yield from _columns(_by_lower(known), known)


def _sources(statement: str) -> dict[str, str]:
    """Give the tables that a statement names by the names that it gives them, all in lower case."""
    found = {}
    for match in _SOURCES.finditer(statement):
        for source in match[1].split(","):
            words = [word.strip('"').lower() for word in re.findall(_NAME, source)]
            found[words[0]] = words[0]
            found[words[-1]] = words[0]
    return found


def _tables(known: Vocabulary) -> Iterator[tuple[str, str]]:
    yield from ((name, "table") for name in known.tables)
    yield from ((f"{name}(", "function") for name in known.functions)


def _columns(tables: Iterable[str], known: Vocabulary) -> Iterator[tuple[str, str]]:
    every = _by_lower(known)
    yield from dict.fromkeys((column, "column") for table in tables for column in every.get(table, ()))


def _by_lower(known: Vocabulary) -> Mapping[str, Sequence[str]]:
    return {name.lower(): columns for name, columns in known.tables.items()}


def _starting(words: Iterable[tuple[str, str]], fragment: str) -> list[tuple[str, str]]:
    return [(name, kind) for name, kind in words if name.lower().startswith(fragment.lower())]


def _quoted(name: str, fragment: str, known: Vocabulary) -> str:
    """Give a name as it has to be written, in quotes if they were begun or if DuckDB needs them."""
    if _PLAIN.fullmatch(name) and name.lower() not in known.reserved and not fragment.startswith('"'):
        return name
    return '"' + name.replace('"', '""') + '"'


def _is_quiet(before: str) -> bool:
    last = next((match[0] for match in _QUIET.finditer(before) if match.end() == len(before)), "")
    if last.startswith("'"):
        return last.count("'") % 2 == 1
    return last.startswith("--") or (last.startswith("/*") and not last.endswith("*/"))


def _without_quiet(text: str) -> str:
    return _QUIET.sub(" ", text)
