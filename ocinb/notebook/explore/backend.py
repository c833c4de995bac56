"""Answers: what the page is told when it asks, whatever it asks; it knows of no widgets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ocinb._suggestions import nearest
from ocinb._text import printable, short_digests, shorten
from ocinb.errors import MAX_CHARACTERS, InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import Name, Row, as_text, checked, complete
from ocinb.frames.contents_batch import check_image
from ocinb.frames.resolve import resolve_reference, wanted_platforms
from ocinb.notebook.explore.model import UNSEEN, ExploredImage, Scope
from ocinb.notebook.explore.platform_images import Offered
from ocinb.notebook.explore.search import KINDS
from ocinb.notebook.explore.serialize import JSON, child_told, named, preview, row_told, seen, version_told
from ocinb.notebook.explore.summary import highlights
from ocinb.notebook.explore.views import NO_ROW, Listing, View
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress
from ocinb.rootfs.whiteouts import MARKERS
from ocinb.sources.images import ALL
from ocinb.sources.session import default_session

if TYPE_CHECKING:
    from numpy.typing import NDArray


# So many rows are sent at a time, if nothing is said, and at most.
USUAL_ROWS: Final = 200
MOST_ROWS: Final = 1000
SORTS: Final = ("size", "name")
# No path that a page is told is longer, and no pattern that a person types.
MOST_CHARACTERS: Final = 5000


class Question:
    """One question."""

    def __init__(self, raw: object) -> None:
        if not isinstance(raw, Mapping):
            raise InvalidError(f"a question is an object, not a {type(raw).__name__}")
        self._raw: Mapping[Any, Any] = raw

    @property
    def platform(self) -> str | None:
        """Which image it is about, by a label of any length; None for the one that was opened."""
        return None if self._raw.get("platform") is None else self._text("platform")

    @property
    def path(self) -> str:
        """A path, as the page was told it, or with a leading slash."""
        return self._word("path").removeprefix("/")

    @property
    def around(self) -> str | None:
        """The path of a child that the rows have to show, wherever it stands."""
        return None if self._raw.get("around") is None else self._word("around").removeprefix("/")

    @property
    def pattern(self) -> str:
        """What is searched for."""
        pattern = self._word("pattern").strip()
        if not pattern:
            raise InvalidError("there is nothing to search for", hint="Type a word of a path, or a glob such as *.py")
        return pattern

    @property
    def layer(self) -> int | None:
        """The number of a layer; None for the final file system."""
        return None if self._raw.get("layer") is None else self._number("layer", 0)

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of change that are meant; all, if there is none."""
        value = self._raw.get("kinds")
        if not isinstance(value, list | None) or not all(isinstance(kind, str) for kind in value or ()):
            raise InvalidError(f"kinds takes a list of {' or '.join(map(repr, KINDS))}, not {_short(value)}")
        return frozenset(self._one_of("kinds", kind, KINDS) for kind in value or ())

    @property
    def scope(self) -> Scope:
        """What is looked at."""
        return Scope(self.layer, self.kinds)

    @property
    def sort(self) -> str:
        """How rows are sorted."""
        return SORTS[0] if self._raw.get("sort") is None else self._one_of("sort", self._word("sort"), SORTS)

    @property
    def offset(self) -> int:
        """How many rows are left out at the beginning."""
        return self._number("offset", 0)

    @property
    def limit(self) -> int:
        """How many rows are wanted at most."""
        return min(self._number("limit", USUAL_ROWS), MOST_ROWS)

    def page(self, rows: Sequence[Any], offset: int | None = None) -> Sequence[Any]:
        """Give the rows that are wanted, out of all; from another one on, if there is a reason."""
        start = self.offset if offset is None else offset
        return rows[start : start + self.limit]

    def asked(self, words: Sequence[str]) -> str:
        """Give what is asked, out of all that can be."""
        return self._one_of("ask", self._word("ask"), words)

    def _one_of(self, name: str, word: str, words: Sequence[str]) -> str:
        if word not in words:
            near = nearest(word[:100], words)
            hint = f"Did you mean {near!r}?" if near else None
            raise InvalidError(f"{name} takes {' or '.join(map(repr, words))}, not {word[:100]!r}", hint=hint)
        return word

    def _text(self, name: str) -> str:
        value = self._raw.get(name)
        if not isinstance(value, str):
            raise InvalidError(f"{name} takes a text, not {_short(value)}")
        return value

    def _word(self, name: str) -> str:
        value = self._text(name)
        if len(value) > MOST_CHARACTERS:
            raise InvalidError(f"{name} has {len(value):,} characters, more than {MOST_CHARACTERS:,}")
        return value

    def _number(self, name: str, usual: int) -> int:
        value = self._raw.get(name)
        if value is None:
            return usual
        if isinstance(value, float) and value.is_integer():  # as some write numbers in JSON
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise InvalidError(f"{name} takes a number from 0 on, not {_short(value)}")
        return value


def _short(value: object) -> str:
    import reprlib

    return reprlib.repr(value)


# Of a command no more words are told.
_MOST_WORDS: Final = 100
# And so many paths of one content beside the first.
_MOST_OTHERS: Final = 20


def image_told(image: ExploredImage, label: str) -> JSON:
    """Tell of an image what it is, what it comes to, and of its layers the same."""
    figures, config = image.figures, image.contents.image.config
    return {
        "platform": label,
        "manifest_digest": str(image.contents.image.document.digest),
        "created": _iso(config.created if config else None),
        "user": seen(config.user if config else None),
        "entrypoint": _words(config.entrypoint if config else None),
        "cmd": _words(config.cmd if config else None),
        "compressed_bytes": image.compressed_bytes,
        "stored_bytes": figures.stored_bytes,
        "visible_bytes": figures.visible_bytes,
        "hidden_bytes": figures.hidden_bytes,
        "duplicate_bytes": figures.duplicate_bytes,
        "efficiency": figures.efficiency,
        "files": image.view(None).sums(range(len(image.view(None)))).files,
        "layers": [_layer_told(row) for row in image.layer_rows],
    }


def _layer_told(row: Row) -> JSON:
    numbers = "layer compressed_bytes stored_bytes files hidden_bytes added modified deleted"
    return {
        **{name: row[name] for name in numbers.split()},
        "digest": str(row["digest"]),
        "instruction": seen(row["instruction"]),
        "created_by": seen(row["created_by"]),
        "created": _iso(row["created"]),
    }


def children(question: Question, image: ExploredImage) -> JSON:
    """List what stands in a folder of a layer, or of the final file system."""
    view, path, by = _view(question, image), question.path, question.sort
    if not view.has_folder(path):
        raise _no_folder(view, path)
    listing, above = view.children(path), f"{path}/" if path else ""
    order = listing.by_size if by == "size" else np.arange(len(listing.names))
    index = _index_around(question, view, listing, order, above)
    offset = question.offset if index is None else index // max(question.limit, 1) * question.limit
    places = question.page(order.tolist(), offset)
    entries = [child_told(image, view, above + listing.names[place], int(listing.rows[place])) for place in places]
    told = {**named(path), "total": len(listing.names), "offset": offset, "index": index, "entries": entries}
    return told if path else {**told, "whole": _whole(question, image, view)}


def _whole(question: Question, image: ExploredImage, view: View) -> JSON:
    """Tell of a view what it comes to, and how much of each kind there is."""
    sums = view.sums(range(len(view)))
    return {"size_bytes": sums.size_bytes, "files": sums.files, "kinds": image.kind_counts(question.scope)}


def _index_around(question: Question, view: View, listing: Listing, order: NDArray[np.int64], above: str) -> int | None:
    """Say where the child stands that the rows shall be around; of a marker and what it makes room for, the latter."""
    around = question.around
    if around is None or not around.startswith(above):
        return None
    places = listing.places(around.removeprefix(above))
    kept = [place for place in places if listing.rows[place] == NO_ROW or not _is_marker(view, listing.rows[place])]
    found = next(iter([*kept, *places]), None)
    return None if found is None else int(np.flatnonzero(order == found)[0])


def _is_marker(view: View, row: int) -> bool:
    return view.types[row] in MARKERS


def search(question: Question, image: ExploredImage) -> JSON:
    """List what fits a pattern in what is looked at.

    In the final file system what fits and is not seen there comes after that, unless some kinds of change are meant.
    """
    scope, pattern = question.scope, question.pattern
    searched = [(_view(question, image), image.search(scope, pattern))]
    is_end = scope == Scope(None)
    if is_end:
        searched.append((image.view(UNSEEN), image.search(Scope(UNSEEN), pattern)))
    told = [{"total": len(found.rows), "total_bytes": found.total_bytes} for _, found in searched]
    entries: list[JSON] = []
    before = 0
    for view, found in searched:
        start = max(0, question.offset - before)
        rows = found.sorted(question.sort)[start : start + question.limit - len(entries)]
        entries += (row_told(image, view, row) for row in rows.tolist())
        before += len(found.rows)
    unseen = told[1] if is_end else None
    return {**told[0], "unseen": unseen, "rows": before, "entries": entries}


def versions(question: Question, image: ExploredImage) -> JSON:
    """List all that was ever stored at a path, from the base up."""
    path = question.path
    found = image.versions(path)
    if not found and not image.has_folder(path):
        raise NotFoundError(f"no layer stores {seen(path, 200)!r}")
    return {**named(path), "versions": [version_told(image, entry) for entry in found]}


def waste(question: Question, image: ExploredImage) -> JSON:
    """List the files that are stored and not seen, the largest first."""
    figures, told = image.figures, map(image.wasted, question.page(image.waste))
    entries = [
        {
            **named(one.path),
            "hidden_bytes": one.hidden_bytes,
            "reason": one.reason,
            "stored_in": one.stored_in,
            "stored_by": seen(one.stored_by),
            "hidden_in": one.hidden_in,
            "hidden_by": seen(one.hidden_by),
        }
        for one in told
    ]
    totals = {"hidden_bytes": figures.hidden_bytes, "duplicate_bytes": figures.duplicate_bytes}
    return {**totals, "total": len(image.waste), "entries": entries}


def copies(question: Question, image: ExploredImage) -> JSON:
    """List the contents that stand more than once in the final file system, those first whose copies take most."""
    entries = [
        {
            **named(one.paths[0]),
            "sha256": one.sha256.hex(),
            "size_bytes": one.size_bytes,
            "copied_bytes": one.copied_bytes,
            "copies": len(one.paths),
            "others": [seen(path, 300) for path in one.paths[1 : _MOST_OTHERS + 1]],
        }
        for one in map(image.copied, question.page(image.copies))
    ]
    return {"duplicate_bytes": image.figures.duplicate_bytes, "total": len(image.copies), "entries": entries}


def previewed(question: Question, image: ExploredImage, content: Callable[[str, int | None], bytes]) -> JSON:
    """Show the beginning of a file, at the end or as one layer stored it."""
    path, layer = question.path, question.layer
    with image.lock:
        _view(question, image)  # which says what is wrong with the layer
    raw = content(path, layer)
    shown = preview(raw)
    told = {"text": shown.text, "is_binary": shown.text is None, "is_cut": shown.is_cut, "size_bytes": len(raw)}
    return {**named(path), **told}


def _view(question: Question, image: ExploredImage) -> View:
    layer, count = question.layer, len(image.layers)
    if layer is not None and layer >= count:
        has = f"it has {count}, from 0 to {count - 1}" if count else "it has none"
        raise NotFoundError(f"the image has no layer {min(layer, 10**6)}: {has}")
    return image.scoped(question.scope)


def _no_folder(view: View, path: str) -> NotFoundError | InvalidError:
    shown = seen(path, 200)
    kinds = [view.types[row] for row in view.rows_at(path) if view.types[row] not in MARKERS]
    if kinds:
        return InvalidError(f"{shown!r} is no folder, but a {kinds[-1]}")
    above, _, name = path.rpartition("/")
    near = nearest(name[:100], view.children(above).names[:1000]) if view.has_folder(above) else None
    hint = f"Did you mean {seen(near)!r}?" if near else None
    return NotFoundError(f"there is no folder {shown!r} here", hint=hint)


def _words(words: list[str] | None) -> list[str | None] | None:
    return None if words is None else [seen(word) for word in words[:_MOST_WORDS]]


def _iso(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()


logger = logging.getLogger("ocinb")

Ask = Callable[[Question, ExploredImage], JSON]
_PURE: Final[Mapping[str, Ask]] = {
    "children": children,
    "search": search,
    "file": versions,
    "waste": waste,
    "copies": copies,
}
# Those that need more than the image: its label, and its layers as they stand in the store.
_IMAGE, _PREVIEW = "image", "preview"


def open_answers(reference: Name, *, platform: str | None = None, progress: Progress | bool | None = None) -> Answers:
    """Read an image, and give what answers questions about it."""
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
            "image": image_told(first, offered.first),
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
        """Answer a question, in any thread; what is wrong with it is an answer too."""
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
            return previewed(question, image, partial(offered.content, label, progress=progress))
        with image.lock:
            return image_told(image, label) if ask == _IMAGE else _PURE[ask](question, image)


def _error(error: OcinbError) -> JSON:
    """Give what went wrong, and apart from it what to try."""
    hint, error.hint = error.hint, None
    return {"message": str(error), "hint": None if hint is None else printable(shorten(hint, MAX_CHARACTERS))}
