"""Keeping: which answers to questions by name are worth keeping, and which of the kept ones are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests

from ocinb._settings import Settings
from ocinb.errors import IntegrityError, InvalidError
from ocinb.spec.digest import Digest
from ocinb.spec.documents import sniff_media_type
from ocinb.spec.schema1_signature import verify_manifest
from ocinb.spec.tag_schema import tag_kind


def worth_keeping(response: requests.Response) -> bool:
    """Say whether an answer by name is a document, and the one that its header promises, or tells of an absence."""
    if response.status_code == requests.codes.not_found:
        return _is_mostly_absent(response.request.url or "")
    if response.status_code != requests.codes.ok:
        return False
    if response.request.method == "HEAD":
        return "docker-content-digest" in response.headers
    promised = response.headers.get("docker-content-digest")
    try:
        sniff_media_type(response.content, response.headers.get("content-type"), "the answer")
        return promised is None or bool(verify_manifest(response.content, Digest(promised)))
    except (IntegrityError, InvalidError):
        return False


def _is_mostly_absent(url: str) -> bool:
    """Say whether it is one of those that most images lack, asked for again and again: what tools attach to an image.

    That a tag of people's is not there is never kept: they look again as soon as they have pushed it.
    """
    kind, _, name = urlsplit(url).path.rpartition("/")
    return kind.endswith("/referrers") or (kind.endswith("/manifests") and tag_kind(name) != "tag")


def is_believed(response: Any, settings: Settings) -> bool:
    """Say whether a kept answer is sound and young enough; offline, any age is, since nobody can be asked."""
    age = datetime.now(UTC) - response.created_at
    young = timedelta(0) <= age <= timedelta(seconds=settings.tag_ttl)
    return (young or response.revalidated or settings.offline) and worth_keeping(response)


def may_be_confirmed(request: requests.PreparedRequest, kept: Any, settings: Settings) -> bool:
    """Say whether a HEAD can confirm a kept answer: no longer believed, but sound, and with its digest beside it.

    One with an ETag is confirmed by a conditional request. A ``Last-Modified`` proves nothing: a tag may go back to
    what is older.
    """
    if request.method != "GET" or "etag" in kept.headers or "docker-content-digest" not in kept.headers:
        return False
    is_fresh = is_believed(kept, settings) and not kept.is_expired
    return not is_fresh and worth_keeping(kept)


def confirmed(session: Any, request: requests.PreparedRequest, kept: Any, head: requests.Response) -> Any | None:
    """Give the kept answer a new life if a HEAD says that the name still points at it; None if not."""
    if head.status_code != requests.codes.ok:
        return None
    if head.headers.get("docker-content-digest") != kept.headers["docker-content-digest"]:
        return None
    kept.expires = datetime.now(UTC) + timedelta(seconds=session.settings.expire_after)
    session.cache.responses[session.cache.create_key(request)] = kept
    kept.revalidated = True
    return kept
