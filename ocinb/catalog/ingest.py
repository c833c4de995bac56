"""Adding: names into the catalogue, many side by side: what documents say first, then what stands in layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from ocinb._pool import alone, run_all
from ocinb.catalog.connection import Connections
from ocinb.catalog.document_rows import Row
from ocinb.catalog.ingest_documents import (
    FetchedImage,
    Known,
    ObservationKey,
    find,
    know,
    load,
    note_seen,
    with_referrers,
)
from ocinb.catalog.ingest_files import FilesIngest, ImageWork, Ingested
from ocinb.errors import OcinbError
from ocinb.frames.batch import CircuitBreaker, Failure, counted, run_batch
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress
from ocinb.sources.base import Source, Tags
from ocinb.sources.images import Wanted
from ocinb.sources.session import Session

# With fewer names of one repository its tags are asked for one by one. With so many a page of the list, which costs one
# question, spares two dozen of them, so each further so many names may cost another page.
NAMES_PER_PAGE = 8

_Home = tuple[str | None, str]


class TagLists:
    """The lists that one call has asked for, each once."""

    def __init__(self) -> None:
        self._names: Counter[_Home] = Counter()
        self._lists: dict[_Home, frozenset[str] | None] = {}

    def expect(self, found: Iterable[FetchedImage]) -> None:
        """Count the names that are asked about next, by their repositories."""
        self._names = Counter(one.observation[:2] for one in found)

    def of(self, found: FetchedImage) -> Tags:
        """Give the tags of the repository of a name; None if they are few names, or nobody lists all tags there.

        A list is believed as long as a tag is. One in which the name itself does not stand says nothing of others.
        """
        home, pages = found.observation[:2], self._names[found.observation[:2]] // NAMES_PER_PAGE
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


# How many names are asked for before what came is written: a connection costs as much as several images.
BATCH = 64


class Adding:
    """One call that adds names."""

    def __init__(
        self,
        connections: Connections,
        session: Session,
        wanted: Wanted,
        *,
        files: bool,
        referrers: bool,
        progress: Progress | bool | None,
    ) -> None:
        self._connections = connections
        self._session = session
        self._wanted = wanted
        self._files = files
        self._referrers = referrers
        self._board = choose_progress(progress)
        self._unreached = CircuitBreaker()
        self._tag_lists = TagLists()
        self._told: list[Row] = []
        self._works: dict[str, ImageWork] = {}

    def run(self, names: Sequence[str]) -> list[Row]:
        """Add all of them, and tell of each what became of it."""
        with counted(names, f"Adding {len(names):,} references", progress=self._board) as done:
            for start in range(0, len(names), BATCH):
                self._add_documents(names[start : start + BATCH], done)
        if self._works:
            for ingested in FilesIngest(self._connections, self._session, self._board).run(list(self._works.values())):
                self._tell(ingested)
        return self._told

    def _add_documents(self, names: Sequence[str], done: Callable[[str, None], None]) -> None:
        results = self._find(names, done)
        known = self._note_seen([result for result in results if isinstance(result, FetchedImage)])
        for result, row in zip(results, self._load(results, known), strict=True):
            if self._files and isinstance(result, FetchedImage) and row["outcome"] != "failed":
                self._want(result, len(self._told), known)
            self._told.append(row)

    def _find(self, names: Sequence[str], done: Callable[[str, None], None]) -> list[FetchedImage | Failure]:
        def ask(name: str) -> FetchedImage:
            try:
                with self._unreached.heeded():
                    return find(name, self._session, self._wanted)
            except OcinbError as error:
                self._unreached.note(name, error)
                raise
            finally:
                done(name, None)

        return run_batch(names, ask, errors="skip", session=self._session, progress=False)

    def _note_seen(self, found: Sequence[FetchedImage]) -> Known:
        """Note that names of which nothing is new were seen, all at once."""
        if not found:
            return Known({}, set())
        with self._connections.write() as connection:
            known = know(connection, found)
            note_seen(connection, [one for one in found if known.has(one)])
        return known

    def _load(self, results: Sequence[FetchedImage | Failure], known: Known) -> list[Row]:
        """Write what is new, and tell of each name what became of it."""
        rows = [result.row("present") if isinstance(result, FetchedImage) else {} for result in results]
        fresh = [
            number
            for number, result in enumerate(results)
            if isinstance(result, Failure) or self._referrers or not known.has(result)
        ]
        if fresh:
            new = [results[number] for number in fresh]
            completed = self._completed(new) if self._referrers else new
            with self._connections.write() as connection:
                written = load(connection, completed)
            for number, row in zip(fresh, written, strict=True):
                rows[number] = row
        return rows

    def _completed(self, results: Sequence[FetchedImage | Failure]) -> list[FetchedImage | Failure]:
        """Find what refers to images, once for those of one repository that have several names."""
        firsts: dict[ObservationKey, str] = {}
        for result in results:
            if isinstance(result, FetchedImage):
                firsts.setdefault(result.observation, result.name)

        def complete(result: FetchedImage | Failure) -> FetchedImage | Failure:
            if isinstance(result, Failure) or firsts[result.observation] != result.name:
                return result
            return with_referrers(result, self._unreached, self._tag_lists.of)

        self._tag_lists.expect(
            one for one in results if isinstance(one, FetchedImage) and firsts[one.observation] == one.name
        )
        return run_all(complete, results, workers=2 * self._session.settings.concurrency)

    def _want(self, found: FetchedImage, place: int, known: Known) -> None:
        for image in found.with_files:
            digest = image.document.digest
            if not known.indexed.get(digest):
                self._works.setdefault(digest, ImageWork(image)).places.append((place, found.opened))

    def _tell(self, ingested: Ingested) -> None:
        by = self._told[ingested.place]
        by["fetched_bytes"] += ingested.fetched_bytes
        if ingested.error is None:
            if ingested.written and by["outcome"] != "failed":
                by["outcome"] = "added"
            return
        for place in ingested.work.names:
            row = self._told[place]
            row.update({"outcome": "failed", "error": row.get("error") or ingested.told})
