"""What a plot says of a layer: its label, its instruction, and all facts about it when the mouse rests there."""

from __future__ import annotations

from typing import Any

from ocinb._text import shorten
from ocinb.notebook.plot.bars import Bar
from ocinb.notebook.plot.questions import Picked
from ocinb.notebook.plot.words import Fact, digest, hover, is_unknown, safe, size

COLUMNS = ["reference", "platform", "layer", "digest", "compressed_bytes", "instruction"]
_NAME_CHARACTERS = 60


def instruction_of(row: dict[Any, Any]) -> str:
    """Give what the Dockerfile said, or that nobody knows."""
    return "(instruction unknown)" if is_unknown(row["instruction"]) else str(row["instruction"])


def name_of(row: dict[Any, Any]) -> str:
    """Call a layer in words."""
    return f"layer {row['layer']}, {shorten(instruction_of(row), _NAME_CHARACTERS)}"


def label_of(row: dict[Any, Any], image: str = "") -> str:
    """Call a layer beside its bar; among several images with the image in front."""
    text = f"{row['layer']}  {instruction_of(row)}"
    return f"{safe(image, 24)}  {safe(text, 24)}" if image else safe(text)


def facts_of(row: dict[Any, Any]) -> list[Fact]:
    """Say all that is known of a layer."""
    known = {name: value for name, value in row.items() if not is_unknown(value)}
    sizes = [("compressed", "compressed_bytes"), ("tar", "tar_bytes"), ("hidden", "hidden_bytes")]
    return [
        ("instruction", instruction_of(row)),
        *((name, size(known[column])) for name, column in sizes if column in known),
        ("files", f"{known['files']:,}" if "files" in known else None),
        ("compression", known.get("compression")),
        ("digest", digest(known.get("digest"))),
        ("made", f"{known['created']:%Y-%m-%d %H:%M} UTC" if "created" in known else None),
    ]


def layer_bars(picked: Picked, column: str, *, part: str = "", image: str = "") -> list[Bar]:
    """Make a bar for each layer of an image whose size is known.

    Parameters
    ----------
    picked
        The image.
    column
        Where the size stands.
    part
        Where the size of what is told apart stands, if anything is.
    image
        How the image is called, if there are several.
    """
    rows: list[dict[Any, Any]] = picked.rows.to_dict("records")
    return [_bar(row, column, part, image) for row in rows if not is_unknown(row[column])]


def _bar(row: dict[Any, Any], column: str, part: str, image: str) -> Bar:
    told = row.get(part) if part else 0
    shown = hover(f"{image} layer {row['layer']}".strip(), facts_of(row))
    hidden = 0 if is_unknown(told) else int(told or 0)
    return Bar(label_of(row, image), shown, int(row[column]), hidden, f"{image} {name_of(row)}".strip())
