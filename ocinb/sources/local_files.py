"""Local files: layouts and archives that were opened, so that each is looked through once and not by every question.

One that has changed since is opened anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path

from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb.sources.docker_archive import open_docker_archive
from ocinb.sources.file_reader import reading
from ocinb.sources.layout import open_layout, open_oci_archive
from ocinb.sources.local import Contents, LocalSource
from ocinb.sources.name_lookup import INDEX, MARKER, local_path
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout

# Each holds a file open, and one that was compressed also its room on the disk.
KEPT_FILES = 16

Looks = tuple[tuple[int, ...] | None, ...]
Opener = Callable[[Path, str, Settings], Contents]

_OPENERS: dict[str, Opener] = {
    "oci": open_layout,
    "oci-archive": open_oci_archive,
    "docker-archive": open_docker_archive,
}
# By what one sees that something has changed; nothing in a layout changes but these.
_WATCHED = {"oci": (MARKER, INDEX)}


class LocalFiles:
    """The files that were opened last."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._opened: OrderedDict[Hashable, tuple[Looks, Contents]] = OrderedDict()

    def open(self, reference: Reference) -> Contents:
        """Open what a reference names, if it is not open.

        Raises
        ------
        NotFoundError
            If it is not there.
        InvalidError
            If it is not what its transport says.
        """
        path, where = local_path(reference.path or ""), f"{reference.transport}:{reference.path}"
        with alone((id(self), path, reference.transport)):  # of those who ask for it at a time, one looks through it
            with reading(where):
                looks = tuple(_looks(path / name) for name in _WATCHED.get(reference.transport, ("",)))
            contents = self._known((where, path), looks)
            if contents is None:
                contents = _OPENERS[reference.transport](path, where, self._settings)
                self._keep((where, path), looks, contents)
        return contents

    def source(self, reference: Reference, store: Layout | None) -> LocalSource:
        """Give what a reference names as a registry is given; what is read of it is kept if a store is given.

        Raises
        ------
        NotFoundError
            If it is not there.
        InvalidError
            If it is not what its transport says.
        """
        return LocalSource(self.open(reference), self._settings, store)

    def close(self) -> None:
        """Let go of all files; one that is being read is closed when that is over."""
        with self._lock:
            self._opened.clear()

    def _known(self, key: Hashable, looks: Looks) -> Contents | None:
        with self._lock:
            then, contents = self._opened.pop(key, (looks, None))
            if contents is None or then != looks:
                return None
            self._opened[key] = (looks, contents)  # at the end: it was asked for last
            return contents

    def _keep(self, key: Hashable, looks: Looks, contents: Contents) -> None:
        with self._lock:
            self._opened[key] = (looks, contents)
            while len(self._opened) > KEPT_FILES:
                self._opened.popitem(last=False)


def _looks(path: Path) -> tuple[int, ...] | None:
    """Say what a file looks like from outside; None if it is not there, which is told by whoever opens it."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
