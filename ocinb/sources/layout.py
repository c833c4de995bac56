"""Image layouts: a folder, or an archive of one, with an index that names the images in it.

Source: OCI image-spec image-layout.md; containerd's ``io.containerd.image.name``, which docker and buildx write.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ocinb._settings import Settings
from ocinb.errors import InvalidError, NotFoundError
from ocinb.sources.file_reader import Content, open_file, reading, whole
from ocinb.sources.local import Contents
from ocinb.sources.name_lookup import INDEX, MARKER, Entries, Entry, not_there
from ocinb.sources.tar_index import TarIndex, unpacked
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, parse_index, sniff_media_type
from ocinb.spec.strict_json import Fields, parse_object
from ocinb.storage.index_file import OWN_NAME, REF_NAME

CONTAINERD_NAME = "io.containerd.image.name"
# What skopeo's ``dir:`` begins its file ``version`` with.
DIR_MARK = b"Directory Transport Version"

# Gives a small file of the layout by its name, within a limit that bears a setting's name; None if it is not there.
Reader = Callable[[str, int, str], bytes | None]


def open_layout(path: Path, where: str, settings: Settings) -> Contents:
    """Read the index of a folder that is an image layout.

    Raises
    ------
    NotFoundError
        If the folder is not there.
    InvalidError
        If it is no layout; the message says what is missing.
    """
    _check_folder(path, where)
    entries = read_entries(partial(_small_file, path, where), where, settings)
    return Contents(entries, partial(_find, path, where))


def read_entries(read: Reader, where: str, settings: Settings) -> Entries:
    """Read which images a layout has.

    Raises
    ------
    InvalidError
        If a file is missing or wrong.
    """
    marker = read(MARKER, settings.max_manifest_bytes, "max_manifest_bytes")
    if marker is None:
        raise InvalidError(
            f"{where} is no image layout: it has no file {MARKER!r}", hint=_instead(read, where, settings)
        )
    what = f"{MARKER!r} of {where}"
    version = Fields(parse_object(marker, what), what).text("imageLayoutVersion")
    if version is None or version.partition(".")[0] != "1":
        raise InvalidError(f"{where} is an image layout of version {version!r}", hint="Version 1.0.0 is read")
    raw = read(INDEX, settings.max_list_bytes, "max_list_bytes")
    if raw is None:
        raise InvalidError(f"{where} is no image layout: it has no file {INDEX!r}")
    return parse_entries(raw, where)


def parse_entries(raw: bytes, where: str) -> Entries:
    """Take the index of a layout apart."""
    what = f"{INDEX!r} of {where}"
    media_type = sniff_media_type(raw, mediatypes.OCI_INDEX, what)
    if media_type != mediatypes.OCI_INDEX:
        raise InvalidError(f"{what} is of type {media_type}, which is no image index")
    manifests = parse_index(raw, media_type, what).manifests
    shared = _ambiguous_names(manifests)
    return Entries(where, [_entry(one, shared) for one in manifests])


def _ambiguous_names(manifests: Sequence[Descriptor]) -> set[str]:
    """Find the names that several images have: docker saves ``a:latest`` and ``b:latest`` as two of ``latest``."""
    pairs = {(one.annotations.get(REF_NAME, ""), one.digest) for one in manifests}
    return {name for name, count in Counter(name for name, _ in pairs).items() if count > 1}


def _entry(descriptor: Descriptor, shared: set[str]) -> Entry:
    """Give an image its names: it is listed under the first of them that nothing else has."""
    notes = descriptor.annotations
    is_shared = notes.get(REF_NAME) in shared
    keys = (OWN_NAME, CONTAINERD_NAME, REF_NAME) if is_shared else (OWN_NAME, REF_NAME, CONTAINERD_NAME)
    names = tuple(name for name in map(notes.get, keys) if name)
    return Entry(names[:1], partial(_given, descriptor), names[1:])


def _given(descriptor: Descriptor) -> Descriptor:
    return descriptor


def _instead(read: Reader, where: str, settings: Settings) -> str | None:
    """Say what it may be if it is no layout."""
    if read("manifest.json", settings.max_list_bytes, "max_list_bytes") is None:
        return None
    transport, _, path = where.partition(":")
    if (read("version", settings.max_manifest_bytes, "max_manifest_bytes") or b"").startswith(DIR_MARK):
        return f"It was written by skopeo as dir:{path}; skopeo copy dir:{path} oci:FOLDER makes a layout of it"
    if transport == "oci":
        return "It is an archive of docker save that was unpacked; pack it by tar, and read docker-archive:FILE"
    return f"Did you mean docker-archive:{path}?"


def _check_folder(path: Path, where: str) -> None:
    with reading(where):
        if not path.exists():
            raise not_there(path, "folder")
        if not path.is_dir():
            shown = where.partition(":")[2]
            hint = f"Did you mean oci-archive:{shown} or docker-archive:{shown}?"
            raise InvalidError(f"{path} is no folder", hint=hint)


def _small_file(path: Path, where: str, name: str, limit: int, setting: str) -> bytes | None:
    try:
        file = open_file(path / name, f"{name!r} of {where}")
    except NotFoundError:
        return None
    return whole(file).read(limit, setting)


def _find(path: Path, where: str, digest: Digest) -> Content | None:
    try:
        return whole(open_file(path / "blobs" / digest.algorithm / digest.hex, f"{digest} in {where}"))
    except NotFoundError:
        return None


def open_oci_archive(path: Path, where: str, settings: Settings) -> Contents:
    """Read the index of an archive that holds an image layout.

    Raises
    ------
    NotFoundError
        If it is not there.
    InvalidError
        If it is no archive of a layout.
    """
    members = open_archive(path, where, settings)
    return Contents(read_entries(members.read, where, settings), partial(blob_in, members))


def open_archive(path: Path, where: str, settings: Settings) -> TarIndex:
    """Find the members of an archive, which is unpacked if need be."""
    with reading(where):
        if not path.exists():
            raise not_there(path, "file")
        if path.is_dir():
            hint = f"Did you mean oci:{where.partition(':')[2]}?" if (path / MARKER).exists() else None
            raise InvalidError(f"{path} is a folder, and no archive", hint=hint)
        # Whoever typed the name may well mean a link; those in a layout are another matter.
        real = path.resolve()
    return TarIndex(unpacked(whole(open_file(real, where)), settings), settings)


def blob_in(members: TarIndex, digest: Digest) -> Content | None:
    """Find the blob of a layout in an archive."""
    return members.find(f"blobs/{digest.algorithm}/{digest.hex}")
