"""The protocol of a source: the one seam that everything above is written against."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, RawDocument

# The tags that there are, as far as somebody has listed all of them.
Tags = Collection[str] | None
# How a referrer was found, the surest way first.
Way = Literal["api", "tag", "index", "cosign"]


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that speaks of another one: a signature, an SBOM, an attestation.

    Attributes
    ----------
    subject
        The digest of the other one, as whoever links the two says it.
    descriptor
        What is known of the referrer.
    found_via
        How it was found.
    tag
        The tag that it has, if it was found by that (cosign's).
    """

    subject: str
    descriptor: Descriptor
    found_via: Way
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a name points at.

    Attributes
    ----------
    descriptor
        It.
    said_at
        When the other side said so: a moment ago, or when the answer that is believed came or was confirmed. None if
        nobody can tell, or it never changes, as what a digest points at.
    """

    descriptor: Descriptor
    said_at: datetime | None


class BlobStream(Protocol):
    """The bytes of a blob on their way.

    Attributes
    ----------
    offset
        Where in the blob they begin; 0 if the other side does not give parts.
    size
        How many bytes the whole blob has, as the other side says; None if it does not.
    """

    offset: int
    size: int | None

    def chunks(self) -> Iterator[bytes]:
        """Give the bytes in chunks."""


class DocumentSource(Protocol):
    """Where the documents of an image come from."""

    def document(self, descriptor: Descriptor) -> RawDocument:
        """Read a document whole, verified.

        Raises
        ------
        IntegrityError
            If its bytes do not match.
        InvalidError
            If it is larger than the limit.
        """


class Source(DocumentSource, Protocol):
    """One repository of a registry, or one file: where the documents and blobs of some images come from."""

    def resolve(self, wanted: str) -> Descriptor:
        """Find what a tag or digest points at.

        Raises
        ------
        NotFoundError
            If nothing has that name.
        """

    def look_up(self, wanted: str) -> Pointer:
        """Find what a tag or digest points at, as `resolve` does, and when that was said."""

    def head(self, tag: str, *, afresh: bool = False) -> Digest:
        """Find what a tag points at, as cheaply as can be, without reading it.

        Parameters
        ----------
        tag
            The tag.
        afresh
            Whether to ask even if an answer is known and still believed.

        Raises
        ------
        NotFoundError
            If nothing has that name.
        """

    def read(self, wanted: str) -> RawDocument:
        """Read what a tag or digest points at, verified; by its digest also a small blob.

        Raises
        ------
        NotFoundError
            If nothing has that name.
        InvalidError
            If it is larger than a document may be.
        """

    def open_blob(
        self, descriptor: Descriptor, offset: int = 0, length: int | None = None
    ) -> AbstractContextManager[BlobStream]:
        """Open a blob for reading; what arrives is not verified yet."""

    def tags(self) -> list[str]:
        """List the names that there are."""

    def tags_within(self, pages: int) -> list[str] | None:
        """List the names, if so many questions, one after the other, are enough for that; else give None."""

    def referrers(self, subject: Descriptor, artifact_type: str | None = None, *, tags: Tags = None) -> list[Referrer]:
        """Find what refers to a manifest.

        Parameters
        ----------
        subject
            The manifest.
        artifact_type
            What the other side may leave all others out for; it need not.
        tags
            All tags that there are, if somebody listed them: for no other one is asked then.

        Raises
        ------
        InvalidError
            If there are more of them than ``settings.max_index_children``, or a list of them is none.
        """
