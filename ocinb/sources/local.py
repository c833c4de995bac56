"""Local sources: an image layout or an archive on this machine, read as a registry is.

What such a file has is read and hashed anew each time; nothing of it is kept, unless a layout is given to keep it in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.sources.base import BlobStream, Pointer, Referrer, Tags
from ocinb.sources.blob_stream import EmbeddedBlob
from ocinb.sources.file_reader import Content
from ocinb.sources.name_lookup import Entries
from ocinb.sources.referrers import find_by_name, with_subject
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, verify
from ocinb.spec.documents import Descriptor, RawDocument, blob_media_type, parse_index, sniff_media_type
from ocinb.storage.layout import Layout

CUT = "A layout is whole only with all that its documents name; copy it again with skopeo copy --all"


@dataclass(frozen=True)
class Contents:
    """What was found when a file was opened.

    Attributes
    ----------
    entries
        Its images.
    find
        Gives the bytes of a digest, or None.
    made
        Documents that the file does not have, but that follow from what it has.
    """

    entries: Entries
    find: Callable[[Digest], Content | None]
    made: Mapping[Digest, bytes] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """What people call the file, with its transport."""
        return self.entries.where


class LocalSource:
    """One layout or archive."""

    def __init__(self, contents: Contents, settings: Settings, store: Layout | None = None) -> None:
        self._contents = contents
        self._settings = settings
        self._store = store

    def resolve(self, wanted: str) -> Descriptor:
        """Find what a name, a place, a digest or nothing points at.

        Raises
        ------
        NotFoundError
            If nothing has that name; the message lists those that are there.
        """
        entries = self._contents.entries
        by_name = entries.choose(wanted, self._lone)
        if by_name is not None:
            return by_name
        digest = _digest_in(wanted)
        if digest is None:
            raise entries.missing(wanted)
        known = entries.by_digest.get(digest)
        if known is None and self._contents.find(digest) is None:
            raise NotFoundError(f"there is no blob {digest} in {self._contents.where}", hint=entries.there())
        return known or self._small_blob(digest).descriptor

    def look_up(self, wanted: str) -> Pointer:
        """Find what a name points at now: a file is looked at each time."""
        return Pointer(self.resolve(wanted), datetime.now(UTC))

    def head(self, tag: str, *, afresh: bool = False) -> Digest:  # noqa: ARG002 - a file is looked at each time
        """Find what a name points at, without reading that."""
        return self.resolve(tag).digest

    def document(self, descriptor: Descriptor) -> RawDocument:
        """Read a manifest, index or config; one that is embedded in its descriptor needs no file."""
        digest = descriptor.digest
        raw = verify(self._raw(digest) if descriptor.data is None else descriptor.data, digest, descriptor.known_size)
        media_type = descriptor.media_type
        if media_type in mediatypes.ALL_MANIFESTS:
            media_type = sniff_media_type(raw, media_type, f"the manifest {digest}")
        return self._kept(RawDocument(raw, digest, media_type))

    def read(self, wanted: str) -> RawDocument:
        """Read what a name, a place or a digest points at, which may be a small blob if it is a digest."""
        return self.document(self.resolve(wanted))

    def _small_blob(self, digest: Digest) -> RawDocument:
        """Read a blob of which only the digest is known, if it is no larger than a document may be."""
        raw = verify(self._raw(digest), digest)
        return self._kept(RawDocument(raw, digest, blob_media_type(raw, str(digest))))

    @contextmanager
    def open_blob(self, descriptor: Descriptor, offset: int = 0, length: int | None = None) -> Iterator[BlobStream]:
        """Open a blob, from an offset.

        Raises
        ------
        NotFoundError
            If it is not there.
        IntegrityError
            If it has another size than the descriptor says.
        """
        digest = descriptor.digest
        made = self._contents.made.get(digest) if descriptor.data is None else descriptor.data
        if made is not None:
            yield EmbeddedBlob(made, offset, length)
            return
        content = self._find(digest)
        if descriptor.known_size not in {None, content.size}:
            raise IntegrityError(f"{digest} has to be {descriptor.size:,} bytes long, not {content.size:,}")
        yield _Blob(offset, content.size, content.chunks(offset, length))

    def tags(self) -> list[str]:
        """List the names that there are, in their order."""
        return list(self._contents.entries.names)

    def tags_within(self, pages: int) -> list[str] | None:  # noqa: ARG002 - there are no pages
        """List the names that there are, as `tags` does."""
        return self.tags()

    def referrers(
        self,
        subject: Descriptor,
        artifact_type: str | None = None,  # noqa: ARG002 - all are told; whoever asks chooses
        *,
        tags: Tags = None,  # noqa: ARG002 - a file is looked at each time
    ) -> list[Referrer]:
        """Find what refers to a manifest: by the names of the referrers tag schema and cosign's, and beside it."""
        listed = self._contents.entries.by_digest.values()
        beside = [one for one in listed if one.digest != subject.digest and not one.is_index]
        if len(beside) > self._settings.max_index_children:
            limit = self._settings.max_index_children
            raise InvalidError(f"{self._contents.where} has more manifests than max_index_children = {limit:,}")
        told = with_subject(self, beside, self._settings)
        here = [referrer for referrer in told if referrer.subject == subject.digest]
        return [*find_by_name(self, subject, self._settings, names_of=self._contents.entries.tagged), *here]

    def _lone(self, several: Sequence[Descriptor]) -> Descriptor | None:
        """Tell the one image from what goes with it: its referrers, or, of an index, the images in it."""
        candidates = [one for one in several if one.digest not in self._contents.entries.beside] or several
        images = [one for one in candidates if one.kind in {"image", "index"}] or candidates
        indexes = [one for one in images if one.is_index]
        if len(images) > 1 and len(indexes) == 1:
            [index] = indexes
            parts = parse_index(self.document(index).raw, index.media_type, f"the index {index.digest}").manifests
            covered = {part.digest for part in parts}
            images = [one for one in images if one.digest not in covered]
        return images[0] if len(images) == 1 else None

    def _find(self, digest: Digest) -> Content:
        content = self._contents.find(digest)
        if content is None:
            raise NotFoundError(f"there is no blob {digest} in {self._contents.where}", hint=CUT)
        return content

    def _raw(self, digest: Digest) -> bytes:
        made = self._contents.made.get(digest)
        if made is not None:
            return made
        content, limit = self._find(digest), self._settings.max_manifest_bytes
        if content.size > limit:
            raise InvalidError(f"{digest} has {content.size:,} bytes, more than max_manifest_bytes = {limit:,}")
        return b"".join(content.chunks())

    def _kept(self, document: RawDocument) -> RawDocument:
        """Keep a document where somebody wants it, and say whether it was there before."""
        if self._store is None:
            return document
        is_there = self._store.blobs.read(document.digest, self._settings.max_manifest_bytes) is not None
        if not is_there:
            self._store.prepare()
            self._store.blobs.write(document.raw, document.digest)
        return RawDocument(document.raw, document.digest, document.media_type, fetched=not is_there)


class _Blob:
    def __init__(self, offset: int, size: int, chunks: Iterator[bytes]) -> None:
        self.offset = offset
        self.size: int | None = size
        self._chunks = chunks

    def chunks(self) -> Iterator[bytes]:
        return self._chunks


def _digest_in(wanted: str) -> Digest | None:
    """Give the digest that a question names, by itself or behind a name."""
    try:
        return Digest(wanted.rpartition("@")[2])
    except InvalidError:
        return None
