"""How the tests of transfers, sources and storage open the embedded registry and look at what was asked."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ocinb._settings import settings
from ocinb.errors import OcinbError
from ocinb.progress.protocol import NoProgress, State
from ocinb.samples import SampleRegistry
from ocinb.samples.tars import noise
from ocinb.sources.registry import RegistrySource
from ocinb.sources.session import default_session, open_source
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor
from ocinb.spec.reference import Reference
from ocinb.storage.layout import Layout
from ocinb.transfer import Job, Transfer, Transferred

REPOSITORY = "demo/shop"
BLOB = noise("a blob on its way", 300_000)


def describe(raw: bytes, *, size: int | None = None, media_type: str = "application/octet-stream") -> Descriptor:
    return Descriptor(media_type, Digest.of(raw), len(raw) if size is None else size)


def open_repository(
    registry: SampleRegistry, repository: str = REPOSITORY, *, store: Layout | None = None
) -> RegistrySource:
    source = open_source(Reference(registry.reference(repository)), session=default_session(), store=store)
    assert isinstance(source, RegistrySource)
    return source


class Log(NoProgress):
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.received: Counter[str] = Counter()
        self.states: dict[str, list[State]] = {}

    def advance(self, key: str, amount: int) -> None:
        with self.lock:
            self.received[key] += amount

    def state(self, key: str, state: State) -> None:
        with self.lock:
            self.states.setdefault(key, []).append(state)


@dataclass
class Place:
    """A layout, and the registry from which blobs come into it."""

    registry: SampleRegistry
    layout: Layout
    log: Log = field(default_factory=Log)

    def run(
        self, *blobs: Descriptor, errors: str = "raise", verify: str = "size"
    ) -> dict[Digest, Transferred | OcinbError]:
        self.layout.prepare()
        source = open_repository(self.registry, store=self.layout)
        transfer = Transfer(self.layout, settings, self.log, verify=verify)
        return transfer.run([Job(blob, source) for blob in blobs], errors=errors)

    def fetch(self, blob: Descriptor, *, verify: str = "size") -> Transferred:
        result = self.run(blob, verify=verify)[blob.digest]
        assert isinstance(result, Transferred)
        return result

    def put(self, raw: bytes = BLOB) -> Descriptor:
        self.registry.put_blob(raw)
        return describe(raw)

    @property
    def names(self) -> list[str]:
        """Give what the images in the layout are called."""
        entries = json.loads((self.layout.root / "index.json").read_bytes())["manifests"]
        return [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in entries]

    @property
    def parts(self) -> list[Path]:
        return sorted(self.layout.root.glob(".ocinb/parts/*"))

    def asked(self) -> Sequence[str | None]:
        """Give the Range header of each request for a blob."""
        return [request.header("Range") for request in self.registry.requests if "/blobs/" in request.path]

    def stands(self, blob: Descriptor) -> bytes | None:
        path = self.layout.blobs.path(blob.digest)
        return path.read_bytes() if path.exists() else None


def blob_path(blob: Descriptor) -> str:
    return f"/v2/{REPOSITORY}/blobs/{blob.digest}"
