"""Opening: from a name to what stands behind it, the first step of every helper function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ocinb.errors import InvalidError
from ocinb.sources.base import Source
from ocinb.sources.images import ALL, Image, Resolved, Wanted, find_images, resolve_name
from ocinb.sources.session import Session, open_source
from ocinb.spec.platforms import parse_platform
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout

# What may be given for platforms.
Platforms = str | Iterable[str] | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A name, where it leads, and what it points at."""

    name: str
    reference: Reference
    source: Source
    resolved: Resolved
    session: Session

    def images(self, wanted: Wanted) -> list[Image]:
        """Read the images of some platforms."""
        return find_images(self.source, self.resolved, wanted, self.session.settings)


def open_name(name: str, session: Session, *, store: Layout | None = None) -> Opened:
    """Find what a name points at.

    Parameters
    ----------
    name
        The name as it was typed.
    session
        The connections.
    store
        Where documents are looked up and kept, if it is not the session's own store.
    """
    reference = Reference(name)
    source = open_source(reference, session=session, store=store)
    return Opened(name, reference, source, resolve_name(source, reference.wanted, session.settings), session)


def wanted_platforms(platform: Platforms) -> Wanted:
    """Check what was given for platforms before anybody is asked, and hold it: a generator gives its values only once.

    Raises
    ------
    InvalidError
        If it is neither a platform nor several.
    """
    if platform is None:
        return None
    if isinstance(platform, str) and platform == ALL:
        return ALL
    if isinstance(platform, Mapping | bytes) or not isinstance(platform, Iterable):
        raise InvalidError(f"a platform is a text such as 'linux/arm64', or several, not {platform!r}")
    texts = (platform,) if isinstance(platform, str) else tuple(platform)
    if not texts:
        raise InvalidError("an empty list of platforms chooses nothing", hint="Give one, or 'all'")
    if ALL in [text for text in texts if isinstance(text, str)]:
        raise InvalidError(f"{ALL!r} is no platform of a list", hint=f"platform={ALL!r} takes every image")
    for text in texts:
        parse_platform(text)
    return texts
