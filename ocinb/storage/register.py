"""Register: the entries of an index in their order, found at once by what they are called.

Whoever pulls thousands of names at a time looks for each of them, while others wait for the index.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from ocinb.spec.digest import Digest
from ocinb.storage.index import Entry

Places = dict[Hashable, dict[int, None]]


class Register:
    """Entries that are added, moved and dropped.

    Parameters
    ----------
    entries
        Those that there are.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[int, Entry] = {}
        self._places: dict[str, Places] = {"name": {}, "pulled_as": {}, "subject": {}}
        self._next = 0
        for entry in entries:
            self._add(entry)

    @property
    def entries(self) -> list[Entry]:
        """All of them, in their order."""
        return list(self._entries.values())

    def called(self, name: str) -> list[Entry]:
        """Give those that have a name."""
        return self._found("name", name)

    def pulled_as(self, name: str) -> list[Entry]:
        """Give those that were pulled as a name, and did not just come along."""
        return [entry for entry in self._found("pulled_as", name) if entry.subject is None]

    def about(self, subject: Digest) -> list[Entry]:
        """Give those that came along with something."""
        return self._found("subject", subject)

    def put(self, name: str, entry: Entry) -> None:
        """Put an entry where the first one of a name stands, in place of all that have it; else at the end."""
        places = list(self._places["name"].get(name, ()))
        if not places:
            self._add(entry)
            return
        for place in places:
            self._forget(place)
        self._entries[places[0]] = entry
        self._note(places[0])
        for place in places[1:]:
            del self._entries[place]

    def drop(self, entry: Entry) -> None:
        """Take one away that is here, and all that are the same."""
        for place in list(self._places["name"].get(entry.name, ())):
            if self._entries[place] is entry:
                self._forget(place)
                del self._entries[place]

    def _found(self, kind: str, key: Hashable) -> list[Entry]:
        return [self._entries[place] for place in self._places[kind].get(key, ())]

    def _add(self, entry: Entry) -> None:
        self._entries[self._next] = entry
        self._note(self._next)
        self._next += 1

    def _note(self, place: int) -> None:
        for kind, places in self._places.items():
            places.setdefault(getattr(self._entries[place], kind), {})[place] = None

    def _forget(self, place: int) -> None:
        for kind, places in self._places.items():
            del places[getattr(self._entries[place], kind)][place]
