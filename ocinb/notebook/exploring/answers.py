"""Answers: what the page is told when it asks, whatever it asks; it knows of no widgets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from ocinb._text import printable, short_digests, shorten
from ocinb.errors import MAX_CHARACTERS, InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import Name, as_text, checked, complete
from ocinb.frames.layer_reader import check_image
from ocinb.frames.resolve import resolve_reference, wanted_platforms
from ocinb.notebook.exploring import asks
from ocinb.notebook.exploring.highlights import highlights
from ocinb.notebook.exploring.image import ExploredImage
from ocinb.notebook.exploring.offered import Offered
from ocinb.notebook.exploring.questions import Question
from ocinb.notebook.exploring.telling import JSON
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress
from ocinb.sources.images import ALL
from ocinb.sources.session import default_session

logger = logging.getLogger("ocinb")

Ask = Callable[[Question, ExploredImage], JSON]
_PURE: Final[Mapping[str, Ask]] = {
    "children": asks.children,
    "search": asks.search,
    "file": asks.versions,
    "waste": asks.waste,
    "copies": asks.copies,
}
# Those that need more than the image: its label, and its layers as they stand in the store.
_IMAGE, _PREVIEW = "image", "preview"


def open_answers(reference: Name, *, platform: str | None = None, progress: Progress | bool | None = None) -> Answers:
    """Read an image, and give what answers questions about it.

    Raises
    ------
    OcinbError
        As `ocinb.files` has it.
    """
    name, session = as_text(reference), default_session()
    if not isinstance(platform, str | None) or platform == ALL:
        hint = "None takes the one of the settings; the others can be chosen in the explorer"
        raise InvalidError(f"the explorer opens the image of one platform, not {platform!r}", hint=hint)
    wanted, board = wanted_platforms(platform), choose_progress(progress)
    try:
        opened = resolve_reference(checked(name), session)
        [image] = opened.images(wanted)
        check_image(image)
        return Answers(Offered(opened, image), board)
    except OcinbError as error:
        complete(error, name)
        raise


class Answers:
    """What is asked about the images of one name, answered.

    Parameters
    ----------
    offered
        The images.
    board
        Who is told while the first one is read.

    Attributes
    ----------
    opening
        What is shown first, as JSON has it.
    highlights
        What of the image that was asked for is said where it cannot be explored.
    """

    def __init__(self, offered: Offered, board: Progress) -> None:
        first = offered.explored(offered.first, board)
        self._held: Offered | None = offered
        reference = offered.opened.reference
        self.opening: JSON = {
            "reference": printable(offered.opened.name),
            "familiar": short_digests(printable(reference.familiar)),
            "platforms": offered.labels,
            "platform": offered.first,
            "image": asks.image_told(first, offered.first),
        }
        self.highlights = highlights(first)

    def close(self) -> None:
        """Let go of the images; whoever asks then is told so."""
        self._held = None

    def forget(self) -> None:
        """Let go of the images until somebody asks; they are read again then, from the store if that has them still."""
        held = self._held
        if held is not None:
            held.forget()

    @property
    def is_closed(self) -> bool:
        """Whether the images were let go."""
        return self._held is None

    def is_at_hand(self, question: object) -> bool:
        """Say whether the image that a question is about is held; if not, its answer may have to wait for a network."""
        try:
            offered = self._offered
            return offered.holds(offered.label(Question(question).platform))
        except OcinbError:  # which is an answer that waits for nothing
            return True

    @property
    def _offered(self) -> Offered:
        held = self._held
        if held is None:
            raise NotFoundError("the explorer was closed", hint="Run the cell again.")
        return held

    def answer(self, question: object, *, progress: Progress | None = None) -> JSON:
        """Answer a question, in any thread; what is wrong with it is an answer too.

        Parameters
        ----------
        question
            An object with ``id``, ``ask`` and what that needs.
        progress
            Who is told if layers have to be read for that; an interrupt that it raises is the only thing that leaves.

        Returns
        -------
        dict
            The ``id``, and an ``answer``; or an ``error`` with ``message`` and ``hint``.
        """
        number = question.get("id") if isinstance(question, Mapping) else None
        try:
            return {"id": number, "answer": self._answer(Question(question), progress)}
        except OcinbError as error:
            error.reference = None  # the page says above all what it is about
            return {"id": number, "error": _error(error)}
        except Exception as error:  # whoever waits for an answer has to have one
            logger.exception("the explorer cannot answer %r", question)
            return {"id": number, "error": {"message": f"ocinb failed: {type(error).__name__}", "hint": None}}

    def _answer(self, question: Question, progress: Progress | None) -> JSON:
        ask, offered = question.asked((_IMAGE, _PREVIEW, *_PURE)), self._offered
        label = offered.label(question.platform)
        image = offered.explored(label, progress)
        if ask == _PREVIEW:  # which may have to wait for a network, and holds nobody up
            return asks.previewed(question, image, partial(offered.content, label, progress=progress))
        with image.lock:
            return asks.image_told(image, label) if ask == _IMAGE else _PURE[ask](question, image)


def _error(error: OcinbError) -> JSON:
    """Give what went wrong, and apart from it what to try."""
    hint, error.hint = error.hint, None
    return {"message": str(error), "hint": None if hint is None else printable(shorten(hint, MAX_CHARACTERS))}
