"""What is kept on this machine: what it takes by kind, and how old or rare things go."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb._settings import settings
from ocinb._text import escape_html, human_size, printable
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.frames.quantities import read_duration, read_size
from ocinb.storage import kept
from ocinb.storage.inventory import Amount, count, list_items
from ocinb.storage.layout import Layout
from ocinb.storage.pruning import prune

if TYPE_CHECKING:
    import pandas as pd


class Store:
    """What ocinb keeps on this machine, for this user: ``ocinb.store``.

    What was asked for by digest is in an OCI image layout at ``settings.store_dir``: documents, configs, layers
    (*blobs*), what was read of layers (*index*), and downloads that are not complete (*parts*). What was asked for by
    name is at ``settings.cache_dir`` (*responses*). Both folders are looked up when something is asked, so that the
    object is always that of the settings.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.layers(registry.reference("demo/hello"))
    >>> ocinb.store.usage()[["kind", "entries"]].to_dict("records")
    [{'kind': 'blobs', 'entries': 2}, {'kind': 'index', 'entries': 0}, {'kind': 'parts', 'entries': 0},
     {'kind': 'responses', 'entries': 1}]
    """

    def usage(self) -> pd.DataFrame:
        """Tell what is kept, by kind.

        Returns
        -------
        DataFrame
            One row per kind (blobs, index, parts, responses): kind, entries, bytes (bytes), path.

        Raises
        ------
        TransportError
            If a folder cannot be read.

        Notes
        -----
        ``bytes`` are those of the files; the file of the responses takes some even when it is empty.

        Examples
        --------
        >>> import ocinb
        >>> ocinb.store.usage()["kind"].tolist()
        ['blobs', 'index', 'parts', 'responses']
        """
        paths = _paths()
        return schemas.USAGE.frame({**_row(amount), "path": paths[amount.kind]} for amount in _amounts())

    def prune(
        self, *, older_than: timedelta | float | str | None = None, keep_bytes: int | str | None = None
    ) -> pd.DataFrame:
        """Remove what was not used for long, or, least recently used first, what is too much.

        Images that were pulled into the store stay, whole, and so does what any process is downloading. All else is
        fetched again when it is asked for again; what a tag points at, too: offline, without its answer, only a digest
        finds an image.

        Parameters
        ----------
        older_than
            How long it was not used: ``"30d"`` (s, min, h, d, w), a timedelta, or a number of seconds.
        keep_bytes
            How much may be left of all kinds together: ``"10GB"`` or a number of bytes. If the pulled images alone
            take more, all else goes.

        Returns
        -------
        DataFrame
            What was removed, one row per kind: kind, entries, bytes (bytes).

        Raises
        ------
        InvalidError
            If neither is given, or one of them is no such quantity; also if the store's ``index.json`` is broken, so
            that nobody can tell which images were pulled.
        TransportError
            If something cannot be removed.

        Notes
        -----
        When a blob was last of use is known to the hour. While somebody pulls into the store, all blobs stay.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry:
        ...     frame = ocinb.layers(registry.reference("demo/hello"))
        >>> ocinb.store.prune(keep_bytes=0)[["kind", "entries"]].to_dict("records")
        [{'kind': 'blobs', 'entries': 2}, {'kind': 'index', 'entries': 0}, {'kind': 'parts', 'entries': 0},
         {'kind': 'responses', 'entries': 1}]
        """
        if older_than is None and keep_bytes is None:
            raise InvalidError("prune has to know what may go", hint="Give older_than='30d' or keep_bytes='10GB'")
        removed = prune(
            _layout(),
            settings.cache_dir,
            older_than=None if older_than is None else read_duration(older_than, "older_than"),
            keep_bytes=None if keep_bytes is None else read_size(keep_bytes, "keep_bytes"),
            limit=settings.max_manifest_bytes,
        )
        return schemas.PRUNED.frame(map(_row, count(removed)))

    def __repr__(self) -> str:
        told = [f"{_counted(amount)}, {human_size(amount.size)}" for amount in _amounts() if amount.entries]
        return f"<Store {printable(str(settings.store_dir))}, {'; '.join(told) or 'empty'}>"

    def _repr_html_(self) -> str:
        paths = _paths()
        cells = (
            f"<tr><td>{amount.kind}</td><td>{amount.entries:,}</td><td>{human_size(amount.size)}</td>"
            f'<td style="text-align: left"><code>{escape_html(paths[amount.kind])}</code></td></tr>'
            for amount in _amounts()
        )
        return f"<table><tr><th>kind</th><th>entries</th><th>size</th><th>path</th></tr>{''.join(cells)}</table>"


store = Store()


def _layout() -> Layout:
    return Layout(settings.store_dir, private=True)


def _amounts() -> list[Amount]:
    found = count(list_items(_layout(), settings.cache_dir))
    beside = kept.overhead(settings.cache_dir)
    return [
        Amount(amount.kind, amount.entries, amount.size + (beside if amount.kind == "responses" else 0))
        for amount in found
    ]


def _counted(amount: Amount) -> str:
    return f"{amount.entries:,} {amount.kind if amount.entries > 1 else amount.kind.removesuffix('s')}"


def _row(amount: Amount) -> dict[str, object]:
    return {"kind": amount.kind, "entries": amount.entries, "bytes": amount.size}


def _paths() -> dict[str, str]:
    places: dict[str, Path] = {
        "blobs": settings.store_dir / "blobs",
        "index": settings.store_dir / "index",
        "parts": settings.store_dir / ".ocinb" / "parts",
        "responses": settings.cache_dir,
    }
    return {kind: str(path) for kind, path in places.items()}
