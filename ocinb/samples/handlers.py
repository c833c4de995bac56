"""The read side of a registry as a function: from what it holds and a request to an answer, without I/O.

Source: OCI distribution-spec 1.1 ("Pull", "Content Discovery"); the catalogue is distribution's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ocinb.errors import InvalidError
from ocinb.samples.http import Answer, Request, error_answer, json_answer
from ocinb.samples.images import JSON
from ocinb.samples.registry_content import Content, Repository, list_referrers
from ocinb.spec.digest import Digest
from ocinb.spec.mediatypes import OCI_INDEX

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from ``start`` up to, but not including, ``stop``; an empty span cannot be satisfied."""

    start: int
    stop: int


def parse_range(header: str | None, size: int) -> Span | None:
    """Read a ``Range`` header for so many bytes.

    Examples
    --------
    >>> parse_range("bytes=2-4", 10), parse_range("bytes=-3", 10), parse_range("bytes=10-", 10)
    (Span(start=2, stop=5), Span(start=7, stop=10), Span(start=10, stop=10))
    """
    match = _RANGE.fullmatch((header or "").replace(" ", ""))
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return Span(max(size - int(last), 0), size)
    if last and int(last) < int(first):
        return None
    start = min(int(first), size)
    return Span(start, min(int(last) + 1, size) if last else size)


def cut_range(whole: Answer, header: str | None) -> Answer:
    """Cut a full answer down to what a ``Range`` header asks for."""
    size = len(whole.body)
    span = parse_range(header, size)
    if span is None:
        return whole
    if span.start >= span.stop:
        return Answer(416, {"Content-Range": f"bytes */{size}"})
    part = {"Content-Range": f"bytes {span.start}-{span.stop - 1}/{size}"}
    return Answer(206, {**whole.headers, **part}, whole.body[span.start : span.stop])


_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_ROUTE = re.compile(
    rf"/v2/(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)/(?P<kind>manifests|blobs|tags|referrers)/(?P<reference>[^/]+)"
)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a path leads."""

    kind: str
    repository: str = ""
    reference: str = ""

    @property
    def scope(self) -> str:
        """What a token has to be good for; empty if any token will do."""
        if self.kind == "catalogue":
            return "registry:catalog:*"
        return f"repository:{self.repository}:pull" if self.repository else ""


def parse_route(resource: str) -> Route:
    """Find out where a decoded path leads.

    >>> parse_route("/v2/demo/shop/manifests/2.0")
    Route(kind='manifests', repository='demo/shop', reference='2.0')
    """
    if resource in {"/v2", "/v2/"}:
        return Route("version")
    if resource == "/v2/_catalog":
        return Route("catalogue")
    match = _ROUTE.fullmatch(resource)
    if not match or (match["kind"] == "tags" and match["reference"] != "list"):
        return Route("nowhere")
    return Route(match["kind"], match["repository"], match["reference"])


def answer_to(
    request: Request, content: Content, *, page_size: int | None = None, referrers_api: bool = True
) -> Answer:
    """Answer a request."""
    if request.method not in {"GET", "HEAD"}:
        return error_answer(405, "UNSUPPORTED", "this registry is read-only", headers={"Allow": "GET, HEAD"})
    route = parse_route(request.resource)
    if route.kind == "version":
        return json_answer({})
    if route.kind == "catalogue":
        return _page_answer(request, _named(content.names), {}, "repositories", page_size)
    if route.kind == "tags":
        return _tags_answer(request, content, route, page_size)
    if route.kind == "referrers" and not referrers_api:
        return _nothing_there(request)
    return _content_answer(request, content, route, page_size)


def _tags_answer(request: Request, content: Content, route: Route, page_size: int | None) -> Answer:
    repository = content.find(route.repository)
    if repository is None:
        return _name_unknown(route)
    return _page_answer(request, _named(repository.tags), {"name": route.repository}, "tags", page_size)


def _content_answer(request: Request, content: Content, route: Route, page_size: int | None) -> Answer:
    repository = content.find(route.repository)
    if route.kind == "nowhere":
        return _nothing_there(request)
    if repository is None:
        return _name_unknown(route)
    if route.kind == "manifests":
        return _manifest_answer(request, repository, route.reference)
    if route.kind == "referrers":
        return _referrers_answer(request, repository, route.reference, page_size)
    return _blob_answer(request, content, route.reference)


def _nothing_there(request: Request) -> Answer:
    return error_answer(404, "UNSUPPORTED", f"there is nothing at {request.resource}")


def _name_unknown(route: Route) -> Answer:
    return error_answer(404, "NAME_UNKNOWN", f"there is no repository {route.repository}")


def _named(things: Iterable[str]) -> dict[str, str]:
    return {name: name for name in things}


def _page_answer(
    request: Request,
    entries: Mapping[str, Any],
    head: JSON,
    key: str,
    page_size: int | None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Give what is listed from the name after ``last`` on, in the order of the names."""
    wanted = request.query.get("n", [None])[-1]
    if wanted is not None and not wanted.isdecimal():
        return error_answer(400, "PAGINATION_NUMBER_INVALID", f"n has to be a number, not {wanted!r}")
    last = request.query.get("last", [""])[-1]
    rest = sorted(name for name in entries if name > last)
    limits = [limit for limit in (page_size, None if wanted is None else int(wanted)) if limit is not None]
    page = rest[: min(limits)] if limits else rest
    headers = dict(headers or {})
    # n=0 is answered by an empty list without a Link, says the distribution-spec: there is no name to go on from.
    if page and len(page) < len(rest):
        query = {"n": len(page), "last": page[-1]}
        others = {name: values[-1] for name, values in request.query.items() if name not in query}
        headers["Link"] = f'<{quote(request.resource)}?{urlencode(query | others, safe="/")}>; rel="next"'
    return json_answer({**head, key: [entries[name] for name in page]}, headers=headers)


def _manifest_answer(request: Request, repository: Repository, reference: str) -> Answer:
    digest = repository.find(reference)
    if digest is None:
        return error_answer(404, "MANIFEST_UNKNOWN", f"there is no manifest {reference}")
    manifest = repository.manifests[digest]
    headers = _digest_headers(digest)
    if _is_match(request.header("If-None-Match"), headers["ETag"]):
        return Answer(304, headers)
    return Answer(200, {"Content-Type": manifest.media_type, **headers}, manifest.raw)


def _blob_answer(request: Request, content: Content, reference: str) -> Answer:
    blob = content.blobs.get(reference)
    if blob is None:
        return error_answer(404, "BLOB_UNKNOWN", f"there is no blob {reference}")
    headers = _digest_headers(reference)
    if _is_match(request.header("If-None-Match"), headers["ETag"]):
        return Answer(304, headers)
    headers |= {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes"}
    whole = Answer(200, headers, blob)
    # Ranges are for GET only, and If-Range wants the very same ETag (RFC 9110, 14.2 and 13.1.5).
    if request.method != "GET" or request.header("If-Range") not in {None, headers["ETag"]}:
        return whole
    return cut_range(whole, request.header("Range"))


def _digest_headers(digest: str) -> dict[str, str]:
    return {"Docker-Content-Digest": str(digest), "ETag": f'"{digest}"'}


def _is_match(header: str | None, etag: str) -> bool:
    known = [entry.strip().removeprefix("W/") for entry in (header or "").split(",")]
    return etag in known or "*" in known


def _referrers_answer(request: Request, repository: Repository, reference: str, page_size: int | None) -> Answer:
    try:
        descriptors = list_referrers(repository, Digest(reference))
    except InvalidError as error:
        return error_answer(400, "DIGEST_INVALID", str(error))
    headers = {"Content-Type": OCI_INDEX}
    wanted = request.query.get("artifactType")
    if wanted:
        descriptors = [descriptor for descriptor in descriptors if descriptor.get("artifactType") == wanted[-1]]
        headers["OCI-Filters-Applied"] = "artifactType"
    entries = {descriptor["digest"]: descriptor for descriptor in descriptors}
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    return _page_answer(request, entries, index, "manifests", page_size, headers=headers)
