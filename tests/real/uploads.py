"""Uploads by hand, for registries that skopeo cannot push to and for documents that nobody makes."""

import hashlib
import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

_SECONDS = 120


def put_manifest(
    registry: str, name: str, media_type: str, document: bytes, *, authorization: str | None = None
) -> str:
    """Put a document at `name` (repository:tag or repository@digest) of a registry's URL, and return its digest."""
    digest = f"sha256:{hashlib.sha256(document).hexdigest()}"
    repository, _, wanted = name.partition("@") if "@" in name else name.rpartition(":")
    _send("PUT", f"{registry}/v2/{repository}/manifests/{wanted}", document, media_type, authorization)
    return digest


def put_blob(registry: str, repository: str, blob: bytes, *, algorithm: str = "sha256") -> dict[str, Any]:
    """Put a blob by POST and PUT, and return how a descriptor names it."""
    digest = f"{algorithm}:{hashlib.new(algorithm, blob).hexdigest()}"
    started = _send("POST", f"{registry}/v2/{repository}/blobs/uploads/", b"")
    place = urljoin(registry, started["Location"])
    _send("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", blob)
    return {"digest": digest, "size": len(blob)}


def put_image(registry: str, name: str, layout: Path, manifest: bytes, media_type: str) -> str:
    """Put an image whose blobs lie in a layout, and return its manifest's digest."""
    document = json.loads(manifest)
    for entry in (document["config"], *document["layers"]):
        blob = layout / "blobs" / entry["digest"].replace(":", "/")
        put_blob(registry, name.rpartition(":")[0], blob.read_bytes())
    return put_manifest(registry, name, media_type, manifest)


def delete(url: str) -> None:
    _send("DELETE", url, None)


def _send(
    method: str,
    url: str,
    body: bytes | None,
    media_type: str = "application/octet-stream",
    authorization: str | None = None,
) -> Any:
    headers = {"Content-Type": media_type, **({"Authorization": authorization} if authorization else {})}
    request = urllib.request.Request(url, body, headers, method=method)
    # Loopback is behind no proxy.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=_SECONDS) as answer:
        return answer.headers
