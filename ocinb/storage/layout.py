"""The layout: blobs, and the index that names the images among them, as umoci, skopeo and crane read it.

Source: OCI image-spec image-layout.md.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from ocinb.errors import InvalidError
from ocinb.spec import mediatypes
from ocinb.spec.documents import Descriptor
from ocinb.spec.strict_json import parse_object
from ocinb.storage.blobs import Blobs
from ocinb.storage.file_locks import locked, locked_if_free, shared
from ocinb.storage.index_file import Entry, entries_of
from ocinb.storage.index_updates import Pulled, named_anew, without_orphans
from ocinb.storage.reachability import Documents, Limits, need_of
from ocinb.storage.safe_files import (
    OWN_FOLDER,
    disk_errors,
    open_regular_file,
    remove_leftovers,
    settle_folder,
    write_atomically,
)


class Layout:
    """A folder that is an OCI image layout; the store is one.

    Attributes
    ----------
    blobs
        The content by digest.
    """

    def __init__(self, root: Path, *, private: bool = False) -> None:
        self.root = root
        self.blobs = Blobs(root)
        self._private = private
        self._needs = root / "index.json", root / OWN_FOLDER
        self._prepared = False
        self._untold: ExitStack | None = None
        self._mode = 0o700 if private else 0o777  # less what the umask takes

    @property
    def is_prepared(self) -> bool:
        """Whether it is a layout, with a place for what is ours."""
        return all(path.exists() for path in self._needs)

    def prepare(self) -> None:
        """Make the folder a layout, if it is none.

        Raises
        ------
        TransportError
            If it cannot be written.
        """
        if self._prepared and self.is_prepared:
            return  # it is asked for before each document; and people may remove a store at any time
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True, mode=self._mode)
            (self.root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            (self.root / OWN_FOLDER).mkdir(exist_ok=True)
            untold, self._untold = self._untold, None  # several threads may be the first
            if untold is not None:
                untold.enter_context(shared(self.root / OWN_FOLDER / "use"))
            remove_leftovers(self.root)
            if not (self.root / "oci-layout").exists():
                write_atomically(self.root / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', root=self.root)
            # Last: until it is there, nothing else was ever put here, and the folder counts as unused.
            if not (self.root / "index.json").exists():
                with self._locked():
                    if not (self.root / "index.json").exists():  # somebody may have been quicker
                        self._write(self._index())
        self._prepared = True

    def name(self, names: Mapping[str, Pulled | Descriptor], *, limit: int | None = None) -> None:
        """Give images their names; a name that stood for another image stands for the new one.

        Raises
        ------
        InvalidError
            If there is an ``index.json`` that is no index.
        TransportError
            If it cannot be written.
        """
        self._settle_blobs()
        present = self.entries()
        if named_anew(present, names) == present:  # so a store that is only lent can be pulled from, too
            return
        with disk_errors(self.root), self._locked():
            index = self._index()
            self._replace(index, named_anew(entries_of(index), names), limit)

    def remove(self, chosen: Callable[[Entry], bool], limit: int) -> list[Entry]:
        """Remove some entries, and what came along with what no other entry needs; the blobs stay.

        Raises
        ------
        InvalidError
            If there is an ``index.json`` that is no index.
        TransportError
            If it cannot be written.
        """
        if not (self.root / "index.json").exists():
            return []
        self.prepare()
        with disk_errors(self.root), self._locked():
            index = self._index()
            return self._replace(index, [entry for entry in entries_of(index) if not chosen(entry)], limit)

    def entries(self) -> list[Entry]:
        """Give what the index names; nothing if there is none.

        Raises
        ------
        InvalidError
            If there is an ``index.json`` that is no index.
        """
        return entries_of(self._index())

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Tell other processes in this block that blobs here wait for the name of their image."""
        with ExitStack() as share:
            self._make_own_folder()
            if (self.root / OWN_FOLDER).exists():
                share.enter_context(shared(self.root / OWN_FOLDER / "use"))
            else:  # a folder is not made before there is something to keep: whoever makes it says so then
                self._untold = share
            try:
                yield
            finally:
                self._untold = None

    def unless_in_use(self) -> AbstractContextManager[bool | None]:
        """Keep others from beginning to use it in this block; False if somebody is at it, None if nothing can tell."""
        return locked_if_free(self.root / OWN_FOLDER / "use")

    def _make_own_folder(self) -> None:
        """Make the place of our locks where there is something that others could remove."""
        if self._private:
            with disk_errors(self.root):
                self.root.mkdir(parents=True, exist_ok=True, mode=self._mode)
                (self.root / OWN_FOLDER).mkdir(exist_ok=True)
        elif (self.root / "index.json").exists():
            with suppress(OSError):  # a layout that is only lent
                (self.root / OWN_FOLDER).mkdir(exist_ok=True)

    def _settle_blobs(self) -> None:
        """Wait until the blobs have their names on the disk: no image has its own before, also after a power cut."""
        top = self.root / "blobs"
        with disk_errors(top):
            for folder in filter(Path.is_dir, (*top.glob("*"), top)):
                settle_folder(folder)

    def _index(self) -> dict[str, Any]:
        path = self.root / "index.json"
        with disk_errors(path):
            try:
                with open_regular_file(path) as file:
                    raw = file.read()
            except FileNotFoundError:
                return {"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": []}
        try:
            index = parse_object(raw, str(path))
        except InvalidError as error:
            error.hint = "Move it away, and pull again the images that it should name"
            raise
        entries = index.get("manifests")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InvalidError(f"{path} has no list of manifests", hint="The folder is no image layout; take another")
        return index

    def _replace(self, index: Mapping[str, Any], fresh: list[Entry], limit: int | None) -> list[Entry]:
        """Write other entries, and say which of those that stood there are gone; whoever calls has the lock."""
        before = entries_of(index)
        if limit is not None and _gone(before, fresh):
            documents = Documents(self.blobs, Limits(document=limit, index=limit))
            fresh = without_orphans(fresh, partial(need_of, documents=documents))
        if fresh != before:
            self._write({**index, "manifests": [entry.raw for entry in fresh]})
        return _gone(before, fresh)

    def _write(self, index: Mapping[str, Any]) -> None:
        write_atomically(self.root / "index.json", json.dumps(index, indent=1).encode(), root=self.root)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.root / OWN_FOLDER / "lock")


def _gone(before: Iterable[Entry], fresh: Iterable[Entry]) -> list[Entry]:
    there = {(entry.name, entry.digest) for entry in fresh}
    return [entry for entry in before if (entry.name, entry.digest) not in there]
