"""Gathering: the whole way to one image, gone once more with nothing known before, and nothing of it kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from ocinb.auth.challenges import Challenge, choose_challenge, parse_challenges
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.document_rows import image_kind
from ocinb.frames.resolve import ResolvedReference, resolve_reference
from ocinb.network.exchange import Exchange, observed_by
from ocinb.notebook.explain.steps import Verdict, judge
from ocinb.notebook.explain.story import Lines
from ocinb.sources.base import Referrer
from ocinb.sources.images import Child, Image, Resolved, choose_children, find_images, read_image
from ocinb.sources.referrers import find_referrers
from ocinb.sources.session import default_session, fresh_session
from ocinb.spec.digest import Digest
from ocinb.spec.documents import RawDocument
from ocinb.spec.platforms import Platform, choose_platform, parse_platform
from ocinb.spec.reference import Reference

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for, and how ocinb was set then.

    ``platform`` is None if nobody asked for one.
    """

    name: str
    reference: Reference
    platform: str | None
    default_platform: str
    tag_ttl: int

    @property
    def is_local(self) -> bool:
        """Whether it is a file, so that nobody has to be asked over a network."""
        return self.reference.registry is None


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """All that a story tells of.

    Attributes
    ----------
    asked
        What was asked for.
    resolved
        What the name points at.
    verdicts
        What became of each manifest of the index; none if there is no index.
    document
        The manifest of the image; None if there is no image in the index.
    image
        The same read, with its config, or why it cannot be read.
    referrers
        What refers to what the name points at, or why that is not known.
    own_referrers
        What refers to the image itself, if an index led to it.
    exchanges
        What went over the wire.
    """

    asked: Asked
    resolved: Resolved
    verdicts: tuple[Verdict, ...]
    document: RawDocument | None
    image: Image | OcinbError | None
    referrers: tuple[Referrer, ...] | OcinbError
    own_referrers: tuple[Referrer, ...] | OcinbError | None
    exchanges: tuple[Exchange, ...]

    @property
    def chosen(self) -> Child | None:
        """The manifest that was taken out of the index."""
        return next((verdict.child for verdict in self.verdicts if verdict.is_taken), None)

    @property
    def read(self) -> Image | None:
        """The image, if it can be read."""
        return self.image if isinstance(self.image, Image) else None

    @property
    def went_wrong(self) -> bool:
        """Whether something failed on the way."""
        return any(isinstance(one, OcinbError) for one in (self.image, self.referrers, self.own_referrers))

    @property
    def runs(self) -> bool:
        """Whether it is an image, which can be run, and no artifact."""
        return self.read is not None and image_kind(self.read) == "image"

    @property
    def lines(self) -> Lines:
        """The lines that speak of this image."""
        images = {str(one.child.descriptor.platform) for one in self.verdicts if one.child.descriptor.kind == "image"}
        platform = self.chosen.descriptor.platform if self.chosen and len(images) > 1 else None
        return self._lines(platform)

    @property
    def document_lines(self) -> Lines:
        """The same for the manifest as a document: of an index it has to be said that its image is meant."""
        if self.chosen is None:
            return Lines(None)
        wanted = self.asked.platform or self.asked.default_platform  # which fits what says no platform
        return self._lines(self.chosen.descriptor.platform or parse_platform(wanted, self.asked.default_platform))

    def _lines(self, platform: Platform | None) -> Lines:
        """Name the chosen image by its platform; by its digest if what a stranger wrote there cannot be asked for."""
        if platform is None or self.chosen is None:
            return Lines(None)
        if _can_be_asked_for(platform):
            return Lines(str(platform))
        return Lines(None, name=repr(self.asked.reference.at(self.chosen.descriptor.digest)))


def _can_be_asked_for(platform: Platform) -> bool:
    try:
        return choose_platform([platform], parse_platform(str(platform))) is not None
    except InvalidError:
        return False


def gather(name: str, platform: str | None) -> ImageFacts:
    """Go the way to an image."""
    exchanges: list[Exchange] = []
    with fresh_session(), observed_by(exchanges.append):
        opened = resolve_reference(name, default_session())
        settings = opened.session.settings
        asked = Asked(name, opened.reference, platform, settings.platform, settings.tag_ttl)
        verdicts = _verdicts(opened, asked)
        chosen = next((verdict.child for verdict in verdicts if verdict.is_taken), None)
        document, image = _image(opened, chosen, platform)
        named = _or_error(lambda: find_referrers(opened.source, opened.resolved, None, settings))
        own = None
        if chosen is not None and document is not None:
            own = _or_error(lambda: opened.source.referrers(chosen.descriptor))
    return ImageFacts(
        asked,
        opened.resolved,
        tuple(verdicts),
        document,
        image,
        _fixed(named),
        None if own is None else _fixed(own),
        tuple(exchanges),
    )


def _verdicts(opened: ResolvedReference, asked: Asked) -> list[Verdict]:
    children, settings = opened.resolved.children, opened.session.settings
    if not opened.resolved.is_index:
        return []
    taken = None
    if any(child.descriptor.kind == "image" for child in children):
        [taken] = choose_children(children, None if asked.platform is None else (asked.platform,), settings)
    wanted = parse_platform(asked.platform or asked.default_platform, asked.default_platform)
    return judge(children, taken, wanted, is_default=asked.platform is None)


def _image(
    opened: ResolvedReference, chosen: Child | None, platform: str | None
) -> tuple[RawDocument | None, Image | OcinbError | None]:
    source, resolved = opened.source, opened.resolved
    if not resolved.is_index:
        lone = _or_error(lambda: read_image(source, resolved.document, None))
        if platform is not None and isinstance(lone, Image):
            find_images(source, resolved, (platform,), opened.session.settings)  # or it is another platform's
        return resolved.document, lone
    if chosen is None:
        return None, None
    document = _or_error(lambda: source.document(chosen.descriptor))
    if isinstance(document, OcinbError):
        return None, document
    return document, _or_error(lambda: read_image(source, document, chosen.descriptor.platform))


def _or_error(ask: Callable[[], T]) -> T | OcinbError:
    """Ask, and give an error as an answer: what fails in the middle is a part of the story."""
    try:
        return ask()
    except OcinbError as error:
        return error


def _fixed(found: list[Referrer] | OcinbError) -> tuple[Referrer, ...] | OcinbError:
    return found if isinstance(found, OcinbError) else tuple(found)


_GOOD = range(200, 300)


@dataclass(frozen=True, slots=True)
class Stop:
    """One exchange on the way: where it stands in a trace of the same way, and what it was."""

    place: int
    exchange: Exchange

    def line(self, then: str) -> str:
        """Give the line that returns something of it out of a trace."""
        return f"wire.frame.loc[{self.place}, {then}"


@dataclass(frozen=True, slots=True)
class WayIn:
    """The way to the first document; what there was not is None.

    Attributes
    ----------
    first
        The first question that somebody answered.
    refused
        The one that was answered by a challenge.
    token
        The one that brought a token.
    let_in
        The one that was answered with the document.
    """

    first: Stop | None
    refused: Stop | None
    token: Stop | None
    let_in: Stop | None

    @property
    def challenge(self) -> Challenge | None:
        """What was taken of what the challenge offers."""
        if self.refused is None:
            return None
        header = self.refused.exchange.response_headers.get("www-authenticate", "")
        return choose_challenge(parse_challenges(header))


def find_way_in(exchanges: Sequence[Exchange]) -> WayIn:
    """Find the stops of the way to the first document."""
    let_in = _first(exchanges, lambda one: is_manifest(one) and one.status in _GOOD)
    before = exchanges[: let_in.place] if let_in else exchanges
    return WayIn(
        first=_first(exchanges, lambda one: one.status is not None),
        refused=_first(before, lambda one: one.status == HTTPStatus.UNAUTHORIZED),
        token=_first(before, lambda one: one.reason.startswith("token") and one.status in _GOOD),
        let_in=let_in,
    )


def is_manifest(exchange: Exchange) -> bool:
    """Say whether a manifest or an index was asked for."""
    return "/manifests/" in exchange.url


def answer_with(exchanges: Sequence[Exchange], digest: Digest) -> Exchange | None:
    """Find the answer that brought the document with a digest."""
    got = [one for one in exchanges if one.method == "GET" and one.status in _GOOD and not one.from_cache]
    named = [one for one in got if one.url.endswith(f"/{digest}")]
    said = [one for one in got if one.response_headers.get("docker-content-digest") == digest]
    return next(iter([*named, *said]), None)


def _first(exchanges: Sequence[Exchange], fits: Callable[[Exchange], bool]) -> Stop | None:
    return next((Stop(place, one) for place, one in enumerate(exchanges) if fits(one)), None)
