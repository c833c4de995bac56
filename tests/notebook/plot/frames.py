"""Frames of ours with a few rows, so that what is drawn can be added up by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ocinb.frames import schemas

HOSTILE = (
    '"><img src=x onerror=alert(1)><script>x</script><a href="javascript:alert(1)">$x^2$ %{meta.alt} \x1b[31m\u202e'
)
IMAGE = {"reference": "demo/shop:2.0", "platform": "linux/amd64", "manifest_digest": "sha256:" + "ab" * 32}


def layers(*rows: Mapping[str, Any], **common: Any) -> pd.DataFrame:
    return schemas.LAYERS.frame(
        {
            **IMAGE,
            "layer": number,
            "digest": f"sha256:{number:064x}",
            "instruction": f"RUN step-{number}",
            **common,
            **row,
        }
        for number, row in enumerate(rows)
    )


def files(*rows: tuple[str, int | None, int, bool], **common: Any) -> pd.DataFrame:
    """Give a frame of `ocinb.files`; a row is path, size, layer and whether it is visible."""
    return schemas.FILES.frame(
        {**IMAGE, "path": path, "type": "file", "size_bytes": size, "layer": layer, "visible": visible, **common}
        for path, size, layer, visible in rows
    )


def filesystem(*rows: tuple[str, int | None, str | None], **common: Any) -> pd.DataFrame:
    """Give a frame of `ocinb.filesystem`; a row is path, size and what stands for its SHA-256."""
    return schemas.FILESYSTEM.frame(
        {**IMAGE, "path": path, "type": "file", "size_bytes": size, "sha256": sha256, "layer": 0, **common}
        for path, size, sha256 in rows
    )


def history(*rows: Mapping[str, Any], **common: Any) -> pd.DataFrame:
    return schemas.HISTORY.frame(
        {**IMAGE, "position": number, "empty_layer": False, "instruction": f"RUN step-{number}", **common, **row}
        for number, row in enumerate(rows)
    )


def texts(figure: Any) -> list[str]:
    """Give all texts in a figure that plotly would draw, from its title to what hovers."""
    plain = figure.to_plotly_json()
    plain["layout"].pop("template", None)
    plain["layout"].pop("meta")
    return list(_texts(plain))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for one in value.values() for text in _texts(one)]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one)]
    return []
