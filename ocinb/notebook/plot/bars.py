"""A horizontal bar for each thing, the first one on top: what most plots are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ocinb._text import human_size
from ocinb.notebook.plot.figure import hover, size
from ocinb.notebook.plot.palette import BLUE


@dataclass(frozen=True, slots=True)
class Bar:
    """One thing and its sizes.

    Attributes
    ----------
    label
        What stands beside it, safe for plotly.
    hover
        What shows when the mouse rests on it, safe too.
    whole
        Its size, in bytes.
    part
        What of that is told apart, in bytes.
    name
        What it is called in words, for the text in place of the picture.
    has_bar
        Whether it is drawn; else its label says its size.
    """

    label: str
    hover: str
    whole: int
    part: int = 0
    name: str = ""
    has_bar: bool = True

    @property
    def drawn(self) -> int:
        """How long its bar is, in bytes."""
        return self.whole if self.has_bar else 0

    @property
    def drawn_part(self) -> int:
        """How much of it is told apart."""
        return self.part if self.has_bar else 0

    def text(self, words: str) -> str:
        """Give what stands beside the bar, if there is one."""
        return words if self.has_bar else ""


def largest(bars: Sequence[Bar], top: int, noun: str, *, is_sorted: bool) -> list[Bar]:
    """Keep the largest, and gather the others into one at the end."""
    order = sorted(range(len(bars)), key=lambda place: -bars[place].whole)
    kept, rest = order[:top], order[top:]
    chosen = [bars[place] for place in (kept if is_sorted else sorted(kept))]
    if not rest:
        return chosen
    whole, part = sum(bars[place].whole for place in rest), sum(bars[place].part for place in rest)
    return [*chosen, gathered(len(rest), whole, noun, beside=chosen, part=part)]


def gathered(count: int, whole: int, noun: str, *, beside: Sequence[Bar], part: int = 0) -> Bar:
    """Make one bar of many; or a line of words, if beside it the others could not be seen."""
    has_bar = whole <= max(bar.whole for bar in beside)
    label = f"… {count:,} more" if has_bar else f"… {count:,} more, {human_size(whole)} together"
    shown = hover(f"… {count:,} more {noun if count > 1 else noun.removesuffix('s')}", [("together", size(whole))])
    return Bar(label, shown, whole, part, has_bar=has_bar)


def named_largest(bars: Iterable[Bar], count: int = 3) -> str:
    """Name the largest in words, for the text in place of a picture."""
    chosen = sorted((bar for bar in bars if bar.name), key=lambda bar: -bar.whole)[:count]
    return ", ".join(f"{bar.name} ({human_size(bar.whole)})" for bar in chosen)


# On the colour itself, so that it stays what it is.
STRIPES: Final = {
    "shape": "/",
    "fillmode": "overlay",
    "fgcolor": "#ffffff",
    "fgopacity": 0.35,
    "solidity": 0.3,
    "size": 8,
}


def solid(color: str = BLUE) -> dict[str, object]:
    """Fill bars with one colour."""
    return {"color": color, "line": {"width": 0}}


def hatched(color: str) -> dict[str, object]:
    """Fill bars with stripes as well, so that colour is not alone in telling."""
    return {"color": color, "line": {"width": 0}, "pattern": STRIPES}
