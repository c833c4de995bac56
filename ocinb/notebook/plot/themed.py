"""Text in the colour of the page that a plot stands in, so that it reads as well in a dark theme as in a light one.

Plotly itself takes no colour that a page decides, but its texts may have a style, and a style can name a variable of
the page. Where there is none, as in the picture that JupyterLab keeps in a notebook, a grey is left that reads in both.
"""

from __future__ import annotations

from typing import Any, Final

# The grey that is as far from JupyterLab's white as from its black, for where no page gives its own colour.
TEXT: Final = "#787878"
# JupyterLab and Notebook 7, VS Code, and a page with the HTML of `chart`, where it is the colour of the text around.
_STYLE = f"color:var(--jp-content-font-color1,var(--vscode-editor-foreground,var(--ocinb-plot-text,{TEXT})))"
# On bars and tiles plotly chooses what is seen on their colour; these stand beside them, on the page.
_BESIDE = {"bar": "outside", "waterfall": "outside"}
_AREAS = {"treemap", "icicle"}


def themed(figure: dict[str, Any]) -> dict[str, Any]:
    """Let the texts of a figure have the colour of its page, in place; but not if another template has chosen one.

    Parameters
    ----------
    figure
        What plotly draws, as JSON.
    """
    layout = figure["layout"]
    if layout.get("font", {}).get("color") != TEXT:
        return figure
    title = layout.get("title", {})
    for place in (title, title.get("subtitle", {}), *layout.get("annotations", ())):
        _color(place, "text")
    for name, axis in layout.items():
        if name.startswith(("xaxis", "yaxis")):
            _color(axis, "ticktext")
    for trace in figure["data"]:
        _color_trace(trace)
    return figure


def _color_trace(trace: dict[str, Any]) -> None:
    kind = trace["type"]
    _color(trace, "name")
    if kind == "scatter" or (kind in _BESIDE and trace.get("textposition") == _BESIDE[kind]):
        _color(trace, "text")
    if kind in _AREAS:  # the root shows the page through
        for name in ("labels", "text"):
            trace[name] = [_colored(trace[name][0]), *trace[name][1:]]


def _color(place: dict[str, Any], name: str) -> None:
    found = place.get(name)
    if isinstance(found, list):
        place[name] = [_colored(text) for text in found]
    elif found:
        place[name] = _colored(found)


def _colored(text: Any) -> Any:
    return f'<span style="{_STYLE}">{text}</span>' if isinstance(text, str) and text else text
