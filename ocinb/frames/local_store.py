"""What is kept on this machine: what it takes, which images it has, whether they are right, and how they go."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ocinb._arguments import suggesting
from ocinb._settings import settings
from ocinb._text import card, counted, human_duration, human_size, printable, short_digest
from ocinb.errors import InvalidError
from ocinb.frames import schemas
from ocinb.frames.batch import Names
from ocinb.frames.pulling import Destination, open_kept
from ocinb.frames.stored_images import (
    finding_rows,
    image_rows,
    kept_limits,
    read_duration,
    read_size,
    removed_rows,
    wanted_names,
)
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress, Task
from ocinb.storage import responses
from ocinb.storage.garbage_collection import Aim, Choice, prune, remove_images
from ocinb.storage.image_selection import Selection
from ocinb.storage.usage import Amount, Kept, count, list_items
from ocinb.storage.verification import Blob, Finding, check_blobs, check_images, list_blobs

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

    @suggesting
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

    @suggesting
    def images(self, *, destination: Destination | None = None) -> pd.DataFrame:
        """List the images that were pulled, by their names.

        Parameters
        ----------
        destination
            A folder that was pulled into, or any image layout. None is the store of this user.

        Returns
        -------
        DataFrame
            One row per name: reference (in full if it was pulled), local_reference (``oci:FOLDER:NAME``, which every
            function reads from here, also offline), kind (image, index, artifact, signature, attestation, referrers,
            unknown), platform, digest, media_type, layers, compressed_bytes and unique_bytes (bytes), missing_blobs,
            used_at (UTC).

        Raises
        ------
        NotFoundError
            If there is no such folder.
        InvalidError
            If it is no image layout, or its index is broken or too large.

        Notes
        -----
        ``compressed_bytes`` are all blobs of an image that are here, its documents too, each once. Of an index all its
        images count, though each may have a row of its own. ``unique_bytes`` is what `remove` frees: blobs that
        nothing else needs, also those of the signatures and SBOMs that came along and go along, which have rows of
        their own too. So neither column adds up to what the store takes, which `usage` tells. ``missing_blobs`` does
        not count attestations, which a pull leaves out; those that came along count in the row of what lists them.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry:
        ...     frame = ocinb.pull(registry.reference("demo/hello"), progress=False)
        >>> ocinb.store.images()[["kind", "layers", "missing_blobs"]].to_dict("records")
        [{'kind': 'image', 'layers': 1, 'missing_blobs': 0}]
        """
        return schemas.KEPT_IMAGES.frame(image_rows(open_kept(destination)))

    @suggesting
    def verify(
        self, *, destination: Destination | None = None, progress: Progress | bool | None = None
    ) -> pd.DataFrame:
        """Hash again all that is kept, and see that no image lacks anything.

        Nothing is removed or changed. What is damaged, missing or of a wrong size is mended by pulling the image again
        as it was pulled, ``ocinb.pull(row.reference, platform=row.platform)``, which fetches just that (a signature
        that came along, with ``referrers=True``). A damaged blob that no image needs is noticed and fetched anew when
        it is next asked for. What is foreign is nobody's to remove but yours.

        Parameters
        ----------
        destination
            A folder that was pulled into, or any image layout. None is the store of this user.
        progress
            None draws bars where there is somebody to see them, False none; or an object that is told (see
            `ocinb.Progress`).

        Returns
        -------
        DataFrame
            One row per thing that is wrong, none if all is well: problem, digest, path, blob_bytes (bytes),
            expected_bytes (bytes), reference and platform (as pull takes them; of an image that needs it), reason.
            ``problem`` is damaged (its bytes do not match its digest), missing, wrong size (a document says another),
            unreadable (also a link or a folder in the place of a blob), invalid (``oci-layout``, ``index.json`` or a
            document that is none), or foreign (no blob, and stands among them).

        Raises
        ------
        NotFoundError
            If there is no such folder.
        InvalidError
            If it is no image layout.
        TransportError
            If a folder cannot be read.

        Notes
        -----
        Of an index all images have to be here. What else it names need not be: a pull leaves attestations out. Those
        that came along with ``referrers=True`` are missed if they are lost, since the layout lists them under the tag
        of what they speak of (see `ocinb.pull`). What an index names that is no image and speaks of nothing, such as a
        chart beside images, came along with it then, but nothing in a layout tells that it did; so it is not missed.

        Source: OCI image-spec image-layout.md and descriptor.md ("Verification"). When a blob was last of use does not
        change by this.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry:
        ...     frame = ocinb.pull(registry.reference("demo/hello"), progress=False)
        >>> len(ocinb.store.verify(progress=False))
        0
        """
        board, layout, started = choose_progress(progress), open_kept(destination), time.monotonic()
        blobs, strange = list_blobs(layout.root)
        board.start(f"Verifying {_blobs_text(blobs)}", [_task(blob) for blob in blobs])
        summary = "Verifying stopped; nothing was changed"
        try:
            findings = check_images(layout, kept_limits(), [*strange, *check_blobs(layout, blobs, board)])
            summary = _verdict(blobs, findings, time.monotonic() - started)
        finally:
            board.finish(summary)
        return schemas.FINDINGS.frame(finding_rows(findings))

    @suggesting
    def remove(self, reference: Names, *, destination: Destination | None = None) -> pd.DataFrame:
        """Remove images: their names, and the blobs that no other image needs.

        Of an index that was pulled whole, the names of its images go too (``…:3.12-arm64``), and what came along by
        ``referrers=True``, unless another image needs it.

        Parameters
        ----------
        reference
            What was pulled, as it was typed then (``"python:3.12"``), or a name out of `images`; one of a platform
            alone, ``"python:3.12-arm64"``; a digest, ``"python@sha256:…"``; or several of these.
        destination
            A folder that was pulled into, or any image layout. None is the store of this user.

        Returns
        -------
        DataFrame
            One row per image that lost its name: reference, digest, blobs, freed_bytes (bytes), waiting_bytes (bytes).
            While a process pulls into the folder, all blobs stay and wait for the next `remove` or `prune`. What an
            earlier one could not complete is a row without a reference.

        Raises
        ------
        NotFoundError
            If nothing has one of the names; then nothing was removed.
        IntegrityError
            If a document of an image that stays is damaged, so that it is not known which blobs that needs; then
            nothing was removed.
        InvalidError
            If it is no image layout, or its index is broken or too large, or names something by a digest that ocinb
            cannot follow.
        TransportError
            If something cannot be removed. What is left then is whole.

        Notes
        -----
        What was read without being pulled has no name here; `prune` removes it.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry:
        ...     frame = ocinb.pull(registry.reference("demo/hello"), progress=False)
        ...     removed = ocinb.store.remove(registry.reference("demo/hello"))
        >>> removed["blobs"].tolist(), len(ocinb.store.images())
        ([3], 0)
        """
        names, layout = wanted_names(reference), open_kept(destination)
        where = str(layout.root)

        def choose(kept: Sequence[Kept]) -> set[int]:
            return set().union(*map(Selection(kept, where).find, names))

        return schemas.REMOVED.frame(removed_rows(*remove_images(layout, choose, kept_limits())))

    @suggesting
    def prune(
        self,
        *,
        older_than: timedelta | float | str | None = None,
        keep_bytes: int | str | None = None,
        keep: Names | None = None,
        destination: Destination | None = None,
    ) -> pd.DataFrame:
        """Remove what was not used for long, or, least recently used first, what is too much.

        Images that were pulled into the store stay, whole, unless it is said which of them to keep; so does what any
        process is downloading. All else is fetched again when it is asked for again; what a tag points at, too:
        offline, without its answer, what was not pulled is found by its digest only.

        Parameters
        ----------
        older_than
            How long it was not used: ``"30d"``, ``"2 weeks"`` (s, min, h, d, w), a timedelta, or a number of seconds.
        keep_bytes
            How much may be left of all kinds together: ``"10GB"`` or a number of bytes. If the images that stay take
            more, all else goes.
        keep
            The images that stay, by names or globs (``"python:*"``, ``"ghcr.io/org/*"``), one or several. All others
            lose their names, and what only they needed goes: with `older_than` only those that were not used for so
            long, with `keep_bytes` only as many as it takes, least recently used first, when all that has no name is
            gone. None keeps all.
        destination
            A folder that was pulled into, or any image layout. None is the store of this user, and its cache.

        Returns
        -------
        DataFrame
            What was removed, one row per kind: kind, entries, bytes (bytes); with `keep` also one of the kind images,
            how many lost their names.

        Raises
        ------
        InvalidError
            If none of the three is given, or one of them is no such quantity, or `keep` is empty; if the folder is no
            image layout, or its ``index.json`` is broken, or names something by a digest that ocinb cannot follow.
        NotFoundError
            If something in `keep` fits no image, or there is no such folder; then nothing was removed.
        IntegrityError
            If a document of an image that stays is damaged, so that it is not known which blobs that needs; then
            nothing was removed.
        TransportError
            If something cannot be removed.

        Notes
        -----
        When a blob was last of use is known to the hour. While somebody pulls into the store, all blobs stay.

        *Of a folder*, what ``index.json`` leads to stays, whoever wrote it, with all that its documents name in any
        field, and the cache is left alone. Other tools take no lock that ocinb could see, so what came or was of use
        in the last 24 hours stays too, unless it is an image's that loses its name now; do not prune while another tool
        writes there. A manifest without a name stays if its ``subject`` does, since a registry that keeps its content
        so finds it by that. All else that is a blob by its name is what OCI calls unreferenced, and may go; what is
        none is never touched.

        Examples
        --------
        >>> import ocinb
        >>> with ocinb.samples.registry() as registry:
        ...     frame = ocinb.layers(registry.reference("demo/hello"))
        >>> ocinb.store.prune(keep_bytes=0)[["kind", "entries"]].to_dict("records")
        [{'kind': 'blobs', 'entries': 2}, {'kind': 'index', 'entries': 0}, {'kind': 'parts', 'entries': 0},
         {'kind': 'responses', 'entries': 1}]
        """
        if older_than is None and keep_bytes is None and keep is None:
            hint = "Give older_than='30d', keep_bytes='10GB' or keep='python:*'"
            raise InvalidError("prune has to know what may go", hint=hint)
        aim = Aim(
            None if older_than is None else time.time() - read_duration(older_than, "older_than"),
            None if keep_bytes is None else read_size(keep_bytes, "keep_bytes"),
        )
        layout, cache_dir = open_kept(destination), settings.cache_dir if destination is None else None
        choose = None if keep is None else _kept_by(wanted_names(keep), str(layout.root))
        removed = prune(layout, cache_dir, aim, limits=kept_limits(), keep=choose)
        names = [] if keep is None else [{"kind": "images", "entries": len(removed.images)}]
        return schemas.PRUNED.frame([*map(_row, count(removed.items)), *names])

    def __repr__(self) -> str:
        told = [f"{_counted(amount)}, {human_size(amount.size)}" for amount in _amounts() if amount.entries]
        return f"<Store {printable(str(settings.store_dir))}, {'; '.join(told) or 'empty'}>"

    def _repr_html_(self) -> str:
        paths, amounts = _paths(), _amounts()
        rows = (
            (amount.kind, paths[amount.kind], f"{_counted(amount)}, {human_size(amount.size)}") for amount in amounts
        )
        return card("Store", f"{human_size(sum(amount.size for amount in amounts))} on this machine", rows)


store = Store()


def _kept_by(patterns: Sequence[str], where: str) -> Choice:
    if not patterns:
        hint = "To remove all: ocinb.store.remove(ocinb.store.images()['reference'])"
        raise InvalidError("keep has no name in it, and an empty list may be a mistake", hint=hint)
    return lambda kept: set().union(*map(Selection(kept, where).match, patterns))


def _task(blob: Blob) -> Task:
    return Task(blob.digest, short_digest(blob.digest), blob.size)


def _blobs_text(blobs: Sequence[Blob]) -> str:
    return f"{counted(len(blobs), 'blob')}, {human_size(sum(blob.size for blob in blobs))}"


def _verdict(blobs: Sequence[Blob], findings: Sequence[Finding], seconds: float) -> str:
    wrong = f"{len(findings):,} thing{' is' if len(findings) == 1 else 's are'} wrong" if findings else "all is well"
    return f"Verified {_blobs_text(blobs)} in {human_duration(seconds)}: {wrong}"


def _amounts() -> list[Amount]:
    found = count(list_items(open_kept(None), settings.cache_dir))
    beside = responses.overhead(settings.cache_dir)
    return [
        Amount(amount.kind, amount.entries, amount.size + (beside if amount.kind == "responses" else 0))
        for amount in found
    ]


def _counted(amount: Amount) -> str:
    one, many = ("index", "indexes") if amount.kind == "index" else (amount.kind.removesuffix("s"), amount.kind)
    return counted(amount.entries, one, many)


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
