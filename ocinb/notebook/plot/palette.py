"""The colors of all plots, distinct for color-blind readers."""

from __future__ import annotations

from typing import Final

# The gray with the same contrast to JupyterLab's white as to its black, for pages that set no text color.
TEXT: Final = "#787878"
# Okabe and Ito's palette, told apart by colour-blind people too; vermillion is kept for what is hidden, with a pattern.
BLUE, GREEN, PURPLE, ORANGE, SKY, YELLOW = "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
HIDDEN: Final = "#D55E00"
GREY: Final = "#999999"
FAINT: Final = "rgba(127, 127, 127, 0.3)"


def text_on(color: str) -> str:
    """Give the colour of text that is read best on one of ours.

    >>> text_on(BLUE), text_on(YELLOW)
    ('white', 'black')
    """
    return "white" if color == BLUE else "black"
