"""Plans: what one name asks for when it is pulled, and what it is called in a layout then."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ocinb.errors import InvalidError
from ocinb.frames.resolve import ResolvedReference
from ocinb.sources.images import ALL, Image, Wanted
from ocinb.sources.referrer_closure import Along, find_along
from ocinb.sources.referrers import described
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import REFERENCE_DIGEST, Descriptor, RawDocument, parse_index
from ocinb.spec.reference import Reference, is_full_name
from ocinb.spec.tag_schema import referrers_tags
from ocinb.storage.index_updates import Companion, Pulled
from ocinb.storage.layout import Layout
from ocinb.transfer import Job


@dataclass(frozen=True, slots=True)
class Plan:
    """What one name asks for: some images, or all of an index; and what goes along with them."""

    opened: ResolvedReference
    chosen: list[Image]
    whole: bool
    along: Along = field(default_factory=Along)

    @property
    def name(self) -> str:
        """The name as it was typed."""
        return self.opened.name

    @property
    def images(self) -> list[Image]:
        """All that comes: the images, and then the manifests of what goes along."""
        return [*self.chosen, *self.along.images]

    @property
    def jobs(self) -> list[Job]:
        """The blobs that have to come."""
        return [Job(blob, self.opened.source, self.name) for image in self.images for blob in awaited_blobs(image)]

    @property
    def documents(self) -> set[Digest]:
        """The documents that were read on the way, and stay."""
        configs = {image.config_document.digest for image in self.images if image.config_document}
        return {self.opened.resolved.document.digest, *self._manifests, *configs}

    @property
    def kept_name(self) -> str:
        """What it is called in the layout; nobody has to name the one image of a file, and it has its name there."""
        reference = self.opened.reference
        if reference.path is not None and not reference.name and not reference.digest:
            names = self.opened.source.tags()
            if len(names) == 1 and is_full_name(names[0]):
                return names[0]
        return reference.kept_name

    @property
    def repository(self) -> str:
        """Where it is from, as names in the layout begin."""
        return Reference(self.kept_name).at(self.opened.resolved.document.digest).rpartition("@")[0]

    @property
    def referring(self) -> dict[Digest, list[Descriptor]]:
        """What refers to each manifest that was asked about, and has no tag of cosign's, as a list says it."""
        read = self._manifests
        found: dict[Digest, list[Descriptor]] = {subject: [] for subject in sorted(self.along.asked)}
        for one in self.along.referrers:
            if one.tag is None:
                found[Digest(one.subject)].append(_completed(one.descriptor, read[one.descriptor.digest]))
        return found

    def pulled(self, lists: Mapping[Digest, RawDocument]) -> Pulled:
        """Tell what the name stands for in the layout now, with the lists that were made."""
        resolved, index = self.opened.resolved, self.opened.resolved.document
        is_lone = not resolved.is_index or (len(self.chosen) == 1 and not self.whole)
        companions = [Companion(referrers_tags(one)[0], listed.descriptor, one) for one, listed in lists.items()]
        companions += [
            Companion(one.tag, one.descriptor, Digest(one.subject)) for one in self.along.referrers if one.tag
        ]
        has_to_stay = resolved.is_index and not self.whole and index.digest in {one.subject for one in companions}
        return Pulled(
            self.chosen[0].descriptor if is_lone else index.descriptor if self.whole else None,
            repository=self.repository,
            parts=() if is_lone else tuple(image.descriptor for image in self.chosen),
            behind=frozenset({index.digest, *(child.descriptor.digest for child in resolved.children)}),
            out_of=index.digest if has_to_stay else None,
            companions=tuple(companions),
            asked=self.along.asked,
        )

    @property
    def _manifests(self) -> dict[Digest, RawDocument]:
        """The manifests and indexes that were read."""
        read = [*self.opened.resolved.indexes, *self.along.indexes, *(image.document for image in self.images)]
        return {document.digest: document for document in read}


def _completed(referrer: Descriptor, document: RawDocument) -> Descriptor:
    """Complete what was said of a referrer by what it says itself, so that whoever lists it need not read it."""
    if document.media_type not in mediatypes.ALL_MANIFESTS:
        return referrer
    said, _ = described(document)
    return replace(
        said,
        artifact_type=referrer.artifact_type or said.artifact_type,
        annotations=referrer.annotations or said.annotations,
    )


def plan_pull(opened: ResolvedReference, wanted: Wanted, *, referrers: bool) -> Plan:
    """Read what a name asks for, but for the blobs."""
    chosen, whole = opened.images(wanted), wanted == ALL
    settings = opened.session.settings
    plan = Plan(opened, chosen, whole)
    if referrers:
        along = find_along(opened.source, opened.resolved, chosen, settings, whole=whole)
        plan = Plan(opened, chosen, whole, along)
    for image in plan.images:
        if image.document.media_type in mediatypes.SCHEMA1:
            what = f"{image.document.digest} is of Docker's schema 1, for which an image layout has no place"
            raise InvalidError(what, hint="`skopeo copy` converts it; layers, history and configs read it as it is")
    return plan


def named_blobs(image: Image) -> list[Descriptor]:
    """Give the config and the layers of an image, as its manifest names them."""
    config = image.manifest.config
    return [*([config] if config else []), *image.manifest.layers]


def distinct_blobs(image: Image) -> list[Descriptor]:
    """Give the config and the layers of an image, each once."""
    return list({blob.digest: blob for blob in named_blobs(image)}.values())


def awaited_blobs(image: Image) -> list[Descriptor]:
    """Give the blobs that have to come; the config of an image came with the documents."""
    came = image.config_document.digest if image.config_document else None
    return [blob for blob in distinct_blobs(image) if blob.digest != came]


class Listing:
    """The lists of one layout, while some names are pulled into it."""

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
