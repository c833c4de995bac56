"""Bars in a notebook: ipywidgets' own, one for each of the largest tasks and one for all of them together.

JupyterLab delivers no click to a kernel that is busy, so there is no button: the kernel's own ■ stops a transfer.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from ocinb._text import escape_html, human_size
from ocinb.progress.drawing import DrawnProgress, Pulse
from ocinb.progress.protocol import State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ocinb.progress.protocol import Task
    from ocinb.progress.tally import Status, Tally

__all__ = ["WidgetProgress"]

# More bars than these are no table any more; the others are part of the total.
_MAX_ROWS = 12
# A tooltip need not be longer; a stranger's instruction may be of any length.
_MAX_DETAIL = 300
# Bars count in thousandths: the browser and ipywidgets' CInt know no sizes beyond 2**31.
_FULL = 1000

_COLOURS = {
    State.WAITING: "",
    State.DOWNLOADING: "",
    State.VERIFYING: "warning",
    State.DONE: "success",
    State.PRESENT: "info",
    State.FAILED: "danger",
}

_HINT = '<span class="ocinb-hint">To stop, interrupt the kernel: ■ in the toolbar.</span>'

_STYLE = """<style>
.ocinb-progress { max-width: 1000px; padding: 4px 0; overflow: hidden; }
.ocinb-progress .widget-html { margin: 0; min-width: 0; height: auto; }
.ocinb-progress .widget-html-content { flex: auto; min-width: 0; line-height: 22px; }
.ocinb-progress .ocinb-row { display: flex; gap: 14px; white-space: nowrap; }
.ocinb-progress .ocinb-label { flex: none; width: 12ch; font-family: var(--jp-code-font-family, monospace); }
.ocinb-progress .ocinb-detail { flex: auto; min-width: 0; overflow: hidden; text-overflow: ellipsis; opacity: .7; }
.ocinb-progress .ocinb-size { flex: none; font-variant-numeric: tabular-nums; }
.ocinb-progress .ocinb-hint { opacity: .7; }
.ocinb-progress .widget-hprogress {
  flex-direction: row-reverse; align-items: center; gap: 10px; height: 22px; margin: 0; padding-left: 16px; }
.ocinb-progress .widget-hprogress > .progress {
  align-self: center; height: 12px; margin: 0; border-radius: 3px; overflow: hidden; }
.ocinb-progress .widget-hprogress .progress-bar { transition: width .5s linear; }
.ocinb-progress .widget-hprogress > .widget-label {
  align-self: center; width: 84px; height: 22px; margin: 0; line-height: 22px; text-align: left;
  font-variant-numeric: tabular-nums; }
.ocinb-progress .jupyter-widgets.ocinb-total {
  height: auto; margin-top: 4px; padding-top: 4px; border-top: 1px solid var(--jp-border-color2, #ccc); }
.ocinb-progress .ocinb-total .ocinb-detail { opacity: 1; white-space: normal; }
</style>"""


class _Live:
    """A widget that follows the tally, and says nothing to the browser while it has nothing new to say."""

    def __init__(self, widget: Any, traits: Callable[[Tally], Mapping[str, object]]) -> None:
        self._widget = widget
        self._traits = traits
        self._shown: Mapping[str, object] = {}

    def refresh(self, tally: Tally) -> bool:
        """Show what is new, in one message; tell whether there was anything."""
        traits = self._traits(tally)
        if traits == self._shown:
            return False
        with self._widget.hold_sync():
            for name, value in traits.items():
                setattr(self._widget, name, value)
        self._shown = traits
        return True


class WidgetProgress(DrawnProgress):
    """Draw a transfer as bars below a notebook's cell.

    Each beat of the drawing thread sends one message at most, however many tasks there are: ten a second.

    Parameters
    ----------
    clock, pulse
        See `DrawnProgress`.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        pulse: Callable[[Callable[[], object]], Pulse] = Pulse,
    ) -> None:
        super().__init__(clock=clock, pulse=pulse)
        self._handle: Any = None
        self._widgets: list[Any] = []
        self._turns: deque[_Live] = deque()

    def _open(self, title: str, tasks: Sequence[Task]) -> None:
        import ipywidgets

        rows = _largest(tasks)
        cells = [cell for task in rows for cell in self._row(task)]
        if rows and len(rows) < len(tasks):
            cells += self._rest(len(tasks) - len(rows))
        cells += self._total()
        columns = ipywidgets.Layout(grid_template_columns="minmax(0, 2fr) minmax(190px, 1fr)", grid_gap="0")
        grid = self._keep(ipywidgets.GridBox(cells, layout=columns))
        box = self._keep(ipywidgets.VBox([self._text(_heading(title)), grid, self._text(_HINT)]))
        box.add_class("ocinb-progress")
        handle = _new_handle()
        handle.display(box)
        self._handle = handle

    def _draw(self, tally: Tally) -> None:
        for _ in range(len(self._turns)):
            live = self._turns[0]
            self._turns.rotate(-1)
            if live.refresh(tally):
                return

    def _close(self, summary: str) -> None:
        line = {"text/plain": summary}
        if self._handle is None:
            _new_handle().display(line, raw=True)
        else:
            self._handle.update(line, raw=True)
        # Only after the line has taken the box's place: a view without its model reads "Error displaying widget".
        for widget in self._widgets:
            _close_widget(widget)
        self._handle = None
        self._widgets.clear()
        self._turns.clear()

    def _row(self, task: Task) -> list[Any]:
        bar = self._bar()
        self._turns.append(_Live(bar, lambda tally: _bar_traits(tally.status(task.key))))
        return [self._text(_row_html(task)), bar]

    def _rest(self, count: int) -> list[Any]:
        return [self._text(_cells("", f"and {count} smaller, counted in the total")), self._text("")]

    def _total(self) -> list[Any]:
        words, bar = self._text(""), self._bar()
        words.add_class("ocinb-total")
        bar.add_class("ocinb-total")
        self._turns.append(_Live(words, _total_words))
        self._turns.append(_Live(bar, _total_traits))
        return [words, bar]

    def _bar(self) -> Any:
        import ipywidgets

        return self._keep(ipywidgets.IntProgress(max=_FULL, description=State.WAITING.value, layout={"width": "auto"}))

    def _text(self, markup: str) -> Any:
        import ipywidgets

        return self._keep(ipywidgets.HTML(markup))

    def _keep(self, widget: Any) -> Any:
        self._widgets.append(widget)
        return widget


def _new_handle() -> Any:
    from IPython.display import DisplayHandle

    return DisplayHandle()  # type: ignore[no-untyped-call]  # IPython has types for half of itself


def _largest(tasks: Sequence[Task]) -> list[Task]:
    """Pick the tasks that take the time, in the order in which they came; none where all are alike and of no size."""
    if len(tasks) > _MAX_ROWS and not any(task.total for task in tasks):
        return []
    by_size = sorted(range(len(tasks)), key=lambda index: tasks[index].total, reverse=True)
    return [tasks[index] for index in sorted(by_size[:_MAX_ROWS])]


def _bar_traits(status: Status) -> Mapping[str, object]:
    return {"value": int(status.fraction * _FULL), "bar_style": _COLOURS[status.state], "description": status.word}


def _total_traits(tally: Tally) -> Mapping[str, object]:
    fraction = tally.overall().fraction
    return {"value": int(fraction * _FULL), "description": f"{int(fraction * 100)} %"}


def _total_words(tally: Tally) -> Mapping[str, object]:
    return {"value": _cells("Total", tally.overall().words)}


def _heading(title: str) -> str:
    return f"{_STYLE}<b>{escape_html(title)}</b>"


def _row_html(task: Task) -> str:
    return _cells(task.label, task.detail, human_size(task.total) if task.total else "")


def _cells(label: str, detail: str, size: str = "") -> str:
    """One row's text; whatever strangers wrote in it stays text."""
    label, detail, size = (escape_html(text) for text in (label, detail[:_MAX_DETAIL], size))
    return (
        f'<div class="ocinb-row"><span class="ocinb-label">{label}</span>'
        f'<span class="ocinb-detail" title="{detail}">{detail}</span><span class="ocinb-size">{size}</span></div>'
    )


def _close_widget(widget: Any) -> None:
    # Closing a widget leaves its layout and style behind, in the kernel and in the browser.
    for part in (widget, widget.layout, getattr(widget, "style", None)):
        if part is not None:
            part.close()
