"""What stands in the layers of an image: every file, what is left of them in the end, and what is hidden by whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import accumulate, chain, repeat
from typing import TYPE_CHECKING, Any

from ocinb._arguments import suggesting
from ocinb.archive.entries import FILE, HARDLINK, Columns
from ocinb.frames import schemas
from ocinb.frames.batch import Errors, Names, Row
from ocinb.frames.contents_batch import collect_contents
from ocinb.frames.document_rows import layer_rows
from ocinb.frames.layer_reader import Contents
from ocinb.frames.resolve import Platforms
from ocinb.progress.protocol import Progress
from ocinb.rootfs.dive import dive_figures
from ocinb.rootfs.filesystem import Entry, Overlay
from ocinb.rootfs.waste import figures, hidden_files

if TYPE_CHECKING:
    import pandas as pd


Lists = dict[str, list[Any]]

# What a frame has from an entry as it is; of a hard link the file has it.
_AS_IT_IS = ("size_bytes", "mode", "uid", "gid", "mtime")


class LazyColumns(Mapping[str, list[Any]]):
    """Columns that are made when they are asked for, each anew: so that of a million rows one list lives at a time."""

    def __init__(self, **makers: Callable[[], list[Any]]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> list[Any]:
        return self._makers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers


def files_columns(layers: Sequence[Columns], overlay: Overlay) -> LazyColumns:
    """Give all entries of all layers, in their order."""

    def every(name: str) -> list[Any]:
        return list(chain.from_iterable(getattr(layer, name) for layer in layers))

    return LazyColumns(
        layer=lambda: list(chain.from_iterable(repeat(number, len(layer)) for number, layer in enumerate(layers))),
        sha256=lambda: [digest and digest.hex() for layer in layers for digest in layer.sha256],
        change=lambda: list(chain.from_iterable(overlay.change)),
        visible=lambda: list(chain.from_iterable(overlay.visible)),
        **{name: partial(every, name) for name in ("path", "type", *_AS_IT_IS, "link_target")},
    )


def filesystem_columns(layers: Sequence[Columns], overlay: Overlay) -> LazyColumns:
    """Give the paths of the final file system; the first name of a file is the file, the others are links to it."""
    starts = list(accumulate(map(len, layers), initial=0))
    places = [starts[layer] + place for layer, place in overlay.contents]

    def chosen(name: str) -> list[Any]:
        every = list(chain.from_iterable(getattr(layer, name) for layer in layers))
        return list(map(every.__getitem__, places))

    types, targets = chosen("type"), chosen("link_target")
    for place, first in _further_names(types, overlay):
        types[place], targets[place] = HARDLINK, overlay.paths[first]
    return LazyColumns(
        path=lambda: overlay.paths,
        type=lambda: types,
        link_target=lambda: targets,
        sha256=lambda: [digest and digest.hex() for digest in chosen("sha256")],
        layer=lambda: [layer for layer, _ in overlay.owners],
        **{name: partial(chosen, name) for name in _AS_IT_IS},
    )


def _further_names(types: Sequence[str], overlay: Overlay) -> list[tuple[int, int]]:
    """Give the places of all names of files but the first, each with that of the first."""
    if overlay.contents == overlay.owners:  # there are no hard links
        return []
    first: dict[Entry, int] = {}
    found = []
    for place, (content, kind) in enumerate(zip(overlay.contents, types, strict=True)):
        if kind == FILE and first.setdefault(content, place) != place:
            found.append((place, first[content]))
    return found


def hidden_columns(contents: Contents, overlay: Overlay) -> Lists:
    """Give the stored files that nothing shows, with who stored and who hid them."""
    entries = contents.entries
    hidden = list(hidden_files(entries, overlay))
    made = contents.instructions
    hidden_in = [overlay.hidden_in[number][place] for number, place in hidden]
    return {
        "path": _of(hidden, [layer.path for layer in entries]),
        "hidden_bytes": _of(hidden, [layer.size_bytes for layer in entries]),
        "reason": _of(hidden, overlay.reason),
        "stored_in": [number for number, _ in hidden],
        "stored_by": [made[number] for number, _ in hidden],
        "hidden_in": hidden_in,
        "hidden_by": [None if number is None else made[number] for number in hidden_in],
    }


def figures_row(contents: Contents, overlay: Overlay) -> Row:
    """Give what all layers of an image come to, with what dive says."""
    layers, found = contents.entries, figures(contents.entries, overlay)
    dive = dive_figures(layers)
    return {
        "layers": len(layers),
        "compressed_bytes": _sum(blob.known_size for blob in contents.image.manifest.layers),
        "tar_bytes": _sum(layer.tar_bytes for layer in contents.layers),
        "stored_bytes": found.stored_bytes,
        "visible_bytes": found.visible_bytes,
        "hidden_bytes": found.hidden_bytes,
        "efficiency": found.efficiency,
        "duplicate_bytes": found.duplicate_bytes,
        "dive_efficiency": dive.efficiency,
        "dive_wasted_bytes": dive.wasted_bytes,
        "dive_user_wasted_ratio": dive.user_wasted_ratio,
    }


def layer_figures(contents: Contents, overlay: Overlay) -> list[Row]:
    """Give what each layer comes to."""
    found = figures(contents.entries, overlay)
    return [
        {"tar_bytes": layer.tar_bytes, "files": files, "hidden_bytes": hidden}
        for layer, files, hidden in zip(contents.layers, found.layer_files, found.layer_hidden_bytes, strict=True)
    ]


def _sum(values: Iterable[int | None]) -> int | None:
    """Add numbers; with one that is unknown the sum is unknown."""
    known = list(values)
    return None if None in known else sum(value or 0 for value in known)


def _of(entries: Iterable[Entry], lists: Sequence[Sequence[Any]]) -> list[Any]:
    return [lists[layer][place] for layer, place in entries]


@suggesting
def files(
    reference: Names,
    *,
    platform: Platforms = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    r"""List every entry of every layer of an image, also what later layers delete or overwrite.

    Layers that are not here are fetched into the store, where `ocinb.store` shows them; a layer that was read once is
    not read again. Those of a registry in the formats eStargz and zstd:chunked are not fetched: their table of contents
    says it all.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).
    progress
        None draws bars where there is somebody to see them, False none; or an object that is told (see `Progress`).

    Returns
    -------
    DataFrame
        One row per tar entry in every layer, in the order of the layers and of their tars: reference, platform,
        manifest_digest, layer (from 0 at the base), path, type, size_bytes (bytes), mode, uid, gid, mtime (UTC),
        link_target, sha256, change, visible. Paths have no leading slash, and the root's is empty; bytes in them that
        are no UTF-8 read as ``\xNN``. A whiteout, and an opaque marker, has the path of what it removes.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform; also if a layer is nowhere to be had.
    InvalidError
        If it is no image but an artifact, whose blobs are no layers; or if a layer passes a limit of the settings,
        which the message names.
    IntegrityError
        If a layer is damaged or no tar, or its tar is not the one that the config promised.
    TransportError
        If the registry fails, or the disk has no room.

    Notes
    -----
    `change` is deleted for a marker, modified if the path stood below (also with the same content), else added.
    `visible` says whether the final file system shows this very entry; one that would lead out of the root never is.
    A layer that stands twice in an image has its rows twice. What is read by a table of contents has the same rows;
    where that has digests of the parts of a file only, sha256 is NA.

    Source: OCI image-spec layer.md; POSIX pax and GNU tar for the entries.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.files(registry.reference("demo/shop:2.0"), platform="amd64", progress=False)
    >>> key = frame[frame["path"] == "srv/shop/deploy.key"]
    >>> key[["layer", "type", "change", "visible"]].values.tolist()
    [[4, 'file', 'added', False], [5, 'whiteout', 'deleted', False]]

    What is large, what runs as its owner (setuid), and in which layers something is new:

    >>> frame.nlargest(2, "size_bytes")["path"].tolist()
    ['usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0', 'usr/lib/python3/dist-packages/flask/_speedups.so']
    >>> frame.loc[frame["visible"] & (frame["mode"] & 0o4000 > 0), "path"].tolist()
    ['usr/bin/passwd']
    >>> frame.loc[frame["mtime"] > "2025-06-02 07:04Z", "layer"].unique().tolist()
    [4, 5, 6]
    """
    return collect_contents(reference, platform, _files, schemas.FILES, errors=errors, progress=progress)


@suggesting
def filesystem(
    reference: Names,
    *,
    platform: Platforms = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    """List the final file system of an image: what a container of it sees when it starts.

    Layers are fetched and kept as by `files`.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).
    progress
        As for `files`.

    Returns
    -------
    DataFrame
        One row per path, sorted by path: reference, platform, manifest_digest, path, type, size_bytes (bytes), mode,
        uid, gid, mtime (UTC), link_target, sha256, layer (the one that the entry is from).

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform; also if a layer is nowhere to be had.
    InvalidError
        If it is no image but an artifact; or if a layer passes a limit of the settings, which the message names.
    IntegrityError
        If a layer is damaged or no tar, or its tar is not the one that the config promised.

    Notes
    -----
    Of a file with several names the first one by path is the ``file``, the others are of type ``hardlink`` and name it
    in `link_target`; all have its size, sha256, mode, owner and time. So the sizes of the rows of type ``file`` sum up
    to the visible bytes of `efficiency`. A directory that no layer stores, and that only stands in the paths of others,
    has no row.

    Source: OCI image-spec layer.md, "Applying Changesets".

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.filesystem(registry.reference("demo/shop:2.0"), progress=False)
    >>> frame.loc[frame["type"] == "hardlink", ["path", "link_target", "size_bytes", "layer"]].values.tolist()
    [['usr/local/bin/shop-python', 'usr/bin/python3.11', 900000, 5]]
    """
    return collect_contents(reference, platform, _filesystem, schemas.FILESYSTEM, errors=errors, progress=progress)


@suggesting
def hidden(
    reference: Names,
    *,
    platform: Platforms = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    """List the files that an image stores and nobody sees: what they cost, who stored them, and who hid them.

    Layers are fetched and kept as by `files`.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).
    progress
        As for `files`.

    Returns
    -------
    DataFrame
        One row per stored but invisible file, in the order of the layers and of their tars: reference, platform,
        manifest_digest, path, hidden_bytes (bytes, as they are unpacked), reason, stored_in (a layer number), stored_by
        (an instruction), hidden_in, hidden_by. The instructions are NA where history and layers do not fit.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform; also if a layer is nowhere to be had.
    InvalidError
        If it is no image but an artifact; or if a layer passes a limit of the settings, which the message names.
    IntegrityError
        If a layer is damaged or no tar, or its tar is not the one that the config promised.

    Notes
    -----
    `reason` is overwritten (a later entry has the same path), replaced (a directory above it became something else),
    deleted (a whiteout of it, or above it) or opaque (a directory was emptied). It is NA, and so is hidden_in, for what
    never had a place, such as a path that leads out of the root. A file with several names is hidden when the last one
    is. Empty files have rows too.

    The bytes are those of the files; compressed, they cost less. `read` with a layer gives what was stored, so a key
    that was deleted is still there for everybody who has the image.

    Source: OCI image-spec layer.md, "Whiteouts".

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.hidden(registry.reference("demo/shop:2.0"), progress=False)
    >>> frame.loc[frame["path"] == "srv/shop/deploy.key", ["hidden_bytes", "reason", "stored_by"]].values.tolist()
    [[58, 'deleted', 'COPY --chown=shop:shop . .']]
    >>> frame.groupby("reason")["hidden_bytes"].sum().to_dict()
    {'deleted': 800058, 'opaque': 78000, 'overwritten': 218457, 'replaced': 24000}
    """
    return collect_contents(reference, platform, _hidden, schemas.HIDDEN, errors=errors, progress=progress)


@suggesting
def efficiency(
    reference: Names,
    *,
    platform: Platforms = None,
    errors: Errors = "raise",
    progress: Progress | bool | None = None,
) -> pd.DataFrame:
    """Say how much of what an image stores is seen in the end, and what dive says.

    All layers are fetched and kept, also those with a table of contents, which does not say how large a tar is.

    Parameters
    ----------
    reference
        The name of an image, or several.
    platform
        As for `layers`.
    errors
        ``"raise"``, or ``"skip"`` to leave out what fails (then told in ``frame.attrs["failures"]``).
    progress
        As for `files`.

    Returns
    -------
    DataFrame
        One row per image: reference, platform, manifest_digest, layers, compressed_bytes, tar_bytes, stored_bytes,
        visible_bytes, hidden_bytes (bytes), efficiency (visible by stored, 1 if nothing is stored), duplicate_bytes
        (bytes), dive_efficiency, dive_wasted_bytes (bytes), dive_user_wasted_ratio.

    Raises
    ------
    NotFoundError
        If nothing has that name, or it has no such platform; also if a layer is nowhere to be had.
    InvalidError
        If it is no image but an artifact; or if a layer passes a limit of the settings, which the message names.
    IntegrityError
        If a layer is damaged or no tar, or its tar is not the one that the config promised.

    Notes
    -----
    Stored are the regular files of all layers, visible those of the final file system, hidden is the difference, which
    `hidden` lists. Duplicate is what the further copies of one content take in the final file system; names of one file
    are no copies.

    The figures of dive are those of dive 0.13.1, not rounded, with what is odd about them: a directory that is deleted
    counts as nothing, and the copy that is left counts as waste. They are there to be compared.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     frame = ocinb.efficiency(registry.reference("demo/shop:2.0"), progress=False)
    >>> frame[["stored_bytes", "visible_bytes", "hidden_bytes", "duplicate_bytes"]].values.tolist()
    [[7213620, 6093105, 1120515, 84000]]
    >>> frame[["efficiency", "dive_efficiency"]].round(3).values.tolist()
    [[0.845, 0.934]]
    """
    return collect_contents(
        reference, platform, _efficiency, schemas.EFFICIENCY, errors=errors, progress=progress, whole=True
    )


def layers_with_contents(
    reference: Names, platform: Platforms, *, errors: Errors, progress: Progress | bool | None
) -> pd.DataFrame:
    """List the layers of an image with what they store; the blobs of an artifact are listed, and not read."""
    return collect_contents(
        reference,
        platform,
        _layers,
        schemas.LAYERS,
        errors=errors,
        progress=progress,
        whole=True,
        unread=_blobs,
    )


def _files(contents: Contents, overlay: Overlay) -> pd.DataFrame:
    return schemas.FILES.frame_of(files_columns(contents.entries, overlay), same=contents.fields)


def _filesystem(contents: Contents, overlay: Overlay) -> pd.DataFrame:
    return schemas.FILESYSTEM.frame_of(filesystem_columns(contents.entries, overlay), same=contents.fields)


def _hidden(contents: Contents, overlay: Overlay) -> pd.DataFrame:
    return schemas.HIDDEN.frame_of(hidden_columns(contents, overlay), same=contents.fields)


def _efficiency(contents: Contents, overlay: Overlay) -> pd.DataFrame:
    return schemas.EFFICIENCY.frame([{**contents.fields, **figures_row(contents, overlay)}])


def _layers(contents: Contents, overlay: Overlay) -> pd.DataFrame:
    rows = zip(layer_rows(contents.image), layer_figures(contents, overlay), strict=True)
    return schemas.LAYERS.frame({**contents.fields, **row, **figures} for row, figures in rows)


def _blobs(contents: Contents) -> pd.DataFrame:
    return schemas.LAYERS.frame({**contents.fields, **row} for row in layer_rows(contents.image))
