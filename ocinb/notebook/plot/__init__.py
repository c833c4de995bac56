"""Pictures of images, as plotly figures: where the bytes are, which are hidden, copied or shared, and what grew.

It is public as `ocinb.plot`, and each function is loaded when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

from ocinb._suggestions import nearest

_HOMES = {
    "compression": "ocinb.notebook.plot.compression_figures",
    "duplicates": "ocinb.notebook.plot.duplicate_figures",
    "growth": "ocinb.notebook.plot.growth_figures",
    "icicle": "ocinb.notebook.plot.treemap_figures",
    "layers": "ocinb.notebook.plot.layer_figures",
    "shared": "ocinb.notebook.plot.sharing_figures",
    "treemap": "ocinb.notebook.plot.treemap_figures",
    "waterfall": "ocinb.notebook.plot.waterfall_figure",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605 - the stub has the literal list


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        near = nearest(name, _HOMES)
        hint = f". Did you mean {near!r}?" if near else ""
        raise AttributeError(f"module 'ocinb.plot' has no attribute {name!r}{hint}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
