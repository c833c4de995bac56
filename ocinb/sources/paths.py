"""Paths: what people type for a file or a folder, and what they may have meant by a name that is none.

It knows of layouts and archives what one sees from outside, so that nobody loads what reads them just to ask.
"""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

from ocinb._text import nearest
from ocinb.errors import InvalidError, NotFoundError, TransportError

# What makes a folder an image layout. Source: OCI image-spec image-layout.md.
MARKER = "oci-layout"
INDEX = "index.json"
COMPARED_NAMES = 1000  # a guess among all that a large folder has would take longer than the answer
# How archives are called.
_PACKED = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.bz2")


def local_path(path: str) -> Path:
    """Say where a path leads that somebody typed, from here or from home.

    Raises
    ------
    NotFoundError
        If the home is not there.
    InvalidError
        If it is none: what follows a NUL would be lost on the way to the system, and it takes no half characters.
    TransportError
        If it begins here, and the folder in which this process is was removed.
    """
    if "\0" in path:
        raise InvalidError(f"{path!r} is no path: it has a NUL in it")
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        raise InvalidError(f"{path!r} is no path: it has half a character in it") from None
    try:
        return Path(path).expanduser().absolute()
    except FileNotFoundError:
        raise _nowhere(path) from None
    except RuntimeError:  # pathlib's, for a home that is not there
        raise NotFoundError(f"there is no home for {path!r}") from None


def absolute(path: str) -> str:
    """Give the one way to write a path that somebody typed, without ``..`` in it; nothing is looked at.

    Raises
    ------
    TransportError
        If it begins here, and the folder in which this process is was removed.
    """
    try:
        return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - as below
    except FileNotFoundError:
        raise _nowhere(path) from None


def meant_file(name: str) -> str | None:
    """Say how a file is named that somebody may have meant by ``app.tar`` or ``ocidir:images``."""
    for typed in (name, name.partition(":")[2].removeprefix("//")):
        path = os.path.expanduser(typed)  # noqa: PTH111 - as below: whatever people typed, the answer is no error
        if os.path.isfile(os.path.join(path, MARKER)):  # noqa: PTH113, PTH118
            return f"oci:{typed}"
        if typed.endswith(_PACKED) and os.path.isfile(path):  # noqa: PTH113
            return f"docker-archive:{typed} or oci-archive:{typed}"
    return None


def not_there(path: Path, kind: str) -> NotFoundError:
    """Say that nothing is at a path that somebody typed, and what may have been meant."""
    try:
        with os.scandir(path.parent) as listed:
            names = [entry.name for entry in islice(listed, COMPARED_NAMES)]
    except OSError:
        return NotFoundError(f"there is no {kind} {path}", hint=f"There is no folder {path.parent} either")
    near = nearest(path.name, names, cutoff=0.8)
    hint = f"Did you mean {near!r}?" if near else None
    if any(name.startswith(f"{path.name}:") for name in names):
        hint = "A path ends at its first colon; ln -s gives a folder or file another name"
    return NotFoundError(f"there is no {kind} {path}", hint=hint)


def _nowhere(path: str) -> TransportError:
    hint = "os.chdir leads to one that is there"
    return TransportError(f"{path!r} leads nowhere: the folder in which this process is was removed", hint=hint)
