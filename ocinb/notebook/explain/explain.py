"""Explaining: one image told as a story, from its name to what is kept of it."""

from __future__ import annotations

import shutil
import textwrap
from functools import cached_property

from ocinb._arguments import suggesting
from ocinb._text import counted, human_duration, printable, shorten
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.batch import Name, as_text, checked, complete
from ocinb.notebook.explain.chapters_access import challenge_chapter, name_chapter, requests_chapter, token_chapter
from ocinb.notebook.explain.chapters_documents import config_chapter, index_chapter, manifest_chapter
from ocinb.notebook.explain.chapters_layers import chain_chapter, history_chapter
from ocinb.notebook.explain.chapters_related import cache_chapter, referrers_chapter
from ocinb.notebook.explain.collect import ImageFacts, gather
from ocinb.notebook.explain.html_page import fragment, whole
from ocinb.notebook.explain.markdown import markdown
from ocinb.notebook.explain.story import Chapter, Code, Document, Size, Span, Spans, plain, preamble
from ocinb.sources.images import ALL

_CHAPTERS = (
    name_chapter,
    challenge_chapter,
    token_chapter,
    index_chapter,
    manifest_chapter,
    config_chapter,
    history_chapter,
    chain_chapter,
    referrers_chapter,
    cache_chapter,
    requests_chapter,
)


def tell(story: ImageFacts) -> Document:
    """Tell all chapters of what was gathered."""
    chapters = tuple(chapter(story) for chapter in _CHAPTERS)
    return Document(story.asked.name, _gist(story), preamble(story.asked.name), chapters)


def _gist(story: ImageFacts) -> Spans:
    """Say in one line what it is, and what it took to find out."""
    said: list[Span] = []
    image = story.read
    if image is not None:
        if image.platform is not None and image.platform.known:
            said += [Code(str(image.platform)), " · "]
        layers = image.manifest.layers
        said.append(counted(len(layers), "layer" if story.runs else "blob"))
        sizes = [layer.known_size for layer in layers]
        if layers and None not in sizes:
            said += [", ", Size(sum(size or 0 for size in sizes))]
        said.append(" · ")
    if not story.exchanges:
        return (*said, "no network")
    taken = sum(exchange.seconds for exchange in story.exchanges)
    return (*said, f"{counted(len(story.exchanges), 'request')}, {human_duration(taken)} of waiting for answers")


_MOST_CHARACTERS = 240
_MOST_COLUMNS = 120


def outline(told: Document) -> str:
    """Tell a story in a few lines."""
    columns = min(_MOST_COLUMNS, shutil.get_terminal_size().columns)
    width = max(len(chapter.title) for chapter in told.chapters)
    head = _cut(f"<Story of {shorten(told.name, _MOST_CHARACTERS)}: {plain(told.gist)}>")
    lines = [line for number, one in enumerate(told.chapters, 1) for line in _chapter(number, one, width, columns)]
    return "\n".join([head, *lines, "print(story.markdown) tells all of it, with the line that returns each figure"])


def _chapter(number: int, chapter: Chapter, width: int, columns: int) -> list[str]:
    start = f"{number:2}  {chapter.title.ljust(width)}  "
    return textwrap.wrap(
        _cut(plain(chapter.gist)),
        max(columns, len(start) + 20),
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    ) or [start.rstrip()]


def _cut(text: str) -> str:
    return shorten(printable(text), _MOST_CHARACTERS * 2)


class Story:
    """One image told as a story. A notebook shows it as a page, a terminal as an outline.

    Made by :func:`ocinb.explain`, which describes what it tells.
    """

    def __init__(self, told: Document) -> None:
        self._told = told

    @cached_property
    def markdown(self) -> str:
        """The story as Markdown, in which all that strangers wrote is code."""
        return markdown(self._told)

    @property
    def html(self) -> str:
        """The story as a page of its own, to be saved and printed."""
        return whole(self._told, self.markdown)

    def __repr__(self) -> str:
        return outline(self._told)

    def _repr_html_(self) -> str:
        return fragment(self._told, self.markdown)


@suggesting
def explain(reference: Name, *, platform: str | None = None) -> Story:
    """Tell the story of one image from live data: what its name means, who is asked, and what came of it.

    The way is gone once more, with nothing known and nothing kept, so that all of it is seen: the challenge, the token,
    the index and the choice in it, the manifest as its hash comes about, the config, the history beside the layers, the
    chain IDs step by step, and what refers to the image. Beside each figure stands the line of Python that returns it.

    Parameters
    ----------
    reference
        The name of an image, in a registry or in a file.
    platform
        ``"linux/arm64/v8"``, ``"arm64"``, or None for the one in the settings; with None an image that has one platform
        only is taken as it is.

    Returns
    -------
    Story
        Shown as a page whose chapters open and close, and which prints whole; ``repr`` is an outline. Its ``markdown``
        is the same to be pasted elsewhere, its ``html`` a page of its own.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform.
    TransportError
        If nobody answers, or lets nobody in; also in a session that is offline. What goes wrong later on the way, such
        as a config that cannot be read, is told in its chapter.
    InvalidError
        If the name or the platform is none.

    Notes
    -----
    It costs the requests for index, manifest and config, and those of `referrers` for the index and for the image:
    about 14 of an image in an index, each time, since nothing is kept. Docker Hub counts each GET of a manifest among
    them as a pull, which is one for the index, one for the image, and one for each tag of cosign that is there; the
    last chapter says how many there were, and `rate_limit` how many are left. No layer is fetched. Of a token only its
    claims are told, and of a password nothing.

    Sources: OCI image-spec v1.1 and distribution-spec v1.1; each chapter names its clauses.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry(token=True) as registry:
    ...     story = ocinb.explain(registry.reference("demo/hello"))
    >>> [line for line in story.markdown.splitlines() if line.startswith("## ")][:4]
    ['## 1. The name', '## 2. The challenge', '## 3. The token', '## 4. The index, and the choice']
    """
    name = as_text(reference)
    if not isinstance(platform, str | None) or platform == ALL:
        hint = "Give one platform, such as 'linux/arm64'"
        raise InvalidError(f"a story is that of one platform, not {platform!r}", hint=hint)
    try:
        return Story(tell(gather(checked(name), platform)))
    except OcinbError as error:
        complete(error, name)
        raise
