"""Digests of tables of contents: what the annotations of a layer promise of the table by which it can be read in part.

Sources: stargz-snapshotter, docs/estargz.md ("Content Verification in eStargz"); containers/storage, pkg/chunked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest

ESTARGZ_DIGEST: Final = "containerd.io/snapshot/stargz/toc.digest"
# The newer name stands first.
ZSTD_PREFIXES: Final = ("io.github.containers.zstd-chunked.", "io.containers.zstd-chunked.")


def plain_toc(annotations: Mapping[str, Any]) -> Digest | None:
    """Give the digest of the table itself, as eStargz says it; None if nothing that can be verified is said."""
    return _digest(annotations.get(ESTARGZ_DIGEST))


def packed_toc(annotations: Mapping[str, Any]) -> tuple[Digest, str] | None:
    """Give the digest of the compressed table, as zstd:chunked says it, and the prefix of that annotation."""
    for prefix in ZSTD_PREFIXES:
        digest = _digest(annotations.get(f"{prefix}manifest-checksum"))
        if digest is not None:
            return digest, prefix
    return None


def toc_digests(annotations: Mapping[str, Any]) -> list[Digest]:
    """Give all digests by which the table of a layer may be kept.

    >>> toc_digests({"containerd.io/snapshot/stargz/toc.digest": "sha256:" + "0" * 64, "other": "note"})
    ['sha256:0000000000000000000000000000000000000000000000000000000000000000']
    """
    plain, packed = plain_toc(annotations), packed_toc(annotations)
    return [*([plain] if plain else []), *([packed[0]] if packed else [])]


def _digest(text: Any) -> Digest | None:
    try:
        return None if text is None else Digest(text)
    except InvalidError:
        return None
