"""Referrers: what speaks of an image (signatures, SBOMs, attestations), and the ways in which it is found.

Sources: OCI distribution-spec v1.1, "Referrers Tag Schema"; BuildKit's attestation-storage.md; cosign's
SIGNATURE_SPEC.md. Registries without an API leave it to people's tools to say what refers to what, so little of it can
be relied on: what a list says is told as it stands, and a manifest is read only where a list says too little.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import get_args
from urllib.parse import quote

from ocinb._pool import alone, run_all
from ocinb._settings import Settings
from ocinb._text import printable, shorten
from ocinb.errors import AuthError, InvalidError, NotFoundError, TransportError
from ocinb.network.connections import Answer, reading
from ocinb.network.session import OfflineError
from ocinb.network.status_errors import UnknownRepositoryError
from ocinb.sources.base import Referrer, Source, Tags, Way
from ocinb.sources.endpoint import Endpoint
from ocinb.sources.images import Resolved
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import REFERENCE_DIGEST, Descriptor, RawDocument, parse_descriptor, parse_index
from ocinb.spec.strict_json import Fields, parse_object
from ocinb.spec.tag_schema import MAX_TAG_LENGTH, cosign_tags, referrers_tags

logger = logging.getLogger("ocinb")

Found = list[Referrer] | None
_WAYS: tuple[Way, ...] = get_args(Way)
_REFUSED_TAG = 400
# What a manifest is of that does not say it by a type of its own: an image, or nothing (manifest.md forbids that one).
_TELLS_NOTHING = mediatypes.IMAGE_CONFIGS | {mediatypes.OCI_EMPTY, None}


def find_referrers(
    source: Source, resolved: Resolved, artifact_type: str | None, settings: Settings, *, tags: Tags = None
) -> list[Referrer]:
    """Find all that refers to what a name points at, and to the images in it where the index itself links the two."""
    named = source.referrers(resolved.document.descriptor, artifact_type, tags=tags)
    found = [*named, *linked_in_index(source, resolved, settings)]
    found.sort(key=lambda referrer: _WAYS.index(referrer.found_via))
    distinct: dict[tuple[str, str], Referrer] = {}
    for referrer in found:
        distinct.setdefault((referrer.subject, referrer.descriptor.digest), referrer)
    return [
        referrer
        for referrer in distinct.values()
        if artifact_type is None or referrer.descriptor.artifact_type == artifact_type
    ]


def among(tags: Tags, tag: str) -> Sequence[str]:
    """Give the one name that a tag has in a registry, if it is there as far as is known."""
    return (tag,) if tags is None or tag in tags else ()


def find_by_name(
    source: Source,
    subject: Descriptor,
    settings: Settings,
    names_of: Callable[[str], Sequence[str]],
    by_api: Callable[[], Found] | None = None,
) -> list[Referrer]:
    """Find what refers to a manifest by the API, else by the tag that lists referrers; and by cosign's tags.

    Raises
    ------
    NotFoundError
        If nothing is found, and it is the whole repository that is not there.
    """

    def by_list() -> Found:
        listed = by_api() if by_api else None
        return _by_tag(source, subject, settings, names_of) if listed is None else listed

    questions: list[Callable[[], Found]] = [by_list]
    for tag in cosign_tags(subject.digest):
        questions += [partial(_under, source, name, tag, subject) for name in names_of(tag)]
    answers = run_all(_or_unknown, questions, workers=settings.concurrency)
    found = [referrer for answer in answers if isinstance(answer, list) for referrer in answer]
    unknown = [answer for answer in answers if isinstance(answer, UnknownRepositoryError)]
    if unknown and not found:
        raise unknown[0]
    return found


def linked_in_index(source: Source, resolved: Resolved, settings: Settings) -> list[Referrer]:
    """Find what stands in an index beside its images and speaks of them.

    BuildKit's attestations say in the index itself what they attest; artifacts say it in their manifest, which is read.
    """
    children = [child.descriptor for child in resolved.children]
    attestations = [
        Referrer(child.annotations[REFERENCE_DIGEST], child, "index")
        for child in children
        if child.annotations.get(REFERENCE_DIGEST)
    ]
    artifacts = [child for child in children if child.kind in {"artifact", "signature"}]
    return [*attestations, *with_subject(source, artifacts, settings)]


def with_subject(source: Source, manifests: Sequence[Descriptor], settings: Settings) -> list[Referrer]:
    """Read some manifests that stand in an index, and give those that say themselves what they refer to."""
    readable = [manifest for manifest in manifests if manifest.media_type in mediatypes.ALL_MANIFESTS]
    read = run_all(lambda manifest: _read(source, manifest), readable, workers=settings.concurrency)
    return [
        Referrer(subject, manifest, "index")
        for manifest, subject in filter(None, read)
        if subject and manifest.digest != subject
    ]


def _or_unknown(question: Callable[[], Found]) -> Found | UnknownRepositoryError:
    try:
        return question()
    except UnknownRepositoryError as error:
        return error


def _by_tag(source: Source, subject: Descriptor, settings: Settings, names_of: Callable[[str], Sequence[str]]) -> Found:
    for tag in referrers_tags(subject.digest):
        lists = [_list_under(source, name, subject) for name in names_of(tag)]
        entries = [entry for listed in lists for entry in listed or ()]
        if all(listed is None for listed in lists):
            continue
        if len(entries) > settings.max_index_children:
            raise InvalidError(f"{tag} lists more than max_index_children = {settings.max_index_children:,} referrers")
        told = run_all(lambda entry: _told(source, entry, subject), entries, workers=settings.concurrency)
        return [Referrer(subject.digest, entry, "tag") for entry in told if entry is not None]
    return None


def _list_under(source: Source, tag: str, subject: Descriptor) -> Sequence[Descriptor] | None:
    try:
        there = source.resolve(tag)
    except UnknownRepositoryError:
        raise
    except NotFoundError:
        return None
    except TransportError as error:
        # The long form of a sha512 is longer than a tag may be; some registries have it all the same.
        if error.status != _REFUSED_TAG or len(tag) <= MAX_TAG_LENGTH:
            raise
        return None
    if there.digest == subject.digest:  # mirrors tag an image by its own digest, so that nothing sweeps it away
        return None
    if not there.is_index:
        logger.warning("the tag %s should list referrers, but points at %s", tag, _shown(there.media_type))
        return None
    return parse_index(source.document(there).raw, there.media_type, f"the index {there.digest}").manifests


def _told(source: Source, entry: Descriptor, subject: Descriptor) -> Descriptor | None:
    """Complete an entry that says nothing of its type, as crane and GitHub's registry leave it; None if it is a lie."""
    if entry.artifact_type not in {None, mediatypes.OCI_EMPTY} or entry.media_type not in mediatypes.ALL_MANIFESTS:
        return entry
    read = _read(source, entry)
    if read is None:
        return replace(entry, artifact_type=None)
    manifest, said = read
    if said and said != subject.digest:
        logger.warning("%s is listed as a referrer of %s, but refers to %s", entry.digest, subject.digest, _shown(said))
        return None
    return replace(entry, artifact_type=manifest.artifact_type, annotations=entry.annotations or manifest.annotations)


def _under(source: Source, name: str, tag: str, subject: Descriptor) -> Found:
    """Find what cosign keeps under a tag; most tags are missing, which a HEAD tells, and Docker Hub does not count."""
    try:
        document = source.document(source.resolve(source.head(name)))
    except UnknownRepositoryError:
        raise
    except NotFoundError:
        return None
    return [Referrer(subject.digest, described(document)[0], "cosign", tag)]


def _read(source: Source, manifest: Descriptor) -> tuple[Descriptor, str | None] | None:
    try:
        return described(source.document(manifest))
    except (NotFoundError, InvalidError) as error:  # it is listed still, and gone; or nobody can read it
        logger.info("nothing is known of a manifest but what is listed: %s", error)
        return None


def _shown(text: str) -> str:
    return printable(shorten(text, 200))


def described(document: RawDocument) -> tuple[Descriptor, str | None]:
    """Say of a manifest what a registry's list would say, and what it refers to itself."""
    what = f"the manifest {document.digest}"
    body = Fields(parse_object(document.raw, what), what)
    subject = body.child("subject")
    listed = replace(
        document.descriptor, artifact_type=_artifact_type(body), annotations=body.text_mapping("annotations")
    )
    return listed, subject.text("digest") if subject else None


def _artifact_type(body: Fields) -> str | None:
    """Give what a manifest says that it is, or the one type of its blobs if it calls itself an image or nothing.

    What cosign keeps under its tags has the config of an image; its blobs say what it is.
    """
    config = body.child("config")
    said = body.text("artifactType") or (config.text("mediaType") if config else None)
    if said not in _TELLS_NOTHING:
        return said
    blobs = {blob.text("mediaType") for blob in [*body.children("layers"), *body.children("blobs")]}
    return blobs.pop() if len(blobs) == 1 else None


# What registries answer to a question that they do not know, beside the 404 that the specification asks for.
_UNKNOWN_QUESTION = frozenset({400, 405, 406, 501})
# Every registry knows digests of this kind; that it refuses another says nothing of the API.
_KNOWN_TO_ALL = "sha256"
_WHAT = "the list of referrers"


class ReferrersApi:
    """What a registry lists for one of its repositories.

    That a registry has no such list is remembered by its endpoint, so it costs one question in a session, and not one
    for each image. A refusal of one repository's list is not taken for that.
    """

    def __init__(self, endpoint: Endpoint, repository: str, scope: str, settings: Settings) -> None:
        self._endpoint = endpoint
        self._path = f"/v2/{repository}/referrers/"
        self._scope = scope
        self._settings = settings

    def find(self, subject: Digest, artifact_type: str | None = None) -> list[Referrer] | None:
        """List what refers to a manifest; None if the registry has no list.

        Raises
        ------
        InvalidError
            If a list comes that is none of descriptors, or a longer one than ``settings.max_index_children``.
        """
        if self._endpoint.lists_referrers is None:
            with alone((self._endpoint, "referrers")):  # of many who want to know at once, one finds out
                if self._endpoint.lists_referrers is None:
                    return self._ask(subject, artifact_type)
        return self._ask(subject, artifact_type) if self._endpoint.lists_referrers else None

    def _ask(self, subject: Digest, artifact_type: str | None) -> list[Referrer] | None:
        query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        pages = self._endpoint.pages(f"{self._path}{subject}{query}", self._scope, accept=mediatypes.OCI_INDEX)
        first = self._first(pages, subject)
        if first is None:
            return None
        self._endpoint.lists_referrers = True
        found: list[Referrer] = []
        for page in chain((first,), pages):
            found += [Referrer(subject, entry, "api") for entry in _entries(page, artifact_type)]
            with reading(page):
                self._check_count(len(found), subject)
        return found

    def _check_count(self, count: int, subject: Digest) -> None:
        if count > self._settings.max_index_children:
            limit = f"max_index_children = {self._settings.max_index_children:,}"
            raise InvalidError(f"there are more referrers of {subject} than {limit}")

    def _first(self, pages: Iterator[Answer], subject: Digest) -> Answer | None:
        """Ask for the first page; None if what comes means that there is none."""
        page: Answer | None = None
        try:
            page = next(pages)
        except (UnknownRepositoryError, AuthError, OfflineError) as error:
            # The address may be taken for another repository's; not all who may read may list; and offline, that there
            # is no list may be known by another image, and of this one only its tag.
            logger.info("referrers are looked for by their tag: %s", error)
            return None
        except (NotFoundError, TransportError) as error:
            if isinstance(error, TransportError) and error.status not in _UNKNOWN_QUESTION:
                raise
        if page is not None and _is_list(page):
            return page
        if subject.algorithm == _KNOWN_TO_ALL and self._endpoint.lists_referrers is None:
            self._endpoint.lists_referrers = False
        return None


def _is_list(page: Answer) -> bool:
    """Say whether a good answer is meant as a list of referrers: some servers answer anything by a page of theirs."""
    if mediatypes.bare(page.headers.get("content-type")) in mediatypes.INDEXES:
        return True
    try:
        return "manifests" in parse_object(page.body, _WHAT)
    except InvalidError:
        return False


def _entries(page: Answer, artifact_type: str | None) -> Iterator[Descriptor]:
    with reading(page):
        body = Fields(parse_object(page.body, _WHAT), _WHAT)
        entries = [parse_descriptor(child) for child in body.children("manifests")]  # null is Go's empty list
    applied = {name.strip() for name in page.headers.get("oci-filters-applied", "").split(",")}
    for entry in entries:
        # What the registry chose by its type is of that type, also where it does not repeat it.
        chosen = artifact_type if "artifactType" in applied else None
        yield entry if entry.artifact_type else replace(entry, artifact_type=chosen)
