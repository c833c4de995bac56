"""Tar index: where in an archive each member's bytes are. Nothing is ever extracted by its own path.

Source: POSIX pax; the names and links of members as ``docker save`` and ``tar`` write them.
"""

from __future__ import annotations

import io
import os
import posixpath
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from ocinb._pool import check_stopped
from ocinb._settings import Settings
from ocinb.archive.compression import MAGIC_BYTES, Limits, compression_of, decompressed
from ocinb.errors import IntegrityError, InvalidError, TransportError
from ocinb.sources.file_reader import Content, OpenFile

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class FileView(io.RawIOBase):
    """An open file, or a part of it, as libraries want to read one."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self._content = content
        self._position = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go somewhere; the end of a part is none of the file's."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._content.size}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read as much as there is room for."""
        room = memoryview(buffer)
        left = max(0, self._content.size - self._position)
        chunk = self._content.file.read(self._content.offset + self._position, min(len(room), left))
        room[: len(chunk)] = chunk
        self._position += len(chunk)
        return len(chunk)


def unpacked(content: Content, settings: Settings) -> Content:
    """Give a plain archive as it is, and a compressed one unpacked.

    Raises
    ------
    InvalidError
        If it is damaged, or passes ``max_unpacked_bytes``, ``max_unpacked_ratio`` or ``max_window_bytes``.
    TransportError
        If the disk is full, or there is no folder for temporary files.
    """
    if compression_of(content.beginning(MAGIC_BYTES)) == "none":
        return content
    where = content.file.where
    with _writing(where), tempfile.TemporaryFile() as target:
        for chunk in _plain(content, settings):
            target.write(chunk)
        target.flush()
        file = OpenFile(os.dup(target.fileno()), where)
    return Content(file, 0, file.size)


def _plain(content: Content, settings: Settings) -> Iterator[bytes]:
    try:
        yield from decompressed(content.chunks(), Limits.of(settings), content.file.where, size=content.size)
    except IntegrityError as error:  # of a file that somebody named, no digest has promised anything
        raise InvalidError(error.message, hint=error.hint) from None


@contextmanager
def _writing(where: str) -> Iterator[None]:
    """Say of what the system refuses what was to be done, also where it has no folder for temporary files at all."""
    try:
        yield
    except OSError as error:
        hint = "Free some space, or name another folder for temporary files in TMPDIR"
        raise TransportError(f"{where} cannot be unpacked: {error.strerror}", hint=hint) from None


# Of one header: names have up to 4 KiB each, and pax may add attributes. Python before 3.11.10 takes the square of this
# for a pax header of digits (CVE-2024-6232).
MAX_HEADER_BYTES = 16 * 1024
# Of all headers of one member. That of a sparse one goes on for as long as it says so, and tarfile gathers all of it,
# in the form of pax in the square of its time.
MAX_MEMBER_HEADER_BYTES = 64 * 1024
# What holds for the whole archive, which tarfile copies for each member: git writes one, others a few.
MAX_GLOBAL_ATTRIBUTES = 100
# As many as Linux follows: an archive may name one layer as often as it has members.
MAX_LINKS = 40


@dataclass(frozen=True, slots=True)
class _Member:
    """What stands under a name: bytes, another name, or something that has no bytes."""

    content: Content | None
    target: str | None
    repeated: bool


class TarIndex:
    """The members of an archive by name.

    Names are taken without ``./`` and ``/`` before them; one that goes up by ``..`` names nothing here.

    Raises
    ------
    InvalidError
        If it is no tar, is damaged or cut off, or passes a limit.
    """

    def __init__(self, archive: Content, settings: Settings) -> None:
        self.where = archive.file.where
        self._members: dict[str, _Member] = {}
        for info in _members(archive, settings):
            name = None if ".." in info.name.split("/") else _normal(info.name)
            if name is not None and not info.isdir():
                self._members[name] = self._member(archive, info, repeated=name in self._members)

    def __contains__(self, name: str) -> bool:
        return _normal(name) in self._members

    def find(self, name: str) -> Content | None:
        """Find the bytes that a name leads to, by links too; None if nothing has that name.

        Raises
        ------
        InvalidError
            If links lead in a circle or nowhere, or to what has no bytes.
        """
        way = self._way(name)
        if way and way[-1].content is None:
            raise InvalidError(f"{name!r} in {self.where} is no regular file")
        return way[-1].content if way else None

    def sole(self, name: str) -> Content | None:
        """Find the bytes of a name that no digest vouches for.

        Raises
        ------
        InvalidError
            If it stands in the archive twice: one tool would read this, another that.
        """
        content = self.find(name)
        if any(member.repeated for member in self._way(name)):
            raise InvalidError(f"{self.where} has {name!r} twice", hint="Nobody can say which one counts")
        return content

    def read(self, name: str, limit: int, setting: str) -> bytes | None:
        """Read a small member that no digest vouches for; None if nothing has that name.

        Raises
        ------
        InvalidError
            If it is larger than a limit, or stands in the archive twice.
        """
        content = self.sole(name)
        if content is None:
            return None
        if content.size > limit:
            raise InvalidError(f"{name!r} in {self.where} has {content.size:,} bytes, more than {setting} = {limit:,}")
        return b"".join(content.chunks())

    def _way(self, name: str) -> list[_Member]:
        """Give what stands under a name, and what links lead to from there; nothing if nothing has that name."""
        wanted, way = _normal(name), list[_Member]()
        while wanted is not None and (member := self._members.get(wanted)) is not None:
            if member in way or len(way) > MAX_LINKS:
                told = "in a circle" if member in way else f"through more than {MAX_LINKS} others"
                raise InvalidError(f"{name!r} in {self.where} is a link that leads {told}")
            way.append(member)
            if member.target is None:
                return way
            wanted = _normal(member.target)
        if way:
            raise InvalidError(
                f"{name!r} in {self.where} is a link that leads to {way[-1].target!r}, which is not there"
            )
        return way

    def _member(self, archive: Content, info: tarfile.TarInfo, *, repeated: bool) -> _Member:
        if info.issym():
            return _Member(None, posixpath.join(posixpath.dirname(info.name), info.linkname), repeated)
        if info.islnk():
            return _Member(None, info.linkname, repeated)
        if not info.isreg() or info.issparse():  # the bytes of a sparse file do not stand in one run
            return _Member(None, None, repeated)
        return _Member(Content(archive.file, archive.offset + info.offset_data, info.size), None, repeated)


class _Headers(io.BufferedReader):
    """What tarfile reads: headers only, and of no member so much of them that they fill the memory or take hours."""

    left = MAX_MEMBER_HEADER_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER_BYTES:
            raise InvalidError(f"a header of {size} bytes is more than {MAX_HEADER_BYTES:,}")
        self.left -= size
        if self.left < 0:
            raise InvalidError(f"the headers of one member have more than {MAX_MEMBER_HEADER_BYTES:,} bytes")
        return super().read(size)


def _normal(name: str) -> str | None:
    """Give a name in its one form; None for one that leads out of the archive."""
    normal = posixpath.normpath(name.lstrip("/"))
    return None if normal.split("/", 1)[0] == ".." else normal


def _members(archive: Content, settings: Settings) -> Iterator[tarfile.TarInfo]:
    where = archive.file.where
    if not archive.size:
        raise InvalidError(f"{where} is empty")
    try:
        headers = _Headers(FileView(archive))
        tar = tarfile.TarFile(fileobj=cast("BinaryIO", headers), encoding="utf-8")
        last, count = -1, 0
        while (info := tar.next()) is not None:
            check_stopped()
            count += 1
            _check_member(info, last, count, settings)
            _check_attributes(tar)
            last = info.offset
            yield info
            headers.left = MAX_MEMBER_HEADER_BYTES
            # Which it only keeps for those who ask by name; typeshed does not know of it.
            tar.members.clear()  # type: ignore[attr-defined]
    except InvalidError as error:
        error.message = f"{where} is refused: {error.message}"
        raise
    except (tarfile.TarError, ValueError, OverflowError, EOFError, IndexError) as error:
        # The last is what tarfile says of a sparse member that is cut off.
        told = str(error) if isinstance(error, tarfile.TarError) else type(error).__name__
        raise InvalidError(f"{where} is no tar archive, or is damaged: {told}") from None
    _check_end(archive, tar.offset)


def _check_member(info: tarfile.TarInfo, last: int, count: int, settings: Settings) -> None:
    if info.size < 0 or info.offset <= last:  # the next header would be one that was read before
        raise InvalidError(f"a member of {info.size} bytes at {info.offset:,}")
    if count > settings.max_archive_members:
        raise InvalidError(f"it has more members than max_archive_members = {settings.max_archive_members:,}")


def _check_attributes(tar: tarfile.TarFile) -> None:
    if len(tar.pax_headers) > MAX_GLOBAL_ATTRIBUTES:
        raise InvalidError(f"it has more than {MAX_GLOBAL_ATTRIBUTES} attributes for all members")


def _check_end(archive: Content, offset: int) -> None:
    """Refuse an archive in which tarfile, without a word, stopped at a header that is none."""
    block = archive.file.read(archive.offset + offset, min(tarfile.BLOCKSIZE, max(0, archive.size - offset)))
    if block.strip(b"\0"):
        told = "it is cut off" if len(block) < tarfile.BLOCKSIZE else f"what stands at {offset:,} is no header"
        raise InvalidError(f"{archive.file.where} is damaged: {told}")
