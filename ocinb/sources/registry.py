"""A registry's repository as a source.

Source: OCI distribution-spec v1.1, "Pull". What is asked for by digest is looked up in the
store first, and kept there; what is asked for by name is kept as long as a tag is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import quote

from ocinb._pool import alone, pause
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError, TransportError
from ocinb.network.connections import GOOD, Answer, Stream, reading
from ocinb.network.retry import Attempts
from ocinb.network.session import OfflineError
from ocinb.network.status_errors import UnknownRepositoryError
from ocinb.sources.base import BlobStream, Pointer, Referrer, Source, Tags
from ocinb.sources.blob_stream import ArrivingBlob, EmbeddedBlob
from ocinb.sources.endpoint import Endpoint
from ocinb.sources.referrers import ReferrersApi, among, find_by_name
from ocinb.sources.tag_lists import list_tags, list_tags_within
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, verify
from ocinb.spec.documents import (
    UNKNOWN_SIZE,
    Descriptor,
    RawDocument,
    blob_media_type,
    manifest_digest,
    sniff_media_type,
    verify_manifest,
)
from ocinb.spec.mediatypes import OCI_LAYER
from ocinb.storage.blobs import SignedDocuments
from ocinb.storage.layout import Layout

# What Docker's registry says of a blob that is asked for as a manifest, and is none.
NO_MANIFEST = frozenset({500})
# What servers say that know no HEAD: not allowed, not implemented.
NO_HEAD = frozenset({405, 501})


class RegistrySource:
    """One repository."""

    def __init__(self, endpoint: Endpoint, repository: str, store: Layout, settings: Settings) -> None:
        self.repository = repository
        self._endpoint = endpoint
        self._store = store
        self._last: RawDocument | None = None  # that was read or fetched
        self._signed = SignedDocuments(store.blobs, settings.max_manifest_bytes)
        self._settings = settings
        self._scope = f"repository:{repository}:pull"

    def resolve(self, wanted: str) -> Descriptor:
        """Find what a tag or digest points at, by one question, or none if the digest is in the store."""
        return self.look_up(wanted).descriptor

    def look_up(self, wanted: str) -> Pointer:
        """Find what a tag or digest points at, and when the registry said so; None for a digest, or what was pulled."""
        if ":" in wanted:
            return Pointer(self._named_by_digest(Digest(wanted)).descriptor, None)
        known = None if self._is_outdated(wanted, "HEAD") else self._known(wanted, "HEAD")
        if known is not None:  # somebody listed the digests of the tags a moment ago
            return self._pointer(_digest_of(known), _said_at(known))
        try:
            answer = self._manifest(wanted, named=True)
        except OfflineError:
            pulled = self._pulled(wanted)
            if pulled is None:
                raise
            return self._pointer(pulled, None)
        document = self._checked(answer, _digest_of(answer))
        self._keep(document)
        return Pointer(document.descriptor, _said_at(answer))

    def _pointer(self, digest: Digest, said_at: datetime | None) -> Pointer:
        return Pointer(self._fetched_once(digest, partial(self._by_digest, digest)).descriptor, said_at)

    def head(self, tag: str, *, afresh: bool = False) -> Digest:
        """Find what a tag points at without reading it, by a HEAD; the document itself if the registry says too little.

        Afresh, it is asked whatever is known, and what proves outdated by that is believed no longer.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        """
        if afresh:
            return self._head_afresh(tag)
        known = None if self._is_outdated(tag, "GET") else self._known(tag, "GET")
        if known is not None:
            return _digest_of(known)
        try:
            answer = self._manifest(tag, named=True, method="HEAD")
        except TransportError as error:
            if error.status not in NO_HEAD:
                raise
            return self.resolve(tag).digest
        return _promised(answer) or self.resolve(tag).digest

    def _head_afresh(self, tag: str) -> Digest:
        try:
            digest = self._asked_afresh(tag)
        except NotFoundError:
            self._forget_outdated(tag, None)
            raise
        self._forget_outdated(tag, digest)
        return digest

    def _asked_afresh(self, tag: str) -> Digest:
        ask = partial(self._manifest, tag, named=False)
        try:
            promised = _promised(ask(method="HEAD"))
        except TransportError as error:
            if error.status not in NO_HEAD:
                raise
            promised = None
        if promised is not None:
            return promised
        answer = ask()
        document = self._checked(answer, _digest_of(answer))
        self._keep(document)
        return document.digest

    def _forget_outdated(self, tag: str, digest: Digest | None) -> None:
        """Let go of kept answers that say something else than what a tag points at now."""
        for method in ("GET", "HEAD"):
            answer = self._kept_answer(tag, method)
            if answer is not None and (answer.status not in GOOD or _digest_of(answer) != digest):
                answer.forget()

    def document(self, descriptor: Descriptor) -> RawDocument:
        """Read a manifest, index or config; one that is embedded in its descriptor needs nobody."""
        if descriptor.size > self._settings.max_manifest_bytes:
            limit = self._settings.max_manifest_bytes
            raise InvalidError(
                f"{descriptor.digest} has {descriptor.size:,} bytes, more than max_manifest_bytes = {limit:,}"
            )
        kept = self._fetched_once(descriptor.digest, partial(self._described, descriptor), descriptor.media_type)
        # How often a document was signed, and so its size, its digest does not say.
        if len(kept.raw) != descriptor.size and kept.media_type != mediatypes.DOCKER_SCHEMA1_SIGNED:
            raise IntegrityError(f"{descriptor.digest} has to be {descriptor.size:,} bytes long, not {len(kept.raw):,}")
        media_type = descriptor.media_type
        if kept.media_type != media_type and kept.media_type in mediatypes.ALL_MANIFESTS:
            media_type = sniff_media_type(kept.raw, media_type, f"the manifest {descriptor.digest}")
        return replace(kept, media_type=media_type)

    def read(self, wanted: str) -> RawDocument:
        """Read what a tag or digest points at, which may be a small blob if it is a digest."""
        if ":" not in wanted:
            return self.document(self.resolve(wanted))
        digest = Digest(wanted)
        try:
            return self._named_by_digest(digest)
        except NotFoundError:
            return self.small_blob(digest)

    def small_blob(self, digest: Digest) -> RawDocument:
        """Read a blob of which only the digest is known, if it is no larger than a document may be."""
        return self._fetched_once(digest, partial(self._blob, digest))

    @contextmanager
    def open_blob(self, descriptor: Descriptor, offset: int = 0, length: int | None = None) -> Iterator[BlobStream]:
        """Open a blob, from an offset if the registry gives parts; one that is embedded needs nobody.

        Raises
        ------
        RangeError
            If the registry gives another part than the one that was asked for.
        IntegrityError
            If the registry has another size for it than the descriptor says.
        """
        if descriptor.data is not None:
            yield EmbeddedBlob(descriptor.data, offset, length)
            return
        headers = {"Accept": "*/*"}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-{offset + length - 1 if length is not None else ''}"
        with self._opened(descriptor, headers) as stream:
            yield ArrivingBlob(stream, offset, descriptor)

    @contextmanager
    def _opened(self, descriptor: Descriptor, headers: dict[str, str]) -> Iterator[Stream]:
        with ExitStack() as stack:
            try:
                opened = self._endpoint.stream(self._path("blobs", descriptor.digest), self._scope, headers)
                stream = stack.enter_context(opened)
            except NotFoundError:
                if not descriptor.urls:  # layers of Windows are often to be had from their maker alone
                    raise
                stream = stack.enter_context(self._endpoint.foreign(descriptor.urls, headers))
            yield stream

    def tags(self) -> list[str]:
        """List the tags, in the order of the registry."""
        return list_tags(self._endpoint, self.repository, self._scope)

    def tags_within(self, pages: int) -> list[str] | None:
        """List the tags, if the registry tells them in so many pages; else None."""
        return list_tags_within(self._endpoint, self.repository, self._scope, pages)

    def referrers(self, subject: Descriptor, artifact_type: str | None = None, *, tags: Tags = None) -> list[Referrer]:
        """Find what refers to a manifest: by the API, else by the tag that lists referrers; by cosign's tags always."""
        api = ReferrersApi(self._endpoint, self.repository, self._scope, self._settings)
        by_api = partial(api.find, subject.digest, artifact_type)
        return find_by_name(self, subject, self._settings, partial(among, tags), by_api)

    def _kept(self, digest: Digest, said: str | None = None) -> RawDocument | None:
        last = self._last  # another thread may put its own there at any moment
        if last is not None and last.digest == digest:
            return last  # a name is resolved, and a moment later its document is read
        raw = self._store.blobs.read(digest, self._settings.max_manifest_bytes)
        if raw is None and said not in mediatypes.IMAGE_CONFIGS:
            raw = self._signed.read(digest)
        if raw is None:
            return None
        self._last = kept = RawDocument(raw, digest, _type_of_blob(raw, digest, said))
        return kept

    def _fetched_once(self, digest: Digest, fetch: Callable[[], RawDocument], said: str | None = None) -> RawDocument:
        """Look into the store; of those who miss a digest at a time, one fetches it."""
        kept = self._kept(digest, said)
        if kept is not None:
            return kept
        with alone((self._store.root, digest)):
            return self._kept(digest, said) or fetch()

    def _named_by_digest(self, digest: Digest) -> RawDocument:
        """Read a manifest whose digest somebody typed, which may be that of a blob."""
        try:
            return self._fetched_once(digest, partial(self._by_digest, digest, settled=NO_MANIFEST))
        except TransportError as error:
            if error.status not in NO_MANIFEST:
                raise
        try:
            return self.small_blob(digest)
        except NotFoundError:  # so it was a fault that may have passed
            return self._fetched_once(digest, partial(self._by_digest, digest))

    def _described(self, descriptor: Descriptor) -> RawDocument:
        digest = descriptor.digest
        if descriptor.data is not None:
            document = RawDocument(descriptor.data, digest, _type_of_blob(descriptor.data, digest, None))
            self._keep(document)
            return document
        said = descriptor.media_type
        is_manifest = said in mediatypes.ALL_MANIFESTS
        return self._by_digest(digest) if is_manifest else self._blob(digest, descriptor.size, said)

    def _by_digest(self, digest: Digest, *, settled: frozenset[int] = frozenset()) -> RawDocument:
        document = self._checked(self._manifest(digest, named=False, settled=settled), digest)
        self._keep(document)
        return document

    def _manifest(
        self, wanted: str, *, named: bool, method: str = "GET", settled: frozenset[int] = frozenset()
    ) -> Answer:
        limit = self._settings.max_manifest_bytes
        path = self._path("manifests", wanted)
        try:
            return self._endpoint.ask(
                path,
                self._scope,
                limit=limit,
                method=method,
                accept=mediatypes.ACCEPT_MANIFESTS,
                named=named,
                settled=settled,
            )
        except NotFoundError as error:
            raise self._not_found(wanted, error) from None

    def _is_outdated(self, tag: str, method: str) -> bool:
        """Say whether a question of the other kind brought something newer; offline, where any age is believed."""
        if not self._settings.offline:
            return False
        kept = {kind: self._kept_answer(tag, kind) for kind in ("GET", "HEAD")}
        mine, other = kept.pop(method), *kept.values()
        return mine is not None and other is not None and other.kept_at > mine.kept_at

    def _pulled(self, tag: str) -> Digest | None:
        """Give what was pulled under a tag last, whatever became of the answer that said so then."""
        name = f"{self._endpoint.registry}/{self.repository}:{tag}"
        return next((entry.digest for entry in self._store.entries() if entry.name == name), None)

    def _kept_answer(self, tag: str, method: str) -> Answer | None:
        return self._endpoint.known(
            self._path("manifests", tag), self._scope, method=method, accept=mediatypes.ACCEPT_MANIFESTS
        )

    def _known(self, tag: str, method: str) -> Answer | None:
        """Give the answer to a question of the other kind, if it is believed and says what a tag points at."""
        answer = self._kept_answer(tag, method)
        return answer if answer is not None and answer.status in GOOD else None

    def _not_found(self, wanted: str, error: NotFoundError, what: str = "") -> NotFoundError:
        where = f"{self._endpoint.registry}/{self.repository}"
        if isinstance(error, UnknownRepositoryError):
            hint = f"ocinb.repositories({self._endpoint.registry!r}) lists what there is, if the registry tells"
            return UnknownRepositoryError(f"there is no repository {where}", url=error.url, hint=hint)
        what = what or ("manifest" if ":" in wanted else "tag")
        hint = f"ocinb.tags({where!r}) lists the tags that there are"
        return NotFoundError(f"there is no {what} {wanted!r} in {where}", url=error.url, hint=hint)

    def _checked(self, answer: Answer, digest: Digest) -> RawDocument:
        what = f"the manifest {self.repository}@{digest}" if answer.body else "the empty answer"
        with reading(answer):
            verify_manifest(answer.body, digest)
            media_type = sniff_media_type(answer.body, answer.headers.get("content-type"), what)
        return RawDocument(answer.body, digest, media_type, fetched=not answer.from_cache)

    def _blob(self, digest: Digest, size: int | None = None, said: str | None = None) -> RawDocument:
        limit = self._settings.max_manifest_bytes
        try:
            stream, raw = self._arrived(self._path("blobs", digest), limit)
        except NotFoundError as error:
            raise self._not_found(digest, error, what="blob") from None
        if len(raw) > limit:
            raise InvalidError(f"{digest} has more bytes than max_manifest_bytes = {limit:,}")
        with reading(stream):
            verify(raw, digest, size)
        document = RawDocument(raw, digest, _type_of_blob(raw, digest, said), fetched=True)
        self._keep(document)
        return document

    def _arrived(self, path: str, limit: int) -> tuple[Stream, bytes]:
        """Read a small blob whole; where the line breaks in it, it is read anew."""
        attempts = Attempts(self._settings, "GET")
        while True:
            try:
                with self._endpoint.stream(path, self._scope, {"Accept": "*/*"}) as stream:
                    return stream, stream.read(limit)
            except TransportError as error:
                # What could not even be opened was asked for again already.
                seconds = attempts.after_failure(error) if error.resumable else None
                if seconds is None:
                    raise
            pause(seconds)

    def _keep(self, document: RawDocument) -> None:
        self._store.prepare()
        if document.media_type == mediatypes.DOCKER_SCHEMA1_SIGNED:
            self._signed.write(document.raw, document.digest)
        else:
            self._store.blobs.write(document.raw, document.digest)
        self._last = replace(document, fetched=False)

    def _path(self, kind: str, name: str) -> str:
        return f"/v2/{self.repository}/{kind}/{quote(name, safe=':')}"


def _digest_of(answer: Answer) -> Digest:
    """Give the digest of a manifest that was asked by name, by its header or by its bytes."""
    what = "the manifest" if answer.body else "the empty answer"
    promised = _promised(answer)
    with reading(answer):
        return promised or manifest_digest(answer.body, what)


def _said_at(answer: Answer) -> datetime:
    """Say when an answer came, or was confirmed."""
    return datetime.fromtimestamp(answer.kept_at, UTC) if answer.from_cache else datetime.now(UTC)


def _promised(answer: Answer) -> Digest | None:
    """Give the digest that the registry says a manifest has."""
    header = answer.headers.get("docker-content-digest")
    with reading(answer):
        return Digest(header) if header else None


def _type_of_blob(raw: bytes, digest: Digest, said: str | None) -> str:
    """Give the type of a blob: what its manifest says, if that is an image's config, else what its bytes say."""
    if said in mediatypes.IMAGE_CONFIGS:
        return str(said)
    return blob_media_type(raw, str(digest))


def ask_length(source: Source, digest: Digest) -> int:
    """Ask for one byte of a blob, to hear how many there are.

    Raises
    ------
    TransportError
        If the registry does not say it.
    """
    with source.open_blob(Descriptor(OCI_LAYER, digest, UNKNOWN_SIZE), 0, 1) as blob:
        if blob.size is None:
            raise TransportError(f"nobody says how large the layer {digest} is")
        return blob.size
