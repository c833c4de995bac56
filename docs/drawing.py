"""What the page on hidden bytes is made of: images of a few files, and a picture of one of them."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import ocinb
from ocinb.samples.images import make_layer
from ocinb.samples.tars import Entry

FIGURES = ["stored_bytes", "visible_bytes", "hidden_bytes", "efficiency", "dive_wasted_bytes", "dive_efficiency"]

_WIDTH, _LEFT, _RIGHT, _SPARE = 760, 130, 4, 60
_ROW, _BOX, _MARKER, _GAP = 64, 34, 34, 8
_STYLE = """
.hb { font: 13px/1.2 var(--font-stack, sans-serif); max-width: 100%; height: auto; }
.hb text { fill: var(--color-foreground-primary, currentColor); }
.hb .small { font-size: 11px; fill: var(--color-foreground-secondary, currentColor); }
.hb .seen { fill: var(--color-brand-primary, #2a6fdb); fill-opacity: .22; stroke: var(--color-brand-primary, #2a6fdb); }
.hb .gone { fill: url(#hb-lines); stroke: var(--color-foreground-muted, #777); stroke-dasharray: 4 3; }
.hb .marker { fill: none; stroke: var(--color-foreground-muted, #777); stroke-dasharray: 1 3; }
.hb .lines { stroke: var(--color-foreground-muted, #777); stroke-opacity: .45; }
"""
_LINES = (
    '<pattern id="hb-lines" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<line class="lines" x1="0" y1="0" x2="0" y2="6" stroke-width="2"/></pattern>'
)


def kilobytes(count: int) -> bytes:
    """Give a content of some length."""
    return bytes(1000 * count)


def image(*layers: Iterable[Entry]) -> pd.DataFrame:
    """Make an image of layers, and give what ocinb and dive say of it."""
    with ocinb.samples.registry() as registry:
        registry.put_image("page/example", [make_layer(layer) for layer in layers], tag="1")
        return ocinb.efficiency(registry.reference("page/example:1"), progress=False)[FIGURES]


@dataclass(frozen=True)
class _Box:
    """A file in a row of the picture."""

    style: str
    label: str
    note: str
    width: float


def picture(files: pd.DataFrame, hidden: pd.DataFrame) -> str:
    """Draw the layers of an image, the last one on top, and above them what is left of them.

    Parameters
    ----------
    files, hidden
        The frames of one image, with all their columns.

    Returns
    -------
    str
        An SVG in the colours of the page that it stands in, be it light or dark.
    """
    files = files[files["type"].isin(["file", "whiteout"])]
    scale = (_WIDTH - _LEFT - _RIGHT - _SPARE) / int(files.groupby("layer")["size_bytes"].sum().max())
    why = {
        (layer, path): f"{reason} in {hidden_in}"
        for layer, path, reason, hidden_in in _tuples(hidden, ["stored_in", "path", "reason", "hidden_in"])
    }
    boxes: dict[str, list[_Box]] = {"a container sees": []}
    for layer, path, kind, size, visible in _tuples(files, ["layer", "path", "type", "size_bytes", "visible"]):
        stored = boxes.setdefault(f"layer {layer} stores", [])
        if kind == "whiteout":
            stored.append(_Box("marker", "✕", path, _MARKER))
            continue
        stored.append(_Box("seen" if visible else "gone", path, _note(size, why.get((layer, path))), size * scale))
        if visible:
            boxes["a container sees"].append(_Box("seen", path, _note(size, f"of layer {layer}"), size * scale))
    top, *layers = boxes.items()
    return _svg([top, *reversed(layers)])


def _tuples(frame: pd.DataFrame, columns: list[str]) -> Iterable[Sequence[Any]]:
    return frame[columns].itertuples(index=False, name=None)


def _note(size: int, more: str | None) -> str:
    return f"{size // 1000} kB" + (f", {more}" if more else "")


def _svg(rows: Sequence[tuple[str, Sequence[_Box]]]) -> str:
    height = _ROW * len(rows) + 8
    drawn = "".join(_row(title, boxes, 4 + _ROW * number) for number, (title, boxes) in enumerate(rows))
    told = "; ".join(f"{title} {', '.join(f'{box.label} {box.note}' for box in boxes)}" for title, boxes in rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="hb" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" '
        f'role="img" aria-label="{html.escape(told)}">'
        f"<style>{_STYLE}</style><defs>{_LINES}</defs>{drawn}</svg>"
    )


def _row(title: str, boxes: Sequence[_Box], top: float) -> str:
    parts = [f'<text x="0" y="{top + 21}">{html.escape(title)}</text>']
    left = float(_LEFT)
    for box in boxes:
        middle = left + box.width / 2
        parts += [
            f'<rect class="{box.style}" x="{left:.0f}" y="{top}" width="{box.width:.0f}" height="{_BOX}" rx="3"/>',
            f'<text x="{middle:.0f}" y="{top + 21}" text-anchor="middle">{html.escape(box.label)}</text>',
            f'<text class="small" x="{left:.0f}" y="{top + _BOX + 14}">{html.escape(box.note)}</text>',
        ]
        left += box.width + _GAP
    return "".join(parts)
