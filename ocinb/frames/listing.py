"""Listing: what refers to what was pulled, as a layout tells it, since it has no API: by indexes under certain tags.

Sources: OCI distribution-spec v1.1, "Referrers Tag Schema"; BuildKit's attestation-storage.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from ocinb.errors import InvalidError
from ocinb.frames.plans import Plan
from ocinb.sources.base import RawDocument
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import REFERENCE_DIGEST, Descriptor, parse_index
from ocinb.spec.tag_schema import referrers_tags
from ocinb.storage.layout import Layout


class Listing:
    """The lists of one layout, while some names are pulled into it.

    Parameters
    ----------
    layout
        Where they stand.
    limit
        The largest document in bytes.
    """

    def __init__(self, layout: Layout, limit: int) -> None:
        self._layout = layout
        self._limit = limit
        self._known: dict[str, Sequence[Descriptor]] = {}

    def write(self, plan: Plan) -> dict[Digest, RawDocument]:
        """Write the lists that a name needs into the layout, and give them by the digest of what they are about.

        An attestation is known by the index that names it beside its image. It goes on being listed when that image is
        pulled by a name that leads to it alone.
        """
        written = {}
        for subject, referring in plan.referring.items():
            name = f"{plan.repository}:{referrers_tags(subject)[0]}"
            attested = [one for one in self._listed(name) if one.annotations.get(REFERENCE_DIGEST) == subject]
            listed: dict[Digest, Descriptor] = {}
            for one in (*referring, *attested):
                listed.setdefault(one.digest, one)
            if listed:
                self._known[name] = tuple(listed.values())
                written[subject] = document = _index_of(self._known[name])
                self._layout.blobs.write(document.raw, document.digest)
        return written

    def _listed(self, name: str) -> Sequence[Descriptor]:
        if name not in self._known:
            digest = self._digests.get(name)
            raw = self._layout.blobs.read(digest, self._limit) if digest else None
            self._known[name] = () if raw is None else _entries_of(raw)
        return self._known[name]

    @cached_property
    def _digests(self) -> dict[str | None, Digest | None]:
        return {entry.name: entry.digest for entry in self._layout.entries()}


def _entries_of(raw: bytes) -> Sequence[Descriptor]:
    try:
        return parse_index(raw, mediatypes.OCI_INDEX, "a list of referrers").manifests
    except InvalidError:  # whoever wrote it, it lists nothing
        return ()


def _index_of(referrers: Iterable[Descriptor]) -> RawDocument:
    entries = []
    for one in referrers:
        entry: dict[str, Any] = {"mediaType": one.media_type, "digest": str(one.digest), "size": one.size}
        entry |= {"artifactType": one.artifact_type} if one.artifact_type else {}
        entries.append(entry | ({"annotations": one.annotations} if one.annotations else {}))
    index = {"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": entries}
    raw = json.dumps(index, separators=(",", ":")).encode()
    return RawDocument(raw, Digest.of(raw), mediatypes.OCI_INDEX)
