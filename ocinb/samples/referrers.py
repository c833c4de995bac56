"""Who refers to whom in a repository: as a registry lists it, and as tools list it for a registry that cannot.

Source: OCI distribution-spec 1.1, "Listing Referrers", "Referrers Tag Schema".
"""

from __future__ import annotations

import json
from typing import Any

from ocinb.samples.content import Content, Repository
from ocinb.samples.images import JSON, Manifest, make_index
from ocinb.spec.digest import Digest
from ocinb.spec.tag_schema import referrers_tags


def list_referrers(repository: Repository, subject: str) -> list[JSON]:
    """Describe all manifests that refer to a digest."""
    return [descriptor for _, descriptor in _referrers(repository, subject)]


def tag_referrers(content: Content) -> None:
    """Keep, in an index under the tag that is made for it, what refers to each manifest."""
    for name, repository in content.repositories.items():
        for subject in list(repository.manifests):
            found = _referrers(repository, subject)
            if found:
                content.add(name, make_index(found), referrers_tags(Digest(subject))[0])


def _referrers(repository: Repository, subject: str) -> list[tuple[Manifest, JSON]]:
    return [
        (manifest, _descriptor(manifest, digest, document))
        for digest, manifest in repository.manifests.items()
        # Looking for the digest first spares the parsing of a whole repository.
        if subject.encode() in manifest.raw
        and (document := _parsed(manifest)).get("subject", {}).get("digest") == subject
    ]


def _parsed(manifest: Manifest) -> dict[str, Any]:
    # Tests put in what is no JSON, or no object; such a manifest refers to nothing.
    try:
        document = json.loads(manifest.raw)
    except ValueError:
        return {}
    return document if isinstance(document, dict) and isinstance(document.get("subject", {}), dict) else {}


def _descriptor(manifest: Manifest, digest: str, document: JSON) -> JSON:
    # An image manifest without an artifactType is of the type of its config (distribution-spec, "Listing Referrers").
    artifact_type = document.get("artifactType") or document.get("config", {}).get("mediaType")
    descriptor = {"mediaType": manifest.media_type, "digest": digest, "size": len(manifest.raw)}
    if artifact_type:
        descriptor["artifactType"] = artifact_type
    return descriptor | {"annotations": document["annotations"]} if document.get("annotations") else descriptor
