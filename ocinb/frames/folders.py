"""Folders: what people pass as ``destination=``, checked, and as the layout that it is or becomes."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from ocinb._settings import settings
from ocinb.errors import InvalidError
from ocinb.sources.name_lookup import INDEX, MARKER, local_path, not_there
from ocinb.spec.reference import FILE_TRANSPORTS
from ocinb.storage.atomic_files import disk_errors
from ocinb.storage.layout import Layout

Destination = str | PathLike[str]


def checked_folder(destination: Destination) -> Path:
    """Check the path of a folder that is an image layout, or becomes one.

    Raises
    ------
    InvalidError
        If it is none.
    TransportError
        If the system refuses to look at it.
    """
    if not isinstance(destination, str | PathLike) or not str(destination):
        raise InvalidError(f"destination takes the path of a folder, not {destination!r}")
    transport, colon, rest = str(destination).partition(":")
    if colon and (transport in FILE_TRANSPORTS or rest.startswith("//")):  # as skopeo wants it, or a bucket's address
        hint = "It is or becomes an image layout on this machine: give the folder alone"
        raise InvalidError(f"destination takes the path of a folder, not {destination!r}", hint=hint)
    folder = local_path(str(destination))
    with disk_errors(folder):  # a name that is too long for a disk, for instance
        is_file = folder.is_file()
    if is_file:
        raise InvalidError(f"destination takes the path of a folder, and {folder} is a file")
    return folder


def open_kept(destination: Destination | None) -> Layout:
    """Open the store of this user, or a folder that was filled before.

    Raises
    ------
    NotFoundError
        If the folder is not there.
    InvalidError
        If it is no image layout.
    """
    if destination is None:
        return Layout(settings.store_dir, private=True)
    folder = checked_folder(destination)
    if not folder.is_dir():
        raise not_there(folder, "folder")
    if not any((folder / name).exists() for name in (MARKER, INDEX)):
        raise InvalidError(
            f"{folder} is no image layout: it has neither {MARKER!r} nor {INDEX!r}",
            hint=f"ocinb.pull(…, destination={str(destination)!r}) makes one",
        )
    return Layout(folder)
