"""Archives: a tar of an image layout, and how any archive is opened.

Source: the ``oci-archive`` transport of containers/image. An archive may be compressed as a whole.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ocinb._settings import Settings
from ocinb.errors import InvalidError
from ocinb.sources.files import Content, open_file, reading, whole
from ocinb.sources.layout import read_entries
from ocinb.sources.local import Contents
from ocinb.sources.paths import MARKER, not_there
from ocinb.sources.tarindex import TarIndex
from ocinb.sources.unpacking import unpacked
from ocinb.spec.digest import Digest


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
