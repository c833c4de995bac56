"""`Chart`, the plotly figure that all plots return, with alternative text and the text color of its page.

It imports plotly, so `figure.chart` imports this module late.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import plotly.io

from ocinb._text import NO_MATHS, escape_html
from ocinb.notebook.plot.palette import TEXT

# JupyterLab and Notebook 7, VS Code, and a page with the HTML of `chart`, where it is the colour of the text around.
_STYLE = f"color:var(--jp-content-font-color1,var(--vscode-editor-foreground,var(--ocinb-plot-text,{TEXT})))"
# On bars and tiles plotly chooses what is seen on their colour; these stand beside them, on the page.
_BESIDE = {"bar": "outside", "waterfall": "outside"}
_AREAS = {"treemap", "icicle"}


def themed(figure: dict[str, Any]) -> dict[str, Any]:
    """Let the texts of a figure have the colour of its page, in place; but not if another template has chosen one."""
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


MIMETYPE = "application/vnd.plotly.v1+json"
# Renderers that mean the same as no choice at all.
_OURS = {"plotly_mimetype", "jupyterlab", "nteract", "vscode", "browser"}
# What plotly looks at to find out where it is.
_HOSTS = (
    "PLOTLY_RENDERER",
    "COLAB_NOTEBOOK_ID",
    "COLAB_RELEASE_TAG",
    "AZURE_NOTEBOOKS_HOST",
    "COCALC_PROJECT_ID",
    "DATABRICKS_RUNTIME_VERSION",
)
_CONFIG = {"displaylogo": False, "responsive": True, "typesetMath": False}
# For a page that has plotly.js, wherever in it that stands; without it the words remain.
_SCRIPT = """<script>(() => {{
  const place = document.getElementById("{name}"), figure = {figure};
  const draw = () => {{
    if (!window.Plotly) return;
    place.replaceChildren();
    window.Plotly.newPlot(place, figure.data, figure.layout, figure.config);
  }};
  if (document.readyState === "complete") draw(); else window.addEventListener("load", draw);
}})();</script>"""


class Chart(go.Figure):  # type: ignore[misc] # plotly has no types
    """A plotly figure with a text in place of the picture, for whoever does not see it.

    A notebook gets plotly's own MIME type, which JupyterLab and Notebook 7 draw without a network; a page gets HTML
    that draws where plotly.js is loaded; and both have `alt` as words. If another renderer of plotly was chosen, that
    one draws.
    """

    @property
    def alt(self) -> str:
        """What is to be seen, in words and figures."""
        meta = self.layout.meta
        return str(meta["alt"]) if isinstance(meta, dict) and "alt" in meta else "A figure."

    @property
    def failures(self) -> list[dict[str, str]]:
        """Which names were left out by ``errors="skip"``, and why: reference and error of each."""
        meta = self.layout.meta
        return list(meta.get("failures", ())) if isinstance(meta, dict) else []

    def __repr__(self) -> str:
        return self.alt

    # IPython would ask this first, and with it plotly shows its own type alone.
    _ipython_display_ = None

    def _repr_mimebundle_(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        chosen = _chosen()
        if chosen and not _OURS.intersection(chosen.split("+")):
            return {**super()._repr_mimebundle_(*args, **kwargs), "text/plain": self.alt}
        text = plotly.io.to_json(self, validate=False)
        figure = {**themed(json.loads(text)), "config": _CONFIG}
        return {MIMETYPE: figure, "text/html": _page(figure, self.alt), "text/plain": self.alt}

    def _repr_html_(self) -> str:
        html: str = self._repr_mimebundle_().get("text/html", escape_html(self.alt))
        return html


def _chosen() -> str | None:
    """Name the renderer of plotly that somebody chose, or that the host of the notebook needs.

    Plotly's answer costs two seconds of CPU, since it loads nbformat with all of jsonschema first. So it is only asked
    if it has been loaded anyway, which setting `plotly.io.renderers.default` does, or if it might say something new.
    """
    may_differ = any(name in os.environ for name in _HOSTS) or Path("/kaggle/input").exists()
    return str(plotly.io.renderers.default) if may_differ or "plotly.io._renderers" in sys.modules else None


def _page(figure: dict[str, Any], alt: str) -> str:
    name = f"ocinb-plot-{uuid.uuid4()}"
    raw = json.dumps(figure, separators=(",", ":"))
    inert = raw.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    words = escape_html(alt)
    script = _SCRIPT.format(name=name, figure=inert)
    style = "--ocinb-plot-text:currentColor"  # see `themed`
    opened = f'<div id="{name}" class="ocinb-plot {NO_MATHS}" role="img" aria-label="{words}" style="{style}">'
    return f"{opened}<p>{words}</p></div>{script}"
