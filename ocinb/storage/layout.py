"""The layout: blobs, and the index that names the images among them, as umoci, skopeo and crane read it.

Source: OCI image-spec image-layout.md.
"""

from __future__ import annotations

import fcntl
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ocinb.errors import InvalidError, TransportError
from ocinb.spec import mediatypes
from ocinb.spec.documents import Descriptor
from ocinb.spec.strictjson import parse_object
from ocinb.storage.blobs import OWN_FOLDER, Blobs, disk_errors, remove_leftovers, write_atomically

REF_NAME = "org.opencontainers.image.ref.name"
OWN_NAME = "dev.ocinb.reference"
LOCK_SECONDS = 10.0

# annotations.md, "org.opencontainers.image.ref.name"; umoci and skopeo hold others to it.
_REF_GRAMMAR = re.compile(
    r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*)*"
)


class Layout:
    """A folder that is an OCI image layout; the store is one.

    Parameters
    ----------
    root
        The folder. It is made when something is first kept.
    private
        Whether only its owner may enter a folder that is made.

    Attributes
    ----------
    blobs
        The content by digest.
    """

    def __init__(self, root: Path, *, private: bool = False) -> None:
        self.root = root
        self.blobs = Blobs(root)
        self._mode = 0o700 if private else 0o777  # less what the umask takes

    def prepare(self) -> None:
        """Make the folder a layout, if it is none.

        Raises
        ------
        TransportError
            If it cannot be written.
        """
        with disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True, mode=self._mode)
            (self.root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            (self.root / OWN_FOLDER).mkdir(exist_ok=True)
            remove_leftovers(self.root)
            if not (self.root / "oci-layout").exists():
                write_atomically(self.root / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}', root=self.root)
            if not (self.root / "index.json").exists():
                with self._locked():
                    if not (self.root / "index.json").exists():  # somebody may have been quicker
                        self._write(self._index())

    def name(self, names: dict[str, Descriptor]) -> None:
        """Give images their names; a name that stood for another image stands for the new one.

        Parameters
        ----------
        names
            The image by its name. One outside the grammar of the annotation is named by its digest, and the name kept
            in an annotation of our own.

        Raises
        ------
        InvalidError
            If there is an ``index.json`` that is no index.
        TransportError
            If it cannot be written.
        """
        fresh = [_entry(name, descriptor) for name, descriptor in names.items()]
        taken = {_name_of(entry) for entry in fresh}
        with disk_errors(self.root), self._locked():
            index = self._index()
            entries = [entry for entry in index["manifests"] if _name_of(entry) not in taken] + fresh
            if entries != index["manifests"]:
                self._write({**index, "manifests": entries})

    def _index(self) -> dict[str, Any]:
        path = self.root / "index.json"
        with disk_errors(path):
            try:
                raw = path.read_bytes()
            except FileNotFoundError:
                return {"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": []}
        index = parse_object(raw, str(path))
        entries = index.get("manifests")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise InvalidError(f"{path} has no list of manifests", hint="The folder is no image layout; take another")
        return index

    def _write(self, index: dict[str, Any]) -> None:
        write_atomically(self.root / "index.json", json.dumps(index, indent=1).encode(), root=self.root)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self.root / OWN_FOLDER / "lock"
        with path.open("ab") as file:
            deadline = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    raise TransportError(
                        f"another process has held {path} for {LOCK_SECONDS:.0f} s", hint="End it, or try again later"
                    )
                time.sleep(0.02)
            yield


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _entry(name: str, descriptor: Descriptor) -> dict[str, Any]:
    named = {REF_NAME: name} if _REF_GRAMMAR.fullmatch(name) else {REF_NAME: str(descriptor.digest), OWN_NAME: name}
    entry: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
        "annotations": named,
    }
    if descriptor.platform is not None:
        entry["platform"] = {"os": descriptor.platform.os, "architecture": descriptor.platform.architecture}
        if descriptor.platform.variant:
            entry["platform"]["variant"] = descriptor.platform.variant
    return entry


def _name_of(entry: dict[str, Any]) -> str | None:
    annotations = entry.get("annotations")
    if not isinstance(annotations, dict):
        return None
    return annotations.get(OWN_NAME) or annotations.get(REF_NAME)
