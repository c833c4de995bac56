"""Filing: what stands in layers goes into the catalogue, each layer once, each image wholly or not at all.

Layers are fetched and read for several images side by side. One thread lays the images, one after the other, in an
order in which those that share layers follow each other, and writes them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ocinb._pool import check_stopped, hand_out, run_all
from ocinb._text import printable
from ocinb.catalog.connection import Connections
from ocinb.catalog.distributions import Distributions
from ocinb.catalog.known import known_layers
from ocinb.catalog.loading import counting, fail
from ocinb.catalog.shelf import OutdatedError, Plan, Shelf
from ocinb.errors import InvalidError, OcinbError
from ocinb.frames.collecting import complete
from ocinb.frames.inside import Asked, reading
from ocinb.frames.opening import Opened
from ocinb.frames.reading import LayerContents, Reader
from ocinb.frames.rows import layer_identities
from ocinb.frames.unreached import Unreached
from ocinb.indexing import Layer
from ocinb.progress.protocol import Progress, State
from ocinb.sources.images import Image
from ocinb.sources.session import Session
from ocinb.spec.digest import Digest

# So many images are read at a time at most: each may take a gigabyte of memory.
MOST_IMAGES: Final = 4
# And so many that were read wait to be laid.
AHEAD: Final = 1


@dataclass(slots=True)
class Work:
    """An image whose files are wanted, and where it can be had: under one name or several, by their numbers."""

    image: Image
    places: list[tuple[int, Opened]] = field(default_factory=list)

    @property
    def names(self) -> list[int]:
        """The numbers of the names."""
        return [place for place, _ in self.places]

    def layers(self, opened: Opened) -> list[Layer]:
        """Give its layers, as one of the names has them."""
        stacked, (diff_ids, _) = self.image.manifest.layers, layer_identities(self.image)
        pairs = zip(stacked, diff_ids, strict=True)
        return [Layer(descriptor, opened.source, opened.name, diff_id) for descriptor, diff_id in pairs]


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of an image.

    Attributes
    ----------
    work
        The image.
    place
        The number of the name by which it was read at last.
    fetched_bytes
        What came over the wire for it.
    error
        Why it failed; None if it did not.
    """

    work: Work
    place: int
    fetched_bytes: int
    error: OcinbError | None = None

    @property
    def told(self) -> str:
        """The error, as it is told."""
        return printable(str(self.error))


@dataclass(frozen=True, slots=True)
class _Read:
    """An image of which all layers that nobody else reads were read."""

    filed: Filed
    opened: Opened
    contents: dict[Digest, LayerContents]


class Filing:
    """The images of one call.

    Parameters
    ----------
    connections
        The catalogue.
    session
        The connections to registries.
    board
        Who is told of the layers.
    """

    def __init__(self, connections: Connections, session: Session, board: Progress) -> None:
        self._connections = connections
        self._session = session
        self._board = board
        self._distributions = Distributions(session.store, session.settings)
        self._shelf = Shelf(connections, session.store, self._distributions)
        self._unreached = Unreached()
        self._claiming = threading.Lock()
        self._claimed: set[Digest] = set()  # layers that are read for an image which is not written yet
        self._filed: list[Filed] = []
        self._failed: list[str] = []

    def run(self, works: Sequence[Work]) -> list[Filed]:
        """Read, lay and write images; what fails is told, and noted, and ends nothing else."""
        ordered = sorted(works, key=lambda work: [layer.digest for layer in work.image.manifest.layers])
        with self._connections.connect() as connection:
            digests = {layer.digest for work in works for layer in work.image.manifest.layers}
            self._shelf.known.update(known_layers(connection, digests))

        def read_all(give: Callable[[_Read], None]) -> None:
            run_all(lambda work: give(self._read(work)), ordered, workers=_workers())

        asked = [Asked(work.places[0][1], [work.image]) for work in ordered]
        with reading(self._session, self._board, asked) as failed:
            self._failed = failed
            try:
                hand_out(read_all, self._file, workers=1, ahead=AHEAD)
            finally:
                self._shelf.pen.close()
        return self._filed

    def _read(self, work: Work) -> _Read:
        """Read the layers of an image that nobody has read yet, by the first of its names that can give them."""
        with counting() as fetched:
            for place, opened in work.places:
                try:
                    contents = self._attempt(work, opened)
                except OcinbError as error:
                    complete(error, opened.name)
                    failed = Filed(work, place, fetched(), error)
                else:
                    return _Read(Filed(work, place, fetched()), opened, contents)
        return _Read(failed, opened, {})

    def _attempt(self, work: Work, opened: Opened) -> dict[Digest, LayerContents]:
        layers = work.layers(opened)
        with self._claiming:
            wanted = [number for number in self._unknown(layers) if layers[number].digest not in self._claimed]
            mine = {layers[number].digest for number in wanted}
            self._claimed |= mine
        try:
            if wanted:
                self._unreached.check(opened.name)
            return self._contents(work, opened, wanted)
        except OcinbError as error:
            self._unreached.note(opened.name, error)
            self._claimed -= mine
            raise

    def _unknown(self, layers: Sequence[Layer]) -> list[int]:
        """Give the numbers of the layers that have to be read, each digest once.

        Raises
        ------
        IntegrityError
            If one that was read is not what the config promises.
        """
        unknown: dict[Digest, int] = {}
        for number, layer in enumerate(layers):
            known = self._shelf.find(layer)
            if known is None:
                unknown.setdefault(layer.digest, number)
            else:
                known.check(layer)
                self._board.state(layer.digest, State.PRESENT)
        return list(unknown.values())

    def _contents(self, work: Work, opened: Opened, numbers: Iterable[int]) -> dict[Digest, LayerContents]:
        """Read some layers; one whose table of contents contradicts what is known by another's is read as a whole."""
        stacked = work.image.manifest.layers
        by_table: list[int] = []
        whole: list[int] = []
        for number in numbers:
            (whole if stacked[number].digest in self._shelf.known else by_table).append(number)
        found: list[LayerContents] = []
        for some, is_whole in ((by_table, False), (whole, True)):
            if some:
                found += Reader(opened, self._board, whole=is_whole).layers(work.image, some)
        self._distributions.learn(found)
        return {layer.descriptor.digest: layer for layer in found}

    def _file(self, read: _Read) -> None:
        """Lay an image and write it, or note why that was not possible."""
        filed = read.filed
        try:
            if filed.error is None:
                filed = self._lay_and_write(read)
            if filed.error is not None:
                self._note(filed)
        finally:
            self._claimed -= read.contents.keys()
        self._filed.append(filed)

    def _lay_and_write(self, read: _Read) -> Filed:
        filed, opened, contents = read.filed, read.opened, dict(read.contents)
        with counting() as fetched:
            while True:
                try:
                    self._shelf.write(self._plan(filed.work, opened, contents))
                    error = None
                except OutdatedError:  # another process wrote some of the layers meanwhile
                    continue
                except InvalidError as refused:
                    check_stopped()  # it may be that which ended the writing
                    error = complete_error(refused, opened.name)
                except _UnreadError as unread:
                    error = complete_error(unread.error, opened.name)
                return Filed(filed.work, filed.place, filed.fetched_bytes + fetched(), error)

    def _plan(self, work: Work, opened: Opened, contents: dict[Digest, LayerContents]) -> Plan:
        """Have all layers, also those that somebody else wanted to read and did not."""
        try:
            layers = work.layers(opened)
            unknown = self._unknown(layers)
            missing = [number for number in unknown if not self._fits(layers[number], contents)]
            contents.update(self._contents(work, opened, missing))
            new = {layers[number].digest: contents[layers[number].digest] for number in unknown}
            return Plan(work.image.document.digest, layers, new)
        except OcinbError as error:
            raise _UnreadError(error) from None

    def _fits(self, layer: Layer, contents: dict[Digest, LayerContents]) -> bool:
        """Say whether a layer was read, and as a whole if another's table of contents is known."""
        read = contents.get(layer.digest)
        return read is not None and (read.table is not None or layer.digest not in self._shelf.known)

    def _note(self, filed: Filed) -> None:
        with self._shelf.pen.turn() as connection:
            for _, opened in filed.work.places:
                if filed.error is not None:
                    fail(connection, opened.name, filed.error, "files")
                    self._failed.append(opened.name)


class _UnreadError(Exception):
    """Carries why a layer could not be read past what is said of the catalogue itself. It never leaves this module."""

    def __init__(self, error: OcinbError) -> None:
        super().__init__(str(error))
        self.error = error


def complete_error(error: OcinbError, name: str) -> OcinbError:
    """Say in an error what was asked for."""
    complete(error, name)
    return error


def _workers() -> int:
    return min(MOST_IMAGES, 2 * (os.cpu_count() or 1))
