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
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Protocol

import anywidget
import traitlets

from ocinb.notebook.exploring.viewers import Viewers
from ocinb.notebook.exploring.watching import Stopped, Watch

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
    """Show the page, in as many places as it is displayed.

    Parameters
    ----------
    answers
        Who knows the answers. It is closed with the widget, which a front end may do as well as a person.
    """

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
