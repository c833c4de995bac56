"""A registry's repository as a source.

Source: OCI distribution-spec v1.1, "Pull" and "Content Discovery". What is asked for by digest is looked up in the
store first, and kept there; what is asked for by name is kept as long as a tag is believed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from urllib.parse import quote

from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError, NotFoundError
from ocinb.sources.addresses import safe_url
from ocinb.sources.base import RangeError, RawDocument
from ocinb.sources.endpoint import Endpoint
from ocinb.sources.http import Answer, Stream
from ocinb.sources.refusals import UnknownRepositoryError
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest, verify
from ocinb.spec.documents import Descriptor, sniff_media_type
from ocinb.spec.fields import Fields
from ocinb.spec.strictjson import parse_object
from ocinb.storage.layout import Layout

CATALOG_SCOPE = "registry:catalog:*"

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


class RegistrySource:
    """One repository.

    Parameters
    ----------
    endpoint
        Its registry.
    repository
        Its path there.
    store
        Where documents are looked up and kept.
    settings
        Limits.
    """

    def __init__(self, endpoint: Endpoint, repository: str, store: Layout, settings: Settings) -> None:
        self.repository = repository
        self._endpoint = endpoint
        self._store = store
        self._settings = settings
        self._scope = f"repository:{repository}:pull"

    def resolve(self, wanted: str) -> Descriptor:
        """Find what a tag or digest points at, by one question, or none if the digest is in the store."""
        if ":" in wanted:
            digest = Digest(wanted)
            return self._fetched_once(digest, partial(self._by_digest, digest)).descriptor
        known = self._known(wanted, "HEAD")
        if known is not None:  # somebody listed the digests of the tags a moment ago
            return self._fetched_once(known, partial(self._by_digest, known)).descriptor
        answer = self._manifest(wanted, named=True)
        document = self._checked(answer, _promised(answer) or Digest.of(answer.body))
        self._keep(document)
        return document.descriptor

    def head(self, tag: str) -> Digest:
        """Find what a tag points at without reading it, by a HEAD; the document itself if the registry says too little.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        """
        known = self._known(tag, "GET")
        if known is not None:
            return known
        answer = self._manifest(tag, named=True, method="HEAD")
        return _promised(answer) or self.resolve(tag).digest

    def document(self, descriptor: Descriptor) -> RawDocument:
        """Read a manifest, index or config."""
        if descriptor.size > self._settings.max_manifest_bytes:
            limit = self._settings.max_manifest_bytes
            raise InvalidError(
                f"{descriptor.digest} has {descriptor.size:,} bytes, more than max_manifest_bytes = {limit:,}"
            )
        is_manifest = descriptor.media_type in mediatypes.ALL_MANIFESTS
        fetch = (
            partial(self._by_digest, descriptor.digest)
            if is_manifest
            else partial(self._blob, descriptor.digest, descriptor.size)
        )
        kept = self._fetched_once(descriptor.digest, fetch)
        if len(kept.raw) != descriptor.size:
            raise IntegrityError(f"{descriptor.digest} has to be {descriptor.size:,} bytes long, not {len(kept.raw):,}")
        return replace(kept, media_type=descriptor.media_type)

    def small_blob(self, digest: Digest) -> RawDocument:
        """Read a blob of which only the digest is known, if it is no larger than a document may be."""
        return self._fetched_once(digest, partial(self._blob, digest))

    @contextmanager
    def open_blob(self, descriptor: Descriptor, offset: int = 0, length: int | None = None) -> Iterator[_Blob]:
        """Open a blob, from an offset if the registry gives parts.

        Raises
        ------
        RangeError
            If the registry gives another part than the one that was asked for.
        IntegrityError
            If the registry has another size for it than the descriptor says.
        """
        headers = {"Accept": "*/*"}
        if offset or length is not None:
            headers["Range"] = f"bytes={offset}-{offset + length - 1 if length is not None else ''}"
        with self._endpoint.stream(self._path("blobs", descriptor.digest), self._scope, headers) as stream:
            yield _Blob(stream, _offset(stream, offset, descriptor))

    def tags(self) -> list[str]:
        """List the tags, in the order of the registry."""
        path = f"/v2/{self.repository}/tags/list"
        try:
            try:
                return self._tags(f"{path}?n=1000")
            except UnknownRepositoryError:
                raise
            except NotFoundError:
                return self._tags(path)  # zuul-registry knows the list only without a length
        except NotFoundError as error:
            hint = f"ocinb.repositories({self._endpoint.registry!r}) lists what there is, if the registry tells"
            where = f"there is no repository {self._endpoint.registry}/{self.repository}"
            raise NotFoundError(where, url=error.url, hint=hint) from None

    def _tags(self, path: str) -> list[str]:
        pages = self._endpoint.pages(path, self._scope)
        return list(dict.fromkeys(name for page in pages for name in _names(page, "tags")))

    def _kept(self, digest: Digest) -> RawDocument | None:
        raw = self._store.blobs.read(digest, self._settings.max_manifest_bytes)
        if raw is None:
            return None
        return RawDocument(raw, digest, _sniffed(raw, None, str(digest)))

    def _fetched_once(self, digest: Digest, fetch: Callable[[], RawDocument]) -> RawDocument:
        """Look into the store; of those who miss a digest at a time, one fetches it."""
        kept = self._kept(digest)
        if kept is not None:
            return kept
        with alone((self._store.root, digest)):
            return self._kept(digest) or fetch()

    def _by_digest(self, digest: Digest) -> RawDocument:
        document = self._checked(self._manifest(digest, named=False), digest)
        self._keep(document)
        return document

    def _manifest(self, wanted: str, *, named: bool, method: str = "GET") -> Answer:
        limit = self._settings.max_manifest_bytes
        path = self._path("manifests", wanted)
        try:
            return self._endpoint.ask(
                path, self._scope, limit=limit, method=method, accept=mediatypes.ACCEPT_MANIFESTS, named=named
            )
        except NotFoundError as error:
            raise self._not_found(wanted, error) from None

    def _known(self, tag: str, method: str) -> Digest | None:
        """Give what a tag is believed to point at, by what a question of the other kind brought."""
        answer = self._endpoint.known(self._path("manifests", tag), method=method, accept=mediatypes.ACCEPT_MANIFESTS)
        return None if answer is None else _promised(answer) or Digest.of(answer.body)

    def _not_found(self, wanted: str, error: NotFoundError, what: str = "") -> NotFoundError:
        where = f"{self._endpoint.registry}/{self.repository}"
        if isinstance(error, UnknownRepositoryError):
            hint = f"ocinb.repositories({self._endpoint.registry!r}) lists what there is, if the registry tells"
            return NotFoundError(f"there is no repository {where}", url=error.url, hint=hint)
        what = what or ("manifest" if ":" in wanted else "tag")
        hint = f"ocinb.tags({where!r}) lists the tags that there are"
        return NotFoundError(f"there is no {what} {wanted!r} in {where}", url=error.url, hint=hint)

    def _checked(self, answer: Answer, digest: Digest) -> RawDocument:
        what = f"the manifest {self.repository}@{digest}" if answer.body else "the empty answer"
        if mediatypes.bare(answer.headers.get("content-type")) in mediatypes.SCHEMA1:
            raise InvalidError(f"{what} is of Docker's schema 1, which is not read yet", url=safe_url(answer.url))
        with _errors_at(answer):
            verify(answer.body, digest)
            media_type = sniff_media_type(answer.body, answer.headers.get("content-type"), what)
        return RawDocument(answer.body, digest, media_type, fetched=not answer.from_cache)

    def _blob(self, digest: Digest, size: int | None = None) -> RawDocument:
        limit = self._settings.max_manifest_bytes
        try:
            with self._endpoint.stream(self._path("blobs", digest), self._scope, {"Accept": "*/*"}) as stream:
                raw = stream.read(limit)
        except NotFoundError as error:
            raise self._not_found(digest, error, what="blob") from None
        if len(raw) > limit:
            raise InvalidError(f"{digest} has more bytes than max_manifest_bytes = {limit:,}")
        with _errors_at(stream):
            verify(raw, digest, size)
        document = RawDocument(raw, digest, _sniffed(raw, None, str(digest)), fetched=True)
        self._keep(document)
        return document

    def _keep(self, document: RawDocument) -> None:
        self._store.prepare()
        self._store.blobs.write(document.raw, document.digest)

    def _path(self, kind: str, name: str) -> str:
        return f"/v2/{self.repository}/{kind}/{quote(name, safe=':')}"


class _Blob:
    def __init__(self, stream: Stream, offset: int) -> None:
        self.offset = offset
        self._stream = stream

    def chunks(self) -> Iterator[bytes]:
        return self._stream.chunks()


def list_repositories(endpoint: Endpoint) -> list[str]:
    """List the repositories of a registry, as far as it tells them.

    Raises
    ------
    NotFoundError
        If it has no catalogue.
    """
    pages = endpoint.pages("/v2/_catalog?n=1000", CATALOG_SCOPE)
    try:
        return list(dict.fromkeys(name for page in pages for name in _names(page, "repositories")))
    except NotFoundError as error:
        hint = "Many public registries tell nobody what they have; name a repository instead"
        raise NotFoundError(f"{endpoint.registry} has no catalogue", url=error.url, hint=hint) from None


def _names(page: Answer, key: str) -> list[str]:
    with _errors_at(page):
        return Fields(parse_object(page.body, "the list"), "the list").texts(key) or []


def _promised(answer: Answer) -> Digest | None:
    """Give the digest that the registry says a manifest has."""
    header = answer.headers.get("docker-content-digest")
    with _errors_at(answer):
        return Digest(header) if header else None


@contextmanager
def _errors_at(answer: Answer | Stream) -> Iterator[None]:
    """Say in an error about bytes where they came from."""
    try:
        yield
    except (IntegrityError, InvalidError) as error:
        error.url = safe_url(answer.url)
        if mediatypes.bare(answer.headers.get("content-type")) == "text/html":
            error.hint = "A web page came; is this the name of a registry, and does something stand between?"
        raise


def _sniffed(raw: bytes, content_type: str | None, what: str) -> str:
    try:
        return sniff_media_type(raw, content_type, what)
    except InvalidError:
        return "application/octet-stream"


def _offset(stream: Stream, offset: int, descriptor: Descriptor) -> int:
    """Say where in the blob a body begins, if it is the part that was asked for and of a blob of the right size."""
    if stream.status != 206:  # noqa: PLR2004 - HTTP: the registry gives no parts, but the whole
        _check_size(stream, stream.headers.get("content-length", ""), descriptor)
        return 0
    said = stream.headers.get("content-range", "nothing")
    match = _CONTENT_RANGE.fullmatch(said)
    if match is None or int(match[1]) != offset:
        raise RangeError(
            f"bytes from {offset:,} of {descriptor.size:,} were asked for, and {said!r} came", url=safe_url(stream.url)
        )
    _check_size(stream, match[3], descriptor)
    return offset


def _check_size(stream: Stream, said: str, descriptor: Descriptor) -> None:
    """Refuse a blob whose size is known to be wrong before a byte of it was read; a size may also not be said."""
    if said.isdecimal() and int(said) != descriptor.size:
        raise IntegrityError(
            f"{descriptor.digest} has to be {descriptor.size:,} bytes long, not {int(said):,}", url=safe_url(stream.url)
        )
