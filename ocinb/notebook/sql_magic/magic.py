"""`%%ocisql`: questions in SQL in a cell of their own."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from keyword import iskeyword
from os import PathLike
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeGuard

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import no_var_expand

from ocinb._suggestions import nearest
from ocinb.catalog.catalog import Catalog
from ocinb.catalog.completion_schema import named_parameters
from ocinb.errors import InvalidError, NotFoundError
from ocinb.sources.name_lookup import local_path, not_there
from ocinb.spec.reference import Reference

if TYPE_CHECKING:
    import pandas as pd


def choose_catalog(wanted: str, last: str, variables: Mapping[str, Any]) -> tuple[str, Catalog]:
    """Find a catalogue, and how it is called."""
    if wanted:
        return wanted, _named(wanted, variables)
    if last and _is_there(last, variables):
        return last, _named(last, variables)
    names = catalogs(variables)
    if len(names) == 1:
        return names[0], variables[names[0]]
    if not names:
        hint = "catalog = ocinb.Catalog('registry.duckdb') makes one; or name one: %%ocisql registry.duckdb"
        raise InvalidError("there is no catalogue among the variables", hint=hint)
    hint = f"Name one: %%ocisql {names[0]}"
    raise InvalidError(f"there are several catalogues: {', '.join(names)}", hint=hint)


def catalogs(variables: Mapping[str, Any]) -> list[str]:
    """Give the variables that hold catalogues, one for each; names that begin with ``_`` are IPython's own."""
    found: dict[int, str] = {}
    for name, value in variables.items():
        if is_catalog(value) and not name.startswith("_"):
            found.setdefault(id(value), name)
    return list(found.values())


def is_catalog(value: object) -> TypeGuard[Catalog]:
    """Tell a catalogue by its class alone: what people keep in variables may do anything when it is looked at."""
    return issubclass(type(value), Catalog)


def _named(text: str, variables: Mapping[str, Any]) -> Catalog:
    value = variables.get(text)
    if is_catalog(value):
        return value
    path = _path(text, variables)
    if path is None:
        raise InvalidError(f"{text} is no Catalog and no path of one, but of type {type(value).__name__}")
    if not path.is_file():
        near = nearest(text, catalogs(variables))
        hint = f"Did you mean {near!r}?" if near else not_there(path, "file").hint
        raise NotFoundError(f"no variable and no file is called {text!r}", hint=hint)
    return Catalog(path)


def _path(text: str, variables: Mapping[str, Any]) -> Path | None:
    """Say which file is meant, by a path or by a variable that holds one."""
    value = variables.get(text, text.strip("'\""))
    return local_path(os.fsdecode(value)) if issubclass(type(value), str | PathLike) else None


def _is_there(text: str, variables: Mapping[str, Any]) -> bool:
    if is_catalog(variables.get(text)):
        return True
    path = _path(text, variables)
    return path is not None and path.is_file()


NAME = "ocisql"
KEPT = re.compile(r"\s*(\w+)\s*<<\s*")
# What DuckDB says of a statement that has none, such as CREATE TABLE.
_NO_ANSWERS: tuple[list[str], ...] = ([], ["Success"])


class OciSql:
    """The magic of one shell, which remembers what was asked last.

    Attributes
    ----------
    last
        The catalogue that was asked last, by its variable or its path; empty before the first question.
    replaced
        The magics of that name that were there before, by their kind, ``line`` or ``cell``.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.last = ""
        self.replaced: dict[str, Callable[..., Any] | None] = {}

    @no_var_expand
    def ocisql(self, line: str, cell: str | None = None) -> pd.DataFrame | Catalog | None:
        """Ask a catalogue in SQL, and get a DataFrame.

        In a cell::

            %%ocisql                     the catalogue that was used last, or the only one among the variables
            FROM images                  and the question, in DuckDB's SQL

            %%ocisql catalog             the one in a variable
            %%ocisql registry.duckdb     the one in a file
            %%ocisql frame <<            keep the answer in the variable frame, and show nothing
            %%ocisql frame << catalog    both

        In a line::

            %ocisql FROM images ORDER BY compressed_bytes DESC LIMIT 5
            frame = %ocisql FROM images
            %ocisql catalog              use this one from now on
            %ocisql                      which one is used?

        A question may name

            tables and views             catalog.tables() lists them; Tab completes them, and their columns
            DataFrames of the notebook   FROM images JOIN frame USING (reference)
            variables, as values         WHERE layers > $least AND list_contains($names, reference)

        Of several questions, with ; between them, the last one's answer is shown. Variables become parameters, never
        text of the question; a Series is a list there.
        """
        kept, rest = _kept(line)
        if cell is None and not _is_question(rest):
            return self._choose(rest)
        catalog = self._choose("" if cell is None else rest)
        query = rest if cell is None else cell
        answer = catalog.sql(query, self._parameters(query))
        if kept is not None:
            self._shell.user_ns[kept] = answer
            return None
        return None if answer.empty and list(answer.columns) in _NO_ANSWERS else answer

    def _choose(self, wanted: str) -> Catalog:
        self.last, catalog = choose_catalog(wanted, self.last, self._shell.user_ns)
        return catalog

    def _parameters(self, query: str) -> dict[str, Any] | None:
        """Give the values of the variables that a question names."""
        variables = self._shell.user_ns
        names = named_parameters(query)
        for name in names:
            if name.isdigit():
                raise InvalidError("? stands for no variable", hint="Write $name, with the name of one")
            if name not in variables:
                near = nearest(name, values(self._shell))
                raise NotFoundError(
                    f"there is no variable for ${name}", hint=f"Did you mean ${near}?" if near else None
                )
        return {name: _value(variables[name]) for name in names} or None


def _kept(line: str) -> tuple[str | None, str]:
    """Take apart ``name << rest``."""
    match = KEPT.match(line)
    if match is None:
        return None, line.strip()
    if not match[1].isidentifier() or iskeyword(match[1]):
        raise InvalidError(f"{match[1]!r} cannot be the name of a variable")
    return match[1], line[match.end() :].strip()


def _is_question(text: str) -> bool:
    """Tell SQL from the name of a catalogue, which is one word or stands in quotes."""
    return len(text.split()) > 1 and not re.fullmatch(r"\"[^\"]*\"|'[^']*'", text)


def _value(value: Any) -> Any:
    """Give a value as DuckDB takes it: NumPy's and pandas' as Python's, a Reference as its text."""
    if isinstance(value, Reference):
        return value.canonical
    if isinstance(value, set | frozenset):
        return list(value)
    return value.tolist() if hasattr(value, "tolist") else value


def values(shell: InteractiveShell) -> list[str]:
    """Give the variables that people may want in a question, which are not those that IPython brings."""
    hidden = shell.user_ns_hidden
    return [name for name, value in shell.user_ns.items() if name not in hidden and _is_value(name, value)]


def _is_value(name: str, value: Any) -> bool:
    return not name.startswith("_") and not issubclass(type(value), ModuleType | Catalog) and not callable(value)
