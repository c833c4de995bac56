"""Choice: which catalogue is meant by what stands behind `%%ocisql`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeGuard

from ocinb._text import nearest
from ocinb.catalog.catalog import Catalog
from ocinb.errors import InvalidError, NotFoundError
from ocinb.sources.name_lookup import local_path, not_there


def choose_catalog(wanted: str, last: str, variables: Mapping[str, Any]) -> tuple[str, Catalog]:
    """Find a catalogue, and how it is called.

    Parameters
    ----------
    wanted
        A variable, or a path; empty for the last one, or else the only one among the variables.
    last
        What was meant last time, empty if nothing was. A variable may hold another catalogue by now.
    variables
        The notebook's variables.

    Returns
    -------
    tuple
        The variable or path, and the catalogue.

    Raises
    ------
    NotFoundError
        If nothing is called so; a file is not made, since a mistyped name would make an empty one.
    InvalidError
        If it is no catalogue, or it is not said which of several is meant.
    """
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
