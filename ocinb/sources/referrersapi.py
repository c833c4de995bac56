"""The referrers API: a registry's own list of what refers to a manifest, where it has one.

Source: OCI distribution-spec v1.1, "Listing Referrers", "Unavailable Referrers API".
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from urllib.parse import quote

from ocinb._pool import alone
from ocinb._settings import Settings
from ocinb.errors import AuthError, InvalidError, NotFoundError, TransportError
from ocinb.network.response import Answer, reading
from ocinb.network.session import OfflineError
from ocinb.network.status_errors import UnknownRepositoryError
from ocinb.sources.base import Referrer
from ocinb.sources.endpoint import Endpoint
from ocinb.spec import mediatypes
from ocinb.spec.digest import Digest
from ocinb.spec.documents import Descriptor, parse_descriptor
from ocinb.spec.strict_json import Fields, parse_object

logger = logging.getLogger("ocinb")

# What registries answer to a question that they do not know, beside the 404 that the specification asks for.
_UNKNOWN_QUESTION = frozenset({400, 405, 406, 501})
# Every registry knows digests of this kind; that it refuses another says nothing of the API.
_KNOWN_TO_ALL = "sha256"
_WHAT = "the list of referrers"


class ReferrersApi:
    """What a registry lists for one of its repositories.

    That a registry has no such list is remembered by its endpoint, so it costs one question in a session, and not one
    for each image. A refusal of one repository's list is not taken for that.

    Parameters
    ----------
    endpoint
        The registry.
    repository
        The repository's path there.
    scope
        What a token has to open.
    settings
        Limits.
    """

    def __init__(self, endpoint: Endpoint, repository: str, scope: str, settings: Settings) -> None:
        self._endpoint = endpoint
        self._path = f"/v2/{repository}/referrers/"
        self._scope = scope
        self._settings = settings

    def find(self, subject: Digest, artifact_type: str | None = None) -> list[Referrer] | None:
        """List what refers to a manifest; None if the registry has no list.

        Parameters
        ----------
        subject
            The manifest's digest.
        artifact_type
            What the registry may leave all others out for.

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
