"""How a transfer is shown while it runs: in a notebook, in a terminal, or not at all."""

from __future__ import annotations

import sys

from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.progress.protocol import NoProgress, Progress, State, Task

__all__ = ["NoProgress", "Progress", "State", "Task", "choose_progress"]


def choose_progress(progress: Progress | bool | None) -> Progress:  # noqa: FBT001 - it is what people passed as progress=
    """Turn what people pass as ``progress=`` into somebody to report to.

    Parameters
    ----------
    progress
        None or True chooses by the place: bars in a notebook, one bar in a terminal, nothing elsewhere or where
        `settings.progress` is False. False draws nothing. An object with the methods of `Progress` is taken as it is.

    Returns
    -------
    Progress
        Somebody to report to.

    Raises
    ------
    InvalidError
        If it is anything else.

    Examples
    --------
    >>> choose_progress(False)  # doctest: +ELLIPSIS
    <ocinb.progress.protocol.NoProgress object at ...>
    """
    if progress is False:
        return NoProgress()
    if progress is None or progress is True:
        return _automatic()
    if isinstance(progress, type) or not isinstance(progress, Progress):
        raise InvalidError(
            f"progress= takes None, True, False or an object with the methods start, advance, state and finish, "
            f"not {progress!r}",
            hint=f"Try {progress.__name__}()" if isinstance(progress, type) else None,
        )
    return progress


def _automatic() -> Progress:
    if not settings.progress:
        return NoProgress()
    # What draws is loaded where something is drawn.
    if _in_notebook():
        from ocinb.progress.widgets import WidgetProgress

        return WidgetProgress()
    if _in_terminal():
        from ocinb.progress.terminal import TerminalProgress

        return TerminalProgress()
    return NoProgress()


def _in_notebook() -> bool:
    # A kernel has imported IPython long before us; where nobody has, it need not be imported to know.
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    # By name, for the shells derived from it (Colab's) and without importing ipykernel.
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def _in_terminal() -> bool:
    # Without a console (pythonw) there is no stderr at all, some put an object of theirs there, some close it.
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False
