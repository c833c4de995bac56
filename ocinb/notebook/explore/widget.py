"""The explorer's page: what stands in `page/` as one widget, and the way of its questions to the answers.

What may have to fetch something is answered one after the other in a thread of its own, so that it can be stopped from
the page: a kernel with subshells takes messages in a thread that its interrupt does not reach, one without them takes
none meanwhile. All else is answered at once. The page asks the next search when it has the answer to the last, so none
of them queue.

Each question says which view asks it, and a view that is removed says that it leaves; when none is there any more, what
was read is let go.
"""

from __future__ import annotations

import contextvars
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

import anywidget
import traitlets

from ocinb._text import human_size
from ocinb.progress.protocol import State, Task

# Each word to the page is a message; nobody reads more of them.
_SECONDS: Final = 0.2


class Stopped(KeyboardInterrupt):
    """Somebody wants no answer any more: it ends a reading as an interrupt does, which does not reach other threads."""


class Watch:
    """Tell in a few words how far a reading is, and end it when nobody wants it any more.

    Examples
    --------
    >>> watch = Watch(print)
    >>> watch.start("Reading", [Task("sha256:01", "01", 2_000_000)])
    0 B of 2.0 MB, 0 of 1 layers read
    >>> watch.stop()
    >>> try:
    ...     watch.advance("sha256:01", 1000)
    ... except Stopped:
    ...     print("stopped")
    stopped
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._tasks: dict[str, Task] = {}
        self._done: set[str] = set()
        self._bytes, self._told_at = 0, 0.0

    def stop(self) -> None:
        """End the reading at its next step."""
        self._stopped.set()

    def check(self) -> None:
        """Raise if it is to end."""
        if self._stopped.is_set():
            raise Stopped

    def start(self, _title: str, tasks: Sequence[Task]) -> None:
        """Begin with these layers."""
        self.check()
        with self._lock:
            self._tasks = {task.key: task for task in tasks}
            self._done, self._bytes, self._told_at = set(), 0, 0.0
        self._say()

    def advance(self, _key: str, amount: int) -> None:
        """Take note of bytes that came."""
        self.check()
        with self._lock:
            self._bytes += amount
        self._say()

    def state(self, key: str, state: State) -> None:
        """Take note of a layer that is read."""
        self.check()
        with self._lock:
            if state.complete:
                self._done.add(key)
        self._say()

    def finish(self, _summary: str) -> None:
        """Say nothing: the answer comes."""

    def _say(self) -> None:
        with self._lock:
            now = monotonic()
            if now - self._told_at < _SECONDS:
                return
            self._told_at = now
            whole = sum(task.total for task in self._tasks.values())
            layers = f"{len(self._done)} of {len(self._tasks)} layers read"
            words = f"{human_size(max(0, self._bytes))} of {human_size(whole)}, {layers}"
        self._tell(words)


class Viewers:
    """The views that show an explorer, each by its name, and how much is done for them.

    One that nobody has looked at yet waits to be shown, and lets nothing go.

    Examples
    --------
    >>> viewers = Viewers(lambda: print("let go"))
    >>> viewers.come("one")
    >>> with viewers.at_work():
    ...     viewers.go("one")
    ...     print("an answer")
    an answer
    let go
    """

    def __init__(self, let_go: Callable[[], None]) -> None:
        self._let_go = let_go
        self._lock = threading.Lock()
        self._names: set[str] = set()
        self._works = 0
        self._is_left = False

    def come(self, name: str) -> None:
        """Count a view, which may say so again."""
        with self._lock:
            self._names.add(name)
            self._is_left = False

    def go(self, name: str) -> None:
        """Count a view no more; of one that never came, or that went before, it is no news."""
        with self._lock:
            if name in self._names:
                self._names.remove(name)
                self._is_left = not self._names
                self._look()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Keep all for as long as this block lasts."""
        with self._lock:
            self._works += 1
        try:
            yield
        finally:
            with self._lock:
                self._works -= 1
                self._look()

    def _look(self) -> None:
        if self._is_left and not self._works:
            self._let_go()


logger = logging.getLogger("ocinb")

_PAGE = Path(__file__).with_name("page")
# One module, in this order: a front end loads one text and knows no address for a second.
_SCRIPTS = "elements channel nodes tree overview details scope files waste explorer".split()
_SLOW: Final = ("image", "preview")
# So many of those wait at most: a page asks a second one of a kind only when it has the answer to the first.
_MOST_WAITING: Final = 8
_STOP: Final = "stop"
_LEAVE: Final = "leave"
_BUSY = {"message": "Too much is asked at once.", "hint": "Ask again when what was asked before has been answered."}
_STOPPED = {"message": "The reading was stopped.", "hint": "Ask again to go on: what is here already is kept."}


class Answering(Protocol):
    """Who knows the answers."""

    opening: dict[str, Any]

    def close(self) -> None:
        """Let go of what it knows."""

    def forget(self) -> None:
        """Let go of it until somebody asks."""

    def is_at_hand(self, question: object) -> bool:
        """Say whether what a question is about need not be read."""

    def answer(self, question: object, *, progress: Watch | None = None) -> dict[str, Any]:
        """Reply to one question, also where it fails; only `Stopped` comes through."""


class ExplorerWidget(anywidget.AnyWidget):
    """Show the page, in as many places as it is displayed."""

    _esm = traitlets.Unicode().tag(sync=True)
    _css = traitlets.Unicode().tag(sync=True)
    opening = traitlets.Dict().tag(sync=True)

    def __init__(self, answers: Answering) -> None:
        super().__init__(_esm=script(), _css=style(), opening=answers.opening)
        self._answers: Answering | None = answers
        self._viewers = Viewers(self._forget)
        self._watches: dict[int | str, Watch] = {}
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._works = False
        self.on_msg(ExplorerWidget._take)
        self.comm.on_close(lambda _message: self.close())

    def close(self) -> None:
        """Take it off the pages, end what is read for it, and let go of the answers."""
        answers, self._answers = self._answers, None
        if answers is not None:
            answers.close()
        for watch in list(self._watches.values()):
            watch.stop()
        super().close()

    def _forget(self) -> None:
        answers = self._answers
        if answers is not None:
            answers.forget()

    def _take(self, question: Any, _buffers: Any) -> None:
        """Take a question of the page, and answer it now or in a thread of its own."""
        answers = self._answers
        if answers is None or not isinstance(question, dict):
            return
        number, ask, view = question.get("id"), question.get("ask"), question.get("view")
        if not isinstance(number, int | str) or not isinstance(ask, str):  # no page of ours asks so
            return
        if ask == _STOP:
            self._stop(question.get("stops"))
            return
        if ask == _LEAVE:
            self._viewers.go(str(view))
            return
        if isinstance(view, str):
            self._viewers.come(view)
        self.send({"id": number, "begun": True})
        if ask not in _SLOW and answers.is_at_hand(question):
            with self._viewers.at_work():
                reply = answers.answer(question)
            self.send(reply)
        elif not self._work_later(partial(self._answer_slowly, answers, question, self._watch(number))):
            self._watches.pop(number, None)
            self.send({"id": number, "error": _BUSY})

    def _watch(self, number: int | str) -> Watch:
        watch = self._watches[number] = Watch(partial(self._tell, number))
        return watch

    def _work_later(self, task: Callable[[], None]) -> bool:
        """Do something in the thread that does all of these, and begin that if need be; refuse to queue too much."""
        # In a copy of the context, in which ipykernel keeps whose question it is.
        task = partial(contextvars.copy_context().run, task)
        with self._lock:
            if len(self._waiting) >= _MOST_WAITING:
                return False
            self._waiting.append(task)
            if self._works:
                return True
            self._works = True
        threading.Thread(target=self._work, name="ocinb-explore", daemon=True).start()
        return True

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._works = False
                    return
                task = self._waiting.popleft()
            try:
                task()
            except Exception:  # a page that went meanwhile: the next one has to have its answer
                logger.exception("the explorer cannot send an answer")

    def _answer_slowly(self, answers: Answering, question: dict[str, Any], watch: Watch) -> None:
        number = question["id"]
        try:
            watch.check()  # it may have been stopped while it waited
            with self._viewers.at_work():
                reply = answers.answer(question, progress=watch)
        except Stopped:
            reply = {"id": number, "error": _STOPPED}
        finally:
            self._watches.pop(number, None)
        self.send(reply)

    def _tell(self, number: object, words: str) -> None:
        self.send({"id": number, "begun": words})

    def _stop(self, number: object) -> None:
        watch = self._watches.get(number) if isinstance(number, int | str) else None
        if watch is not None:
            watch.stop()


@cache
def script() -> str:
    """Join the scripts of the page to one module.

    >>> script().rstrip().endswith("export default { render };")
    True
    """
    return "\n".join((_PAGE / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS)


@cache
def style() -> str:
    """Read the style of the page.

    >>> style().startswith(".ocinb-explorer {")
    True
    """
    return (_PAGE / "explorer.css").read_text(encoding="utf-8")
