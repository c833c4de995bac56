"""The explorer that people get: a widget where there is a front end for it, and a summary wherever there is none."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ocinb._arguments import suggesting
from ocinb._text import escape_html
from ocinb.frames.batch import Name
from ocinb.notebook.explore.backend import Answers, open_answers
from ocinb.notebook.explore.serialize import short_label
from ocinb.notebook.explore.summary import lines, summary
from ocinb.progress.protocol import Progress

_NO_WIDGETS = "The explorer needs a notebook that runs; its summary stands above."


class Explorer:
    """One name that is explored, as :func:`ocinb.explore` gives it.

    A notebook shows a page in which folders open and files are searched; what only shows outputs, such as GitHub,
    nbconvert or a notebook that was saved, shows the summary; and a terminal a few lines.

    Parameters
    ----------
    answers
        What knows the image.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def close(self) -> None:
        """Take it off all pages, and let go of the image; what was read stays in the store.

        An explorer that a notebook shows lives as long as its kernel, also when no variable has it any more, since
        people may click in it. But when no page shows it any more, since its cell ran again or was cleared, it lets go
        of the image by itself, and reads it again from the store where it is shown once more. A tab of a browser or a
        notebook that is closed cannot say so, and still counts. For good it is closed by this, or by a front end that
        closes its widgets.
        """
        self._answers.close()
        if "_widget" in self.__dict__:
            self._widget.close()

    def __repr__(self) -> str:
        answers = self._answers
        return self._closed if answers.is_closed else lines(answers.opening, answers.highlights)

    @property
    def _closed(self) -> str:
        opening = self._answers.opening
        return f"<Explorer: {opening['familiar']}, {short_label(opening['platform'])}, closed>"

    def _ipython_display_(self) -> None:
        """Show the summary and below it the page, which hides the summary as long as it lives.

        In one output they would not do: of a notebook that was saved JupyterLab shows the widget's error in place of
        the summary, and nbconvert nothing at all.
        """
        from IPython.display import display

        display(self._static(), raw=True)  # type: ignore[no-untyped-call]
        if not self._answers.is_closed and _in_notebook():
            display({**self._view(), "text/plain": _NO_WIDGETS}, raw=True)  # type: ignore[no-untyped-call]

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        """Give all that there is to show, for whoever asks for it in one."""
        return self._static() if self._answers.is_closed else {**self._view(), **self._static()}

    def _static(self) -> dict[str, Any]:
        """Give what only has to be shown."""
        if self._answers.is_closed:
            return {"text/html": f"<p>{escape_html(self._closed)}</p>", "text/plain": self._closed}
        html = summary(self._answers.opening, self._answers.highlights)
        return {"text/html": html, "text/plain": repr(self)}

    @cached_property
    def _widget(self) -> Any:
        from ocinb.notebook.explore.widget import ExplorerWidget

        return ExplorerWidget(self._answers)

    def _view(self) -> dict[str, Any]:
        bundle, *_ = made if isinstance(made := self._widget._repr_mimebundle_(), tuple) else (made,)
        return {kind: data for kind, data in (bundle or {}).items() if kind.startswith("application/")}


@suggesting
def explore(reference: Name, *, platform: str | None = None, progress: Progress | bool | None = None) -> Explorer:
    """Explore an image: its layers as bars, its files as a tree, what each layer changes, and what is wasted.

    In a notebook that runs, folders open at a click or a key, files are searched by a glob and sorted by size; a file
    shows all its versions over the layers, who hid it, and its beginning; and other platforms can be chosen, whose
    layers are read then. A layer shows what it changes; A, M, D and ⊘ leave only what was added, modified or deleted,
    or is hidden in the end.
    Where there is nothing to click, as on GitHub or in a terminal, there is a summary.

    Parameters
    ----------
    reference
        The name of an image.
    platform
        As for `layers`, but only one: the one that is shown first.
    progress
        As for `files`: all layers are read, and those fetched that are not in the store.

    Returns
    -------
    Explorer
        To be shown. It holds the image until no page shows it any more, as when its cell is run again, and reads it
        again where it is shown once more; ``explorer.close()`` ends it.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform; also if a layer is nowhere to be had.
    InvalidError
        If it is no image but an artifact; or if a layer passes a limit of the settings, which the message names.
    IntegrityError
        If a layer is damaged or no tar, or its tar is not the one that the config promised.
    TransportError
        If the registry fails, or the disk has no room.

    Notes
    -----
    The figures are those of `layers`, `files`, `filesystem`, `hidden` and `efficiency`. What is looked at is what the
    name pointed at when it was opened, also if a tag moves meanwhile. Bytes of a folder are those of the regular files
    in it and below; a content with several names counts once.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     explorer = ocinb.explore(registry.reference("demo/shop:2.0"), platform="amd64", progress=False)
    >>> print(repr(explorer).partition(">")[2])  # doctest: +ELLIPSIS
    <BLANKLINE>
    7 layers, 6.3 MB compressed, 7.2 MB stored in files, 6.1 MB seen in 35 files
    1.1 MB hidden (15.5%), 84.0 kB in copies
    Layer    stored    hidden  instruction
        0    1.6 MB    1.2 kB  ADD file:...
    """
    return Explorer(open_answers(reference, platform=platform, progress=progress))


def _in_notebook() -> bool:
    """Say whether somebody speaks to a kernel; a terminal's shell has none."""
    from IPython.core.getipython import get_ipython

    return hasattr(get_ipython(), "kernel")
