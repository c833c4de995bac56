"""What goes along with images: all that refers to them, and to that, with the manifests of which it consists.

Where `referrers` tells what is listed, this reads it: a list may name what is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ocinb._pool import run_all
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.sources.base import Referrer, Source
from ocinb.sources.images import Image, Resolved, resolve_document
from ocinb.sources.referrers import linked_in_index
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, Manifest, RawDocument, parse_manifest


@dataclass(frozen=True, slots=True)
class Along:
    """What goes along with some images.

    Attributes
    ----------
    referrers
        Who refers to whom. A pair stands here as often as it was found in another way.
    images
        The manifests of it all, each once, read as those of artifacts: their configs are blobs like others.
    indexes
        The indexes among it.
    asked
        The digests for which referrers were looked for.
    """

    referrers: tuple[Referrer, ...] = ()
    images: tuple[Image, ...] = ()
    indexes: tuple[RawDocument, ...] = ()
    asked: frozenset[Digest] = frozenset()


def find_along(
    source: Source, resolved: Resolved, images: Sequence[Image], settings: Settings, *, whole: bool
) -> Along:
    """Find and read all that goes along with some images of a name.

    Raises
    ------
    NotFoundError
        If something is listed, and gone.
    InvalidError
        If there is too much of it, or it is no manifest.
    """
    return _Search(source, settings).run(resolved, images, whole=whole)


class _Search:
    """A way from images to what refers to them, to what refers to that, and so on, each once."""

    def __init__(self, source: Source, settings: Settings) -> None:
        self._source = source
        self._settings = settings
        self._found: list[Referrer] = []
        self._images: dict[Digest, Image] = {}
        self._indexes: dict[Digest, RawDocument] = {}
        self._asked: set[Digest] = set()

    def run(self, resolved: Resolved, images: Sequence[Image], *, whole: bool) -> Along:
        known = [image.document.descriptor for image in images]
        indexes = resolved.indexes if whole else resolved.indexes[:1]
        subjects = _distinct([index.descriptor for index in indexes] + known)
        linked = linked_in_index(self._source, resolved, self._settings) if resolved.is_index else []
        found = [referrer for referrer in linked if referrer.subject in {subject.digest for subject in subjects}]
        rest = [child.descriptor for child in resolved.children if not child.descriptor.is_index] if whole else []
        seen = {subject.digest for subject in subjects}
        self._read(one for one in _distinct(rest) if one.digest not in seen)
        while subjects:
            self._asked |= {subject.digest for subject in subjects}
            found += self._ask(subjects)
            self._found += found
            fresh = _distinct(one.descriptor for one in found if one.descriptor.digest not in self._asked)
            self._check_count()
            self._read(fresh)
            subjects, found = fresh, []
        left = tuple(image for digest, image in self._images.items() if digest not in seen)
        return Along(tuple(self._found), left, tuple(self._indexes.values()), frozenset(self._asked))

    def _ask(self, subjects: Sequence[Descriptor]) -> list[Referrer]:
        answers = run_all(self._source.referrers, subjects, workers=self._settings.concurrency)
        return [referrer for answer in answers for referrer in answer]

    def _check_count(self) -> None:
        limit = self._settings.max_index_children
        if len({referrer.descriptor.digest for referrer in self._found}) > limit:
            raise InvalidError(f"more goes along with it than max_index_children = {limit:,} referrers")

    def _read(self, manifests: Iterable[Descriptor]) -> None:
        wanted = [one for one in manifests if one.digest not in self._images and one.digest not in self._indexes]
        for documents in run_all(self._documents, wanted, workers=self._settings.concurrency):
            for document in documents:
                if document.media_type in mediatypes.INDEXES:
                    self._indexes[document.digest] = document
                else:
                    self._images[document.digest] = _as_artifact(document)

    def _documents(self, manifest: Descriptor) -> list[RawDocument]:
        """Read a manifest, or an index with all that it names."""
        try:
            document = self._document(manifest)
            resolved = resolve_document(self._source, document, self._settings)
            inner = _distinct(child.descriptor for child in resolved.children if not child.descriptor.is_index)
            return [*(resolved.indexes or [document]), *map(self._document, inner)]
        except NotFoundError as error:
            error.hint = "It is listed, but gone; referrers=False pulls what is there"
            raise

    def _document(self, manifest: Descriptor) -> RawDocument:
        """Read a manifest, also one of a type that nobody knows here: a list names nothing but manifests."""
        if manifest.media_type in mediatypes.ALL_MANIFESTS:
            return self._source.document(manifest)
        document = self._source.read(manifest.digest)
        if len(document.raw) != manifest.size:
            size = f"{manifest.size:,} bytes long, not {len(document.raw):,}"
            raise IntegrityError(f"{manifest.digest} has to be {size}")
        return document


def _distinct(descriptors: Iterable[Descriptor]) -> list[Descriptor]:
    found: dict[Digest, Descriptor] = {}
    for descriptor in descriptors:
        found.setdefault(descriptor.digest, descriptor)
    return list(found.values())


def _as_artifact(document: RawDocument) -> Image:
    """Read a manifest of whatever kind; one of an unknown type has no blobs that anybody could know."""
    media_type = document.media_type
    if media_type in mediatypes.MANIFESTS | mediatypes.ARTIFACTS:
        manifest = parse_manifest(document.raw, media_type, f"the manifest {document.digest}")
    else:
        manifest = Manifest(media_type, None, (), None, None, {})
    return Image(document, manifest, None, None, None)
