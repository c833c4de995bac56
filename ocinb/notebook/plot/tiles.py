"""The tiles of a treemap or an icicle: what stands on each, what it says, and its colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ocinb._text import human_size
from ocinb.notebook.plot.bars import STRIPES
from ocinb.notebook.plot.drawing import GREY, HIDDEN, PALETTE, text_on
from ocinb.notebook.plot.folders import Node, Path
from ocinb.notebook.plot.themed import TEXT
from ocinb.notebook.plot.words import Fact, hover, is_unknown, safe, safe_path, share, size

if TYPE_CHECKING:
    import pandas as pd

_ROOT = "rgba(127, 127, 127, 0.12)"
_LINE = "rgba(255, 255, 255, 0.55)"
_ACROSS_TILES, _ACROSS_ROWS, _LEAST, _MOST = 55, 95, 9, 60


def tiles(
    nodes: Sequence[Node], frame: pd.DataFrame, *, root_name: str, titles: int, is_icicle: bool
) -> dict[str, Any]:
    """Give the columns of the trace.

    Parameters
    ----------
    nodes
        The tree, the root first.
    frame
        What says more about a file, by the row that a node names.
    root_name
        What stands on the root.
    titles
        How many levels below the root are images and layers, before folders begin.
    is_icicle
        Whether a tile is as wide as it is large; in a treemap it is about as wide as it is high.
    """
    whole = nodes[0].sums.whole
    colors = _colors(nodes)
    return {
        "ids": [str(node.number) for node in nodes],
        "parents": ["" if node.parent is None else str(node.parent) for node in nodes],
        "labels": [_label(node, root_name, titles, nodes, _room(node, whole, is_icicle=is_icicle)) for node in nodes],
        "values": [node.sums.whole for node in nodes],
        "text": [human_size(node.sums.whole) for node in nodes],
        "hovertext": [_hover(node, frame, whole, root_name, titles) for node in nodes],
        "textfont": {"color": [TEXT if color == _ROOT else text_on(color) for color in colors]},
        "marker": {
            "colors": colors,
            "line": {"width": 1, "color": _LINE},
            "pattern": {**STRIPES, "shape": ["/" if _is_hidden(node) else "" for node in nodes]},
        },
    }


def _is_hidden(node: Node) -> bool:
    return node.kind != "root" and node.sums.hidden == node.sums.whole


def _room(node: Node, whole: int, *, is_icicle: bool) -> int:
    """Give about how many characters fit onto a tile in a narrow window."""
    part = node.sums.whole / whole
    return min(max(round(_ACROSS_ROWS * part if is_icicle else _ACROSS_TILES * part**0.5), _LEAST), _MOST)


def _label(node: Node, root_name: str, titles: int, nodes: Sequence[Node], limit: int) -> str:
    """Say what a tile is, in about the room that it has: a name that is cut says more than none."""
    if node.parent is None:
        return safe(root_name, _MOST)
    if node.kind == "more":
        return _more(node)
    name = "/".join(node.path[len(nodes[node.parent].path) :])
    if node.kind == "folder" and len(node.path) > titles:
        return safe_path(f"{name}/", limit)
    return safe(name, limit)


def _more(node: Node) -> str:
    return f"… {node.sums.files:,} more" if node.sums.files else "… more"


def _below(nodes: Sequence[Node], number: int) -> list[Node]:
    """Give what lies directly in a folder and was not gathered, the largest first."""
    return sorted(
        (node for node in nodes if node.parent == number and node.kind != "more"), key=lambda n: -n.sums.whole
    )


def _colors(nodes: Sequence[Node]) -> list[str]:
    """Colour what is below the root, from the largest on, and all in it alike; what is hidden has its own colour.

    A folder that has all to itself tells nothing apart, so those in it are coloured.
    """
    below = _below(nodes, 0)
    while len(below) == 1 and _below(nodes, below[0].number):
        below = _below(nodes, below[0].number)
    colors = {node.number: PALETTE[place] if place < len(PALETTE) else GREY for place, node in enumerate(below)}
    for node in nodes:  # each comes after its folder
        if node.parent is not None:
            colors.setdefault(node.number, colors.get(node.parent, GREY))
    return [_ROOT if not node.number else HIDDEN if _is_hidden(node) else colors[node.number] for node in nodes]


def _hover(node: Node, frame: pd.DataFrame, whole: int, root_name: str, titles: int) -> str:
    sums = node.sums
    facts: list[Fact] = [("size", size(sums.whole)), ("of all", share(sums.whole, whole))]
    if node.kind == "file":
        row = frame.loc[node.row].to_dict()
        return hover("/".join(node.path[titles:]), [*facts, *_file_facts(row, is_hidden=_is_hidden(node))])
    if sums.hidden:
        facts.append(("hidden", f"{size(sums.hidden)}, {share(sums.hidden, sums.whole)}"))
    if sums.files:
        facts.append(("files", f"{sums.files:,}"))
    folder = _called(node.path[:-1] if node.kind == "more" else node.path, titles) or root_name
    return hover(f"{_more(node)} in {folder}" if node.kind == "more" else folder, facts)


def _called(path: Path, titles: int) -> str:
    """Name a place: its images and layers, then its folders."""
    return " · ".join(part for part in (*path[:titles], "/".join(path[titles:])) if part)


def _file_facts(row: dict[Any, Any], *, is_hidden: bool) -> list[Fact]:
    known = {name: value for name, value in row.items() if not is_unknown(value)}
    return [
        ("layer", known.get("layer")),
        ("change", known.get("change")),
        ("seen in the end", "no" if is_hidden else "yes"),
        ("mode", f"{known['mode']:04o}" if "mode" in known else None),
        ("owner", f"{known['uid']}:{known['gid']}" if {"uid", "gid"} <= known.keys() else None),
        ("sha256", known["sha256"][:12] if "sha256" in known else None),
    ]
