"""Known: the layers whose files stand in the catalogue, and for which images they may speak."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import duckdb

from ocinb.archive.entries import Columns
from ocinb.errors import OcinbError
from ocinb.layer_index import Layer, check_diff_id
from ocinb.rootfs.toc_discovery import promise_in
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, parse_manifest
from ocinb.storage.layer_tables import Table

_KNOWN = """
    SELECT layer_digest, compressed_bytes, tar_bytes, diff_id
    FROM layers
    WHERE indexed_at IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
"""
# An image for which a layer was read by its table of contents.
_PROMISING = """
    SELECT layer_digest, arg_min((raw, media_type), manifest_digest) AS one, one[1], one[2]
    FROM manifest_layers
    JOIN manifests USING (manifest_digest)
    WHERE indexed_at IS NOT NULL AND layer_digest IN (SELECT unnest($digests::VARCHAR[]))
    GROUP BY layer_digest
"""


@dataclass(frozen=True, slots=True)
class KnownLayer:
    """A layer whose files stand in the catalogue.

    Attributes
    ----------
    digest
        Which it is.
    compressed_bytes
        How long its blob is.
    tar_bytes, diff_id
        Of its tar; tar_bytes None if it was read by its table of contents alone.
    descriptor
        What an image says of it for which it was read by that table.
    """

    digest: Digest
    compressed_bytes: int | None
    tar_bytes: int | None
    diff_id: str | None
    descriptor: Descriptor | None = None

    @property
    def whole(self) -> bool:
        """Whether all of it was read, so that its files are what its digest says, whoever asks."""
        return self.tar_bytes is not None

    def speaks_for(self, layer: Layer) -> bool:
        """Say whether its files may be shown for an image.

        By its table of contents alone only if the manifest of that image promises the same one. As a whole if it can be
        compared with what the config of that image says.
        """
        wanted = layer.descriptor
        if not self.whole:
            return _promises_same(self.descriptor, wanted)
        if wanted.known_size not in {None, self.compressed_bytes} or self.diff_id is None:
            return False
        return layer.diff_id is None or _algorithm(layer.diff_id) == _algorithm(self.diff_id)

    def same_as(self, other: KnownLayer) -> bool:
        """Say whether the files of two are the same: by tables of contents alone only if these are one."""
        if self.whole or other.whole:
            return self.whole and other.whole
        return _promises_same(self.descriptor, other.descriptor)

    def check(self, layer: Layer) -> None:
        """Refuse an image whose config promises another tar.

        Raises
        ------
        IntegrityError
            If it does.
        """
        if self.tar_bytes is not None and self.diff_id is not None:
            check_diff_id(layer, Table(self.digest, self.diff_id, self.tar_bytes, Columns()))


def known_layers(connection: duckdb.DuckDBPyConnection, digests: Collection[str]) -> dict[Digest, KnownLayer]:
    """Find those of some layers whose files stand in the catalogue."""
    rows = connection.execute(_KNOWN, {"digests": list(map(str, digests))}).fetchall()
    found = {layer.digest: layer for layer in (KnownLayer(Digest(row[0]), *row[1:]) for row in rows)}
    by_table = [str(layer.digest) for layer in found.values() if not layer.whole]
    if by_table:
        for digest, _, raw, media_type in connection.execute(_PROMISING, {"digests": by_table}).fetchall():
            found[digest] = replace(found[digest], descriptor=_descriptor(digest, raw, media_type))
    return found


def _promises_same(one: Descriptor | None, other: Descriptor | None) -> bool:
    if one is None or other is None:
        return False
    return one.size == other.size and promise_in(one) == promise_in(other)


def _descriptor(digest: str, raw: str, media_type: str) -> Descriptor | None:
    try:
        layers = parse_manifest(raw.encode(), media_type, "a manifest of the catalogue").layers
    except OcinbError:  # somebody else wrote it; then nobody believes what was read by it
        return None
    return next((layer for layer in layers if layer.digest == digest), None)


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]
