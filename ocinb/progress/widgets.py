"""Bars in a notebook: ipywidgets' own, one for each task and one for all of them together.

JupyterLab delivers no click to a kernel that is busy, so there is no button: the kernel's own ■ stops a transfer.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocinb._text import escape_html, human_size, shorten
from ocinb.progress.protocol import State, Task
from ocinb.progress.renderer import DrawnProgress, Pulse

_STYLE = Path(__file__).with_name("panel.css")
# A tooltip need not be longer; a stranger's instruction may be of any length.
_MAX_DETAIL = 300


def heading(title: str) -> str:
    """Say what is going on; the rules by which all of the panel is drawn come with it."""
    return f'<style>{_style()}</style><div class="ocinb-title">{escape_html(title)}</div>'


def hint() -> str:
    """Say how to stop, since JupyterLab delivers no click to a kernel that is busy: a button would be a lie."""
    return '<span class="ocinb-hint">To stop, interrupt the kernel (■). What came by then is kept.</span>'


def row_cells(task: Task) -> str:
    """Name a task.

    >>> "<script>" in row_cells(Task("key", "label", 2048, "RUN <script>"))
    False
    """
    return _cells(task.label, shorten(task.detail, _MAX_DETAIL), human_size(task.total) if task.total else "")


def rest_cells(count: int) -> str:
    """Tell of those that have no row.

    >>> "and 172 smaller" in rest_cells(172)
    True
    """
    return _cells("", f"and {count:,} smaller, counted in the total")


def total_cells(words: str) -> str:
    """Tell of all together."""
    return _cells("Total", words)


@cache
def _style() -> str:
    return _STYLE.read_text(encoding="utf-8")


def _cells(label: str, detail: str, size: str = "") -> str:
    label, detail, size = (escape_html(text) for text in (label, detail, size))
    return (
        f'<div class="ocinb-row"><span class="ocinb-label">{label}</span>'
        f'<span class="ocinb-detail" title="{detail}">{detail}</span><span class="ocinb-size">{size}</span></div>'
    )


if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from ocinb.progress.protocol import Task
    from ocinb.progress.stats import Status, Tally

    Traits = Callable[[Tally], Mapping[str, object]]

# No image has more layers than these: Docker and containerd mount no more. More bars are no table any more; where
# several images come together, the smaller ones are part of the total.
_MAX_ROWS = 127
# More rows than these scroll, so that the total stays in sight.
_ROWS_IN_SIGHT = 20
# Bars count in thousandths: the browser and ipywidgets' CInt know no sizes beyond 2**31.
_FULL = 1000

_COLOURS = {
    State.WAITING: "",
    State.DOWNLOADING: "",
    State.VERIFYING: "warning",
    State.READING: "",
    State.DONE: "success",
    State.PRESENT: "info",
    State.FAILED: "danger",
}

# Seconds in which a page of JupyterLab has drawn a panel, also on a busy machine.
SETTLED_SECONDS = 1.5
# What is over by then is no wait for people; and a page has the more to do the more panels come and go.
_DELAY = 0.5

# The messages of a second: the words and the bar of the total, six rows that move, two that have come to rest.
_TURNS = ("total", "moving", "moving", "rest", "moving", "total", "moving", "moving", "rest", "moving")


class _Live:
    """A widget that follows the tally, and says nothing to the browser while it has nothing new to say."""

    def __init__(
        self, widget: Any, traits: Callable[[Tally], Mapping[str, object]], shown: Mapping[str, object]
    ) -> None:
        self._widget = widget
        self._traits = traits
        self._shown = shown

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


class _Queue:
    """Widgets that wait for a message, the one that had its turn longest ago first."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[str | None, _Live]] = deque()

    def add(self, key: str | None, live: _Live) -> None:
        self._waiting.append((key, live))

    def refresh(self, tally: Tally, keys: Container[str | None]) -> bool:
        """Let the first of those that have one of some keys, and news, have its turn."""
        for place, (key, live) in enumerate(self._waiting):
            if key in keys and live.refresh(tally):
                del self._waiting[place]
                self._waiting.append((key, live))
                return True
        return False


class _Panel:
    """The widgets of one transfer, as few as can be: each costs messages when it comes and when it goes."""

    def __init__(self) -> None:
        self._made: list[Any] = []
        self._totals, self._bars = _Queue(), _Queue()
        self._turn = 0

    def build(self, title: str, tasks: Sequence[Task], tally: Tally) -> Any:
        """Make the box to show."""
        import ipywidgets
        from ipywidgets.widgets.widget_int import ProgressStyle
        from ipywidgets.widgets.widget_string import HTMLStyle

        self._kit = ipywidgets
        self._tally = tally
        # All widgets share these, and the rules of the panel do the rest: otherwise there were three for each.
        self._layout = _anchor()
        self._text_style = self._keep(HTMLStyle())
        self._bar_style = self._keep(ProgressStyle())
        rows = _largest(tasks)
        long = ["ocinb-long"] if len(rows) > _ROWS_IN_SIGHT else []
        parts = [self._text(heading(title)), *self._rows(rows, len(tasks), long), self._sum(long)]
        return self._box(self._kit.VBox, [*parts, self._text(hint())], ["ocinb-progress"])

    def refresh(self) -> None:
        """Send one message at most, to one that has news: whoever moves is not kept waiting by all who stand."""
        tally, turn = self._tally, _TURNS[self._turn % len(_TURNS)]
        self._turn += 1
        moving, resting = tally.moving()
        rows = (moving, resting) if turn == "moving" else (resting, moving)
        if turn == "total" and self._totals.refresh(tally, {None}):
            return
        if any(self._bars.refresh(tally, keys) for keys in rows):
            return
        self._totals.refresh(tally, {None})

    def close(self) -> None:
        """Take all of it out of the kernel and out of the browser, the box first."""
        for widget in reversed(self._made):
            widget.close()

    def _rows(self, rows: Sequence[Task], tasks: int, long: Sequence[str]) -> list[Any]:
        if not rows:
            return []
        cells = [cell for task in rows for cell in self._row(task)]
        if len(rows) < tasks:
            cells.append(self._text(rest_cells(tasks - len(rows))))
        return [self._box(self._kit.GridBox, cells, ["ocinb-rows", *long])]

    def _row(self, task: Task) -> list[Any]:
        bar = self._live(self._bars, task.key, self._bar, lambda tally: _bar_traits(tally.status(task.key)))
        return [self._text(row_cells(task)), bar]

    def _sum(self, long: Sequence[str]) -> Any:
        words = self._live(self._totals, None, self._text, _total_words)
        bar = self._live(self._totals, None, self._bar, _total_traits)
        return self._box(self._kit.GridBox, [words, bar], ["ocinb-sum", *long])

    def _live(self, queue: _Queue, key: str | None, make: Callable[..., Any], traits: Traits) -> Any:
        """Make a widget as it stands at this moment, which follows the tally from now on."""
        shown = traits(self._tally)
        widget = make(**shown)
        queue.add(key, _Live(widget, traits, shown))
        return widget

    def _bar(self, **traits: object) -> Any:
        return self._keep(self._kit.IntProgress(max=_FULL, layout=self._layout, style=self._bar_style, **traits))

    def _text(self, value: str) -> Any:
        return self._keep(self._kit.HTML(value, layout=self._layout, style=self._text_style))

    def _box(self, kind: Any, children: Sequence[Any], classes: Sequence[str]) -> Any:
        return self._keep(kind(children, layout=self._layout, _dom_classes=tuple(classes)))

    def _keep(self, widget: Any) -> Any:
        self._made.append(widget)
        return widget


def _pulse(beat: Callable[[], object]) -> Pulse:
    return Pulse(beat, delay=_DELAY)


class WidgetProgress(DrawnProgress):
    """Draw a transfer as bars below a notebook's cell.

    Each beat of the drawing thread sends one message at most, however many tasks there are: ten a second. Where widgets
    cannot be shown, and in a notebook that was saved meanwhile, the title stands in their place.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        pulse: Callable[[Callable[[], object]], Pulse] = _pulse,
    ) -> None:
        super().__init__(clock=clock, pulse=pulse)
        self._handle: Any = None
        self._panel: _Panel | None = None
        self._shown_at = 0.0

    def _open(self, title: str, tasks: Sequence[Task], tally: Tally) -> None:
        self._panel = _Panel()
        box = self._panel.build(title, tasks, tally)
        handle = _new_handle()
        handle.display({**box._repr_mimebundle_(), "text/plain": f"{title} …"}, raw=True)
        self._handle, self._shown_at = handle, time.monotonic()

    def _draw(self, _tally: Tally) -> None:
        if self._panel is not None:
            self._panel.refresh()

    def _close(self, summary: str) -> None:
        handle, panel = self._handle, self._panel
        self._handle = self._panel = None
        line = {"text/plain": summary}
        if handle is not None:
            handle.update(line, raw=True)
        elif summary:
            _new_handle().display(line, raw=True)
        # The page may still be drawing the panel, and a view whose model is gone reads "Error displaying widget".
        if panel is not None:
            _call_later(SETTLED_SECONDS - (time.monotonic() - self._shown_at), panel.close)


def _call_later(seconds: float, call: Callable[[], object]) -> None:
    """Call a function after a time in a thread of its own, or at once if the time is over."""
    if seconds <= 0:
        call()
        return
    # In the caller's context, from which a kernel takes the cell that the messages belong to.
    timer = threading.Timer(seconds, contextvars.copy_context().run, (call,))
    timer.daemon = True
    timer.start()


_ANCHORS: list[Any] = []


def _anchor() -> Any:
    """Give the layout that all widgets of all panels share, and that stays when they go.

    JupyterLab ends the subshell of its widgets when the last of them goes; one that comes at that moment is bound to
    the subshell that ends, and whatever it asks is lost.
    """
    import ipywidgets

    if not _ANCHORS or _ANCHORS[0].comm is None:  # somebody closed all widgets
        _ANCHORS[:] = [ipywidgets.Layout()]
    return _ANCHORS[0]


def _new_handle() -> Any:
    from IPython.display import DisplayHandle

    return DisplayHandle()  # type: ignore[no-untyped-call]  # IPython has types for half of itself


def _largest(tasks: Sequence[Task]) -> list[Task]:
    """Pick the tasks that take the time, in the order in which they came; what has no name is only counted."""
    named = [task for task in tasks if task.label]
    by_size = sorted(range(len(named)), key=lambda index: named[index].total, reverse=True)
    return [named[index] for index in sorted(by_size[:_MAX_ROWS])]


def _bar_traits(status: Status) -> Mapping[str, object]:
    return {
        "value": int(status.fraction * _FULL),
        "bar_style": _COLOURS[status.state],
        "description": status.word,
        "_dom_classes": (f"ocinb-{status.state}",),
    }


def _total_traits(tally: Tally) -> Mapping[str, object]:
    fraction = tally.overall().fraction
    return {"value": int(fraction * _FULL), "description": f"{int(fraction * 100)} %", "_dom_classes": ()}


def _total_words(tally: Tally) -> Mapping[str, object]:
    return {"value": total_cells(tally.overall().words)}
