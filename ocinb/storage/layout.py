"""The layout: blobs, and the index that names the images among them, as umoci, skopeo and crane read it.

Source: OCI image-spec image-layout.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from ocinb.errors import InvalidError
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.strictjson import parse_object
from ocinb.storage.blobs import OWN_FOLDER, Blobs, disk_errors, remove_leftovers, write_atomically
from ocinb.storage.locks import locked, locked_if_free, shared

REF_NAME = "org.opencontainers.image.ref.name"
OWN_NAME = "dev.ocinb.reference"

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
        self._private = private
        self._needs = root / "index.json", root / OWN_FOLDER
        self._prepared = False
        self._mode = 0o700 if private else 0o777  # less what the umask takes

    def prepare(self) -> None:
        """Make the folder a layout, if it is none.

        Raises
        ------
        TransportError
            If it cannot be written.
        """
        if self._prepared and all(path.exists() for path in self._needs):
            return  # it is asked for before each document; and people may remove a store at any time
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
        self._prepared = True

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

    def needed(self, limit: int) -> set[Digest]:
        """Give the digests of all that the named images need: indexes, manifests, configs and layers.

        Parameters
        ----------
        limit
            The largest document in bytes; what is larger names nothing.

        Raises
        ------
        InvalidError
            If there is an ``index.json`` that is no index, so that nobody knows what is named.
        """
        found: set[Digest] = set()
        todo = set(_digests(self._index(), "manifests"))
        while todo:
            digest = todo.pop()
            found.add(digest)
            document = _object(self.blobs.read(digest, limit))
            found.update(_digests(document, "config", "layers", "blobs", "fsLayers"))
            todo.update(child for child in _digests(document, "manifests") if child not in found)
        return found

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Tell other processes in this block that blobs here wait for the name of their image."""
        if self._private:  # another folder is not made before there is something to keep, and nobody prunes it
            with disk_errors(self.root):
                self.root.mkdir(parents=True, exist_ok=True, mode=self._mode)
                (self.root / OWN_FOLDER).mkdir(exist_ok=True)
        with shared(self.root / OWN_FOLDER / "use"):
            yield

    def unless_in_use(self) -> AbstractContextManager[bool | None]:
        """Keep others from beginning to use it in this block; False if somebody is at it, None if nothing can tell."""
        return locked_if_free(self.root / OWN_FOLDER / "use")

    def _index(self) -> dict[str, Any]:
        path = self.root / "index.json"
        with disk_errors(path):
            try:
                raw = path.read_bytes()
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

    def _write(self, index: dict[str, Any]) -> None:
        write_atomically(self.root / "index.json", json.dumps(index, indent=1).encode(), root=self.root)

    def _locked(self) -> AbstractContextManager[None]:
        return locked(self.root / OWN_FOLDER / "lock")


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


def _object(raw: bytes | None) -> dict[str, Any]:
    """Read what may be a document; what is none names nothing."""
    try:
        return {} if raw is None else parse_object(raw, "a document in the store")
    except InvalidError:
        return {}


def _digests(document: dict[str, Any], *keys: str) -> Iterator[Digest]:
    """Give the digests in some fields of a document, whatever else stands there."""
    for key in keys:
        value = document.get(key)
        for part in value if isinstance(value, list) else [value]:
            named = (part.get("digest") or part.get("blobSum")) if isinstance(part, dict) else None
            with suppress(InvalidError):
                yield Digest(named)  # type: ignore[arg-type]  # it refuses what is no text
