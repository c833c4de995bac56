"""Layer tars that come out the same on every machine, with whiteouts as the specification has them.

Source: OCI image-spec, layer.md ("Representing Changes", "Whiteouts", "Opaque Whiteout").
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a layer."""

    path: str
    type: bytes = tarfile.REGTYPE
    content: bytes = b""
    mode: int = 0o644
    owner: int = 0
    target: str = ""


def file(path: str, content: bytes | str = b"", *, mode: int = 0o644, owner: int = 0) -> Entry:
    """Describe a regular file; a text is stored as UTF-8."""
    raw = content.encode() if isinstance(content, str) else content
    return Entry(path, content=raw, mode=mode, owner=owner)


def directory(path: str, *, mode: int = 0o755, owner: int = 0) -> Entry:
    """Describe a directory."""
    return Entry(path, tarfile.DIRTYPE, mode=mode, owner=owner)


def symlink(path: str, target: str) -> Entry:
    """Describe a symbolic link; the target is kept as it is written."""
    return Entry(path, tarfile.SYMTYPE, mode=0o777, target=target)


def hardlink(path: str, target: str, *, mode: int = 0o644) -> Entry:
    """Describe another name of a file, which may lie in this layer or in one below it."""
    return Entry(path, tarfile.LNKTYPE, mode=mode, target=target)


def whiteout(path: str) -> Entry:
    """Describe the marker that deletes a path of the layers below.

    >>> whiteout("var/cache/apt").path
    'var/cache/.wh.apt'
    """
    parent, name = posixpath.split(path)
    return Entry(posixpath.join(parent, f".wh.{name}"))


def opaque(path: str) -> Entry:
    """Describe the marker that hides all that the layers below have in a directory.

    >>> opaque("srv/shop/static").path
    'srv/shop/static/.wh..wh..opq'
    """
    return Entry(posixpath.join(path, ".wh..wh..opq"))


def with_parents(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Put the directories that are missing before what lies in them, as builders do.

    >>> [entry.path for entry in with_parents([file("srv/shop/app.py"), directory("srv"), file("srv/shop/data")])]
    ['srv', 'srv/shop', 'srv/shop/app.py', 'srv', 'srv/shop/data']
    """
    seen: set[str] = set()
    for entry in entries:
        parts = entry.path.split("/")
        for depth in range(1, len(parts)):
            parent = "/".join(parts[:depth])
            if parent not in seen:
                seen.add(parent)
                yield directory(parent)
        seen.add(entry.path)
        yield entry


def make_tar(entries: Iterable[Entry], *, mtime: int) -> bytes:
    """Write the entries as they stand, in their order, all with one time."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in entries:
            tar.addfile(tar_info(entry, mtime), io.BytesIO(entry.content))
    return buffer.getvalue()


def tar_info(entry: Entry, mtime: int) -> tarfile.TarInfo:
    """Describe an entry as ``tarfile`` does, with a time in whole seconds since 1970."""
    info = tarfile.TarInfo(entry.path)
    info.type = entry.type
    info.size = len(entry.content)
    info.mode = entry.mode
    info.uid = info.gid = entry.owner
    info.linkname = entry.target
    info.mtime = mtime
    return info


def noise(name: str, size: int) -> bytes:
    """Give bytes that look random and do not compress, always the same ones for a name.

    >>> noise("libc.so.6", 4).hex()
    'a7e184f5'
    """
    return hashlib.shake_128(name.encode()).digest(size)


def prose(name: str, size: int) -> bytes:
    """Give text that compresses well, always the same for a name.

    >>> prose("notes", 22)
    b'notes 000000: what thi'
    """
    line = f"{name} 000000: what this line says is of no importance, only that it is there.\n"
    count = size // len(line.encode()) + 1
    return "".join(line.replace("000000", f"{number:06d}", 1) for number in range(count)).encode()[:size]
