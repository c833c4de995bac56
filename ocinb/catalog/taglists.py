"""Tag lists: which tags a repository has, where one list spares asking for three tags of each of many images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ocinb._pool import alone
from ocinb.catalog.loading import Found
from ocinb.errors import OcinbError
from ocinb.sources.base import Source, Tags

# With fewer names of one repository its tags are asked for one by one. With so many a page of the list, which costs one
# question, spares two dozen of them, so each further so many names may cost another page.
NAMES_PER_PAGE = 8

_Home = tuple[str | None, str]


class TagLists:
    """The lists that one call has asked for, each once."""

    def __init__(self) -> None:
        self._names: Counter[_Home] = Counter()
        self._lists: dict[_Home, frozenset[str] | None] = {}

    def expect(self, found: Iterable[Found]) -> None:
        """Count the names that are asked about next, by their repositories."""
        self._names = Counter(one.sight[:2] for one in found)

    def of(self, found: Found) -> Tags:
        """Give the tags of the repository of a name; None if they are few names, or nobody lists all tags there.

        A list is believed as long as a tag is. One in which the name itself does not stand says nothing of others.
        """
        home, pages = found.sight[:2], self._names[found.sight[:2]] // NAMES_PER_PAGE
        with alone((id(self), home)):  # the first one of them asks, and the others wait for that
            if pages and home not in self._lists:
                self._lists[home] = _listed(found.opened.source, pages)
        tags, own = self._lists.get(home), found.opened.reference.tag
        return tags if tags is not None and (own is None or own in tags) else None


def _listed(source: Source, pages: int) -> frozenset[str] | None:
    try:
        tags = source.tags_within(pages)
    except OcinbError:  # then each tag is asked for
        return None
    return None if tags is None else frozenset(tags)
