"""The catalogue as people use it: add images, ask in SQL."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from ocinb._arguments import check_choice, suggesting
from ocinb.catalog.analysis import Questions
from ocinb.catalog.column_docs import Described
from ocinb.catalog.connection import Connections, place_of, refuse_open_transaction
from ocinb.catalog.ingest import Adding
from ocinb.catalog.open_file import MEMORY, gone, is_there
from ocinb.catalog.parquet import Exported, fill, folder_of, read_export
from ocinb.catalog.results import to_frame
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.frames.batch import Names, list_names
from ocinb.frames.images import Depth
from ocinb.frames.resolve import Platforms, wanted_platforms
from ocinb.progress.protocol import Progress
from ocinb.sources.session import default_session

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


T = TypeVar("T")


def frames_of_callers() -> dict[str, Any]:
    """Find the DataFrames that stand in the code which called, those of the nearest function first.

    DuckDB looks for them itself, but in the thread that asks alone, and no further than the first thing of that name,
    whatever it is: somebody's DataFrame called `query` would be hidden by a parameter of ours.
    """
    stack: list[FrameType] = []
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the caller's names
    while frame is not None:
        stack.insert(0, frame)
        frame = frame.f_back
    known: dict[int, tuple[type, bool]] = {}  # by identity: a class may refuse to be compared
    return {
        name: value
        for frame in stack
        for names in (frame.f_globals, frame.f_locals)
        for name, value in list(names.items())
        if _is_known(type(value), known)
    }


def is_frame(kind: type) -> bool:
    """Say whether things of a class have columns; nothing of theirs runs for that, since it may do anything."""
    for base in type.__getattribute__(kind, "__mro__"):
        own = type.__getattribute__(base, "__dict__")
        if "columns" in own:
            return not callable(own["columns"])  # a catalogue has a method of that name
    return False


def call_among(frames: dict[str, Any], function: Callable[[], T]) -> T:
    """Call a function where DuckDB finds DataFrames by their names.

    To register them would put them before the tables of the catalogue; found by name, they come after those.
    """
    names = {**frames, "_ocinb_function": function}
    result: T = eval("_ocinb_function()", {}, names)  # noqa: S307 - a text of ours, which only calls
    return result


def _is_known(kind: type, known: dict[int, tuple[type, bool]]) -> bool:
    if id(kind) not in known:
        known[id(kind)] = (kind, is_frame(kind))
    return known[id(kind)][1]


class Catalog(Questions, Described, Exported):
    """Images of any number of registries in one DuckDB file, keyed by digest, for questions in SQL.

    Parameters
    ----------
    path
        The file, made if need be; ``":memory:"`` keeps nothing. It is held only while something is read or written, so
        two notebooks can use one file.

    Raises
    ------
    InvalidError
        If the file is no catalogue of this version; it is left as it is.
    TransportError
        If another process holds the file for longer than a few seconds.

    Notes
    -----
    A copy, or what is unpickled, in another process too, is on the same file. One in memory cannot be copied so.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
    ...     added = catalog.add([registry.reference("demo/shop:1.0"), registry.reference("demo/shop:2.0")])
    ...     shared = catalog.sql("SELECT count(*) AS layers FROM layer_sharing WHERE images > 1")
    >>> added["outcome"].tolist()
    ['added', 'added']
    """

    @suggesting
    def __init__(self, path: str | PathLike[str] = MEMORY) -> None:
        self._connections = Connections(path)

    @classmethod
    @suggesting
    def from_parquet(cls, directory: str | PathLike[str], path: str | PathLike[str] = MEMORY) -> Self:
        """Make a catalogue out of what `export` wrote.

        Parameters
        ----------
        directory
            Where the files stand. They are data and nothing more: what they are is checked, and nothing in them runs.
        path
            The file of the new catalogue, where nothing may stand yet; ``":memory:"`` keeps it in memory.

        Raises
        ------
        NotFoundError
            If there is no such directory.
        InvalidError
            If it is no export of this version, or something stands at the path, or there is no directory for it.
        IntegrityError
            If a document in it does not match its digest, or is not there, or a row has no key.
        TransportError
            If the file cannot be written, or what is read takes too much memory: 2 GB, in memory what DuckDB has.

        Examples
        --------
        >>> import ocinb, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ocinb.Catalog().export(f"{folder}/tables")
        ...     kept = ocinb.Catalog.from_parquet(f"{folder}/tables", f"{folder}/copy.duckdb")
        ...     len(kept.sql("FROM images"))
        0
        """
        source, place = folder_of(directory), place_of(path)
        if isinstance(place, Path):
            read_export(source, place)
            return cls(place)
        made = cls(MEMORY)
        try:
            fill(made._connections, source)
        except BaseException:
            made.close()
            raise
        return made

    @property
    def path(self) -> str | Path:
        """Where it is kept."""
        return self._connections.path

    @suggesting
    def add(
        self,
        references: Names,
        *,
        platform: Platforms = "all",
        depth: Depth = "metadata",
        referrers: bool = False,
        progress: Progress | bool | None = None,
    ) -> pd.DataFrame:
        """Read images and put what is in them into the tables; what is there already is not put in twice.

        Parameters
        ----------
        references
            The name of an image, or several.
        platform
            ``"all"``, or as for `layers`.
        depth
            How much is read: ``"metadata"``, the documents, or ``"files"``, the layers too. What was added by the one
            can be added by the other later.
        referrers
            Whether to request the referrers of the names and of their images too, as `ocinb.referrers` does.
        progress
            As for `files`.

        Returns
        -------
        DataFrame
            One row per reference: reference, digest, outcome (added, present, failed), images, fetched_bytes (bytes),
            error. A name that fails does not end the rest; it also stands in the table ``failures``. One whose layers
            fail has all the rest in the tables. On the row of a name that was added, error is a warning: its manifest
            gives a layer another size than the catalog has, which keeps its own until the layer is read.

        Raises
        ------
        InvalidError
            If `platform` or `depth` is none.
        TransportError
            If the file cannot be written, or another process holds it for longer than a minute.

        Notes
        -----
        A name is ``added`` if it brought something that was not there: a manifest, an index, or the files of an image.
        It is ``present`` if all of it was there by its turn, which is that of the list: of several names of one image
        that is new the first was added, and the others are present (where that one's registry does not give a layer,
        the one by which it was read was added as well). Neither a new tag of an image nor what refers to it counts.

        What a tag points at is noted as of the time when its registry said so, which is earlier than now within
        ``settings.tag_ttl`` or offline; nothing is noted twice. A digest, which nobody has to say, is noted once.

        Each image is in the tables wholly or not at all, whatever ends the call. Images are written some dozens at
        once; those that were read and not yet written when an interrupt comes are read out of the store the next time.
        A layer is fetched, read and stored once, however many images have it; layers are read as by `files`,
        by their table of contents if they have one. Of a layer that was read so ``tar_bytes`` is NULL, and its files
        are shown for images that promise the same table; for others it is read as a whole, and stays so. The images
        whose files came from the table have none then, until they are added again.

        A new image under a tag costs two requests, beside its layers: the tag and the config. An index costs one, and
        two for each of its images. The next time it is one, or none within ``settings.tag_ttl``.

        With ``referrers=True`` each name and each of its images costs four more, in every call after
        ``settings.tag_ttl``. For eight or more names of one repository, a list of its tags replaces three of the four.
        If they cannot be read, ``failures`` has a row with the stage ``referrers``, and the name has not failed.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry, ocinb.Catalog() as catalog:
        ...     shop = registry.reference("demo/shop:2.0")
        ...     added = [catalog.add(shop, depth=depth, progress=False) for depth in ("metadata", "files", "files")]
        >>> [frame["outcome"].item() for frame in added]
        ['added', 'added', 'present']
        """
        check_choice("depth", depth, ("metadata", "files"))
        names, wanted = list_names(references), wanted_platforms(platform)
        adding = Adding(
            self._connections,
            default_session(),
            wanted,
            files=depth == "files",
            referrers=referrers,
            progress=progress,
        )
        return schemas.ADDED.frame(adding.run(names))

    @suggesting
    def sql(self, query: str, params: Sequence[Any] | dict[str, Any] | None = None) -> pd.DataFrame:
        """Ask a question in SQL; it may also name the notebook's own DataFrames.

        Parameters
        ----------
        query
            The question, in DuckDB's SQL, or several with ``;`` between them.
        params
            The values of ``?`` or ``$name`` in it.

        Returns
        -------
        DataFrame
            The result, of several questions the last one's: whole numbers ``Int64``, text ``str``, times and dates in
            UTC to the microsecond, MAP as dict, lists as lists. A statement without a result gives an empty frame.

        Raises
        ------
        InvalidError
            If DuckDB refuses the query, whose own words say why, or a transaction is left open.
        TransportError
            If the file cannot be read, or another process holds it for longer than a few seconds.

        Notes
        -----
        Each call has a connection of its own: temporary tables are gone after it, in a file also what SET sets, and a
        transaction begins and ends in one call, ``"BEGIN; …; COMMIT"``. Of one that is left open nothing is kept.

        Examples
        --------
        >>> import ocinb, pandas
        >>> ports = pandas.DataFrame({"port": [80, 443]})
        >>> with ocinb.Catalog() as catalog:
        ...     catalog.sql("SELECT port FROM ports WHERE port > $least", {"least": 100})["port"].tolist()
        [443]
        """
        if params is not None and not isinstance(params, list | tuple | dict):
            raise InvalidError(f"params takes a list or a dict of values, not a {type(params).__name__}")
        frames = frames_of_callers()

        def answer(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
            relation = call_among(frames, partial(connection.sql, query, params=params))
            frame = to_frame(relation)
            refuse_open_transaction(connection)
            return frame

        return self._connections.ask(answer, what="DuckDB refuses the query")

    @suggesting
    def close(self) -> None:
        """Give up a catalogue in memory; one in a file needs no closing."""
        self._connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Catalog({str(self.path)!r})"

    def _repr_html_(self) -> str:
        return self._shown(repr(self))

    def __reduce__(self) -> tuple[Callable[[type[Catalog], Path], Catalog], tuple[type[Self], Path]]:
        """Leave this process, or be copied, as a catalogue on the same file."""
        if not isinstance(self.path, Path):
            raise InvalidError("a catalogue in memory cannot be copied or pickled", hint="Catalog.export keeps it")
        return _reopened, (type(self), self.path)


def _reopened(kind: type[Catalog], path: Path) -> Catalog:
    if not is_there(path):
        raise gone(path)
    return kind(path)
