"""Extract: the bytes of one file out of an image, or out of one of its layers."""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass

from ocinb._arguments import suggesting
from ocinb._text import human_size
from ocinb.archive.entries import BLOCK, CHARACTER, DIRECTORY, FILE, HARDLINK, SYMLINK, Columns
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, OcinbError
from ocinb.frames.batch import Name, as_text, checked, complete
from ocinb.frames.contents_batch import ImageRequest, check_image, watched_reading
from ocinb.frames.layer_reader import LayerContents, LayerReader, LoadedFilesystem, load_filesystem
from ocinb.frames.resolve import ResolvedReference, resolve_reference, wanted_platforms
from ocinb.layer_index import read_stored_entry
from ocinb.network.status_errors import RangeError
from ocinb.progress import choose_progress
from ocinb.progress.protocol import Progress
from ocinb.rootfs.path_resolution import ends_as_directory, plain_path
from ocinb.rootfs.whiteouts import MARKERS
from ocinb.sources.images import ALL, Image
from ocinb.sources.session import default_session
from ocinb.transfer import Job, Transfer

_WORDS = {CHARACTER: "character device", BLOCK: "block device"}


@suggesting
def read(
    reference: Name,
    path: str,
    *,
    platform: str | None = None,
    layer: int | None = None,
    progress: Progress | bool | None = None,
) -> bytes:
    r"""Read one file of an image, or what one of its layers stored under that path.

    Parameters
    ----------
    reference
        The name of an image.
    path
        Where the file is, with or without a leading slash, as `files` and `filesystem` tell it. Links are followed, and
        never lead out of the image.
    platform
        As for `layers`, but only one.
    layer
        A layer's number, from 0 at the base, to read what that layer stored, also if it is hidden later. None reads the
        final file system.
    progress
        As for `files`: all layers that may have the file are read, and those fetched that are not in the store.

    Returns
    -------
    bytes
        The content, verified.

    Raises
    ------
    NotFoundError
        If nothing has that name, or nothing is there; the message says what may have been meant, and which layer had
        it.
    InvalidError
        If it is a directory, a device or a fifo, or is in no image but an artifact; if links go in a circle; if the
        file has more bytes than ``settings.max_file_bytes``, which it takes in memory; or if a layer passes a limit of
        the settings, which the message names.
    IntegrityError
        If a layer is damaged or no tar, or its tar is not the one that the config promised.

    Notes
    -----
    Of an eStargz or zstd:chunked layer in a registry only the table of contents is fetched, and of the one that has the
    file only the chunks of that file. Any other layer comes as a whole: its digest is known at its end, and there the
    last entry of a path may stand.

    With a layer, symbolic links are followed through the layers up to that one, and have to lead to what it stored; the
    content of a hard link may be that of a layer below.

    Source: OCI image-spec layer.md; path_resolution(7) for links.

    Examples
    --------
    >>> import ocinb
    >>> with ocinb.samples.registry() as registry:
    ...     shop = registry.reference("demo/shop:2.0")
    ...     settings = ocinb.read(shop, "/srv/shop/settings.toml", progress=False)
    ...     key = ocinb.read(shop, "srv/shop/deploy.key", layer=4, progress=False)
    >>> settings
    b'port = 8080\ndebug = false\n'
    >>> key
    b'this stands for a secret key; the image keeps it for ever\n'
    """
    name, session = as_text(reference), default_session()
    if not isinstance(platform, str | None) or platform == ALL:
        raise InvalidError(f"a file is that of one platform, not {platform!r}")
    if not isinstance(path, str):
        raise InvalidError(f"path takes a text such as 'etc/os-release', not {path!r}")
    number, wanted, board = _number(layer), wanted_platforms(platform), choose_progress(progress)
    try:
        opened = resolve_reference(checked(name), session)
        [image] = opened.images(wanted)
        return content_of(opened, image, path, number, board)
    except OcinbError as error:
        complete(error, name)
        raise


def content_of(
    opened: ResolvedReference,
    image: Image,
    path: str,
    layer: int | None,
    board: Progress,
    laid: LoadedFilesystem | None = None,
    *,
    limit: int | None = None,
) -> bytes:
    """Read one file of an image that was opened before, as `read` does."""
    check_image(image)
    with watched_reading(opened.session, board, [ImageRequest(opened, [image])]):
        try:
            return _Extraction(opened, image, board, whole=False, laid=laid, limit=limit).content(path, layer)
        except RangeError:  # the registry gives no parts of a layer any more
            return _Extraction(opened, image, board, whole=True, limit=limit).content(path, layer)


def _number(layer: int | None) -> int | None:
    """Take any whole number, also one that stood in a frame."""
    if layer is None:
        return None
    try:
        number = operator.index(layer)
    except TypeError:
        number = -1
    if number < 0 or isinstance(layer, bool):
        raise InvalidError(f"layer takes a layer's number, from 0 at the base, not {layer!r}")
    return number


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry with content: its layer, and its place in what stands there."""

    layer: LayerContents
    place: int


class _Extraction:
    """One file on its way out of an image."""

    def __init__(
        self,
        opened: ResolvedReference,
        image: Image,
        board: Progress,
        *,
        whole: bool,
        laid: LoadedFilesystem | None = None,
        limit: int | None = None,
    ) -> None:
        self._laid = laid
        self._limit = limit
        self._opened = opened
        self._image = image
        self._board = board
        self._reader = LayerReader(opened, board, whole=whole, with_blobs=True)
        self._settings = opened.session.settings
        self._layout = opened.session.store

    def content(self, path: str, layer: int | None) -> bytes:
        """Give the content of what a path leads to, at the end or in one layer."""
        found = self._finally(path) if layer is None else self._stored(path, layer)
        self._check_size(found.layer.entries, found.place, layer)
        return self._bytes(found)

    def _finally(self, path: str) -> _Found:
        laid = self._laid or self._lay(range(len(self._image.manifest.layers)))
        try:
            place = laid.tree.lead(path)
        except NotFoundError as error:
            error.hint = _hidden_hint(laid, path) or error.hint
            raise
        return _content(laid, place, path)

    def _stored(self, path: str, number: int) -> _Found:
        count = len(self._image.manifest.layers)
        if number >= count:
            has = f"the image has {count}, from 0 to {count - 1}" if count else "the image has none"
            raise InvalidError(f"there is no layer {number}: {has}")
        layer = self._laid.layers[number] if self._laid else self._lay(range(number, number + 1)).layers[0]
        place = _last_of(layer.entries, path)
        if place is None or layer.entries.type[place] in (SYMLINK, HARDLINK):
            return self._linked(path, number)
        check_file(layer.entries.type[place], path)
        return _Found(layer, place)

    def _linked(self, path: str, number: int) -> _Found:
        """Follow the links of a path in what the layers up to one have left, to what that one stored."""
        laid = self._lay(range(number + 1))
        try:
            place = laid.tree.lead(path)
        except NotFoundError as error:
            hint = _hidden_hint(laid, path) or error.hint
            raise NotFoundError(f"layer {number} stores no {path!r}", hint=hint) from None
        owner, _ = laid.overlay.owners[place]
        if owner != number:
            leads = f"{path!r} leads to {laid.overlay.paths[place]!r}, which layer {owner} stores"
            hint = f"layer={owner} reads it"
            raise NotFoundError(f"layer {number} stores no such file: {leads}", hint=hint)
        return _content(laid, place, path)

    def _lay(self, numbers: range) -> LoadedFilesystem:
        return load_filesystem(self._reader, self._image, numbers, self._opened.session)

    def _bytes(self, found: _Found) -> bytes:
        entries, place = found.layer.entries, found.place
        if found.layer.toc is not None:
            return found.layer.toc.bound(self._opened.source, self._settings).read(place)
        raw = self._out_of_store(found)
        if hashlib.sha256(raw, usedforsecurity=False).digest() != entries.sha256[place]:
            raise IntegrityError(
                f"{entries.path[place]!r} of the layer {found.layer.descriptor.digest} is not what it was before"
            )
        return raw

    def _check_size(self, entries: Columns, place: int, layer: int | None) -> None:
        path, size = entries.path[place], entries.size_bytes[place]
        most, limit = self._settings.max_file_bytes, self._limit
        if size > most:
            hint = f"ocinb.settings.max_file_bytes = {size} reads it, if there is as much memory"
            raise InvalidError(f"{path!r} has {size:,} bytes, more than max_file_bytes = {most:,}", hint=hint)
        if limit is not None and size > limit:
            few = f"no more than {human_size(limit)} are read to show it"
            hint = "ocinb.read reads the whole file" + ("" if layer is None else f", with layer={layer}")
            raise InvalidError(f"the file has {human_size(size)}, and {few}", hint=hint)

    def _out_of_store(self, found: _Found) -> bytes:
        """Read an entry of a blob, which is fetched if it was removed since it was listed."""
        blob, settings = found.layer.descriptor, self._settings
        job = Job(blob, self._opened.source, self._opened.name)
        Transfer(self._layout, settings, self._board, verify="size").run([job], errors="raise")
        entries, place = found.layer.entries, found.place
        size, offset = entries.size_bytes[place], entries.offset[place]
        return read_stored_entry(self._layout, settings, blob.digest, entries.position[place], size=size, offset=offset)


def _content(laid: LoadedFilesystem, place: int, path: str) -> _Found:
    """Give the entry that has the content of what stands at a place of the final file system."""
    layer, at = laid.overlay.contents[place]
    check_file(laid.entries[layer].type[at], path)
    return _Found(laid.layers[layer], at)


def check_file(kind: str, path: str) -> None:
    """Refuse what has no content."""
    if kind == FILE:
        return
    hint = "ocinb.filesystem lists what is in it" if kind == DIRECTORY else None
    raise InvalidError(f"{path!r} is a {_WORDS.get(kind, kind)}, which has no content to read", hint=hint)


def _last_of(entries: Columns, path: str) -> int | None:
    """Find the last entry of a path in a layer, which is the one that counts; markers store nothing."""
    for wanted in dict.fromkeys((path.strip("/"), plain_path(path))):
        if wanted in entries.path:
            places = (place for place in reversed(range(len(entries))) if entries.path[place] == wanted)
            place = next((place for place in places if entries.type[place] not in MARKERS), None)
            is_wrong = place is not None and ends_as_directory(path) and entries.type[place] != DIRECTORY
            return None if is_wrong else place
    return None


def _hidden_hint(laid: LoadedFilesystem, path: str) -> str | None:
    """Say which layer has what somebody looks for at its end."""
    for number, entries in reversed(list(enumerate(laid.entries))):
        place = _last_of(entries, path)
        hider = None if place is None else laid.overlay.hidden_in[number][place]
        links_only = (SYMLINK,) if hider is not None else ()  # one that is there was followed
        if place is not None and entries.type[place] in (FILE, HARDLINK, *links_only):
            hides = "" if hider is None else f", and layer {hider} hides it"
            return f"Layer {number} stores it{hides}: layer={number} reads it"
    return None
