"""What a transfer says about itself, so that it never knows who is drawing.

To draw elsewhere, write a class with the four methods of `Progress` and pass an instance as ``progress=``; it inherits
from nothing. `start` and `finish` come from the caller's thread, `advance` and `state` from any thread and often: they
should note what they are told and return. What one of them raises ends the transfer, as an interrupt would, and reaches
the caller as it is: so a program can stop a pull. What came is kept, and `finish` is called all the same.

>>> class Log:
...     def start(self, title, tasks):
...         print(title, [task.label for task in tasks])
...
...     def advance(self, key, amount):
...         print(key, "moved by", amount)
...
...     def state(self, key, state):
...         print(key, "is", state)
...
...     def finish(self, summary):
...         print(summary)
>>> isinstance(Log(), Progress)
True
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NoProgress", "Progress", "State", "Task"]


class State(StrEnum):
    """Where one task stands."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    VERIFYING = "verifying"
    READING = "reading"
    """It is here, and what stands in it is read."""
    DONE = "done"
    PRESENT = "present"
    """It was here already, nothing was fetched."""
    FAILED = "failed"

    @property
    def complete(self) -> bool:
        """Whether all bytes of the task are here.

        >>> State.PRESENT.complete, State.FAILED.complete
        (True, False)
        """
        return self in (State.DONE, State.PRESENT)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that is transferred, mostly a blob.

    Parameters
    ----------
    key
        What `Progress.advance` and `Progress.state` call it; unique within one `Progress.start`.
    label
        What people call it: the short digest.
    total
        Its size in bytes; 0 where nobody knows it.
    detail
        More about it, such as the instruction that made the layer. A stranger wrote it: whoever draws it escapes it.
    """

    key: str
    label: str
    total: int
    detail: str = ""


@runtime_checkable
class Progress(Protocol):
    """Somebody who wants to know how a transfer is going.

    The calls are one `start`, any number of `advance` and `state`, one or more `finish`; then it may start again.
    """

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        """Begin to draw; all tasks are waiting.

        Parameters
        ----------
        title
            What is going on, in a few words.
        tasks
            Everything that will be reported on, in the order in which people think of it.
        """

    def advance(self, key: str, amount: int) -> None:
        """Take note of bytes that came; called from any thread.

        Parameters
        ----------
        key
            The task.
        amount
            Bytes; negative when a download starts over. What a task gets while it is waiting was here before (a
            download that is resumed), or is what another process has: it counts for the bar, but not for the speed.
        """

    def state(self, key: str, state: State) -> None:
        """Take note that a task stands elsewhere now; called from any thread.

        Parameters
        ----------
        key
            The task.
        state
            Where it stands. To be told that it waits, as it did from the start, means that another process fetches it.
            What that one has is told by `advance`, and taken back at the end of the wait.
        """

    def finish(self, summary: str) -> None:
        """End drawing and leave one plain line; also called after a failure or an interrupt, and maybe twice.

        Parameters
        ----------
        summary
            The line that stays; none does if it is empty.
        """


class NoProgress:
    """Draws nothing: the default of everything that transfers.

    >>> NoProgress().finish("nobody reads this")
    """

    def start(self, title: str, tasks: Sequence[Task]) -> None:
        """Draw nothing."""

    def advance(self, key: str, amount: int) -> None:
        """Draw nothing."""

    def state(self, key: str, state: State) -> None:
        """Draw nothing."""

    def finish(self, summary: str) -> None:
        """Draw nothing."""
