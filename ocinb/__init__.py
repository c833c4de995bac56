"""A notebook workbench for container registries.

Helper functions give manifests, layers and tags as pandas DataFrames, pull blobs with progress, and keep catalogues in
DuckDB. Everything is loaded when it is first used, so that ``import ocinb`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import Any

from ocinb._lazy import collector_off

# Where each public name lives. The stub beside this file tells the same to editors and type checkers.
_HOMES = {
    "Catalog": "ocinb.catalog.catalog",
    "Progress": "ocinb.progress.protocol",
    "Reference": "ocinb.spec.reference",
    "configs": "ocinb.frames.images",
    "document": "ocinb.frames.documents",
    "efficiency": "ocinb.frames.contents",
    "errors": "ocinb",
    "explain": "ocinb.notebook.explain.explain",
    "explore": "ocinb.notebook.explore.explorer",
    "files": "ocinb.frames.contents",
    "filesystem": "ocinb.frames.contents",
    "hidden": "ocinb.frames.contents",
    "history": "ocinb.frames.images",
    "layers": "ocinb.frames.images",
    "manifests": "ocinb.frames.images",
    "plot": "ocinb.notebook",
    "pull": "ocinb.frames.pulling",
    "rate_limit": "ocinb.frames.listings",
    "read": "ocinb.frames.read_file",
    "referrers": "ocinb.frames.relations",
    "repositories": "ocinb.frames.listings",
    "samples": "ocinb",
    "settings": "ocinb._settings",
    "shared": "ocinb.frames.relations",
    "show": "ocinb.notebook.show.show",
    "store": "ocinb.frames.local_store",
    "tags": "ocinb.frames.listings",
    "trace": "ocinb.notebook.trace.trace",
}
# Those that are modules themselves.
_MODULES = {"errors", "plot", "samples"}
# What IPython asks for at `%load_ext ocinb`, and nobody else.
_HOOKS = {
    "load_ipython_extension": "ocinb.notebook.extension",
    "unload_ipython_extension": "ocinb.notebook.extension",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the stub has the literal list
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name) or _HOOKS.get(name)
    if home is None:
        raise AttributeError(f"module 'ocinb' has no attribute {name!r}{_suggestion(name)}")
    with collector_off():
        is_module = name in _MODULES
        value = importlib.import_module(f"{home}.{name}") if is_module else getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*_HOMES, *(name for name in globals() if name.startswith("__"))})


def _suggestion(name: str) -> str:
    from ocinb._suggestions import nearest
    from ocinb.notebook import plot

    if name in plot.__all__:
        return f". Did you mean 'plot.{name}'?"
    near = nearest(name, _HOMES)
    return f". Did you mean {near!r}?" if near else ""
