"""What a registry holds in memory: blobs by digest, and in each repository manifests by digest and tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ocinb.errors import NotFoundError
from ocinb.samples.images import JSON, Manifest, make_index
from ocinb.spec.digest import Digest
from ocinb.spec.tag_schema import referrers_tags


@dataclass
class Repository:
    """The manifests and tags of one repository."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def find(self, reference: str) -> str | None:
        """Look a tag or a digest up; None if it is not there."""
        digest = self.tags.get(reference, reference)
        return digest if digest in self.manifests else None


@dataclass
class Content:
    """Everything in a registry; a blob may be asked for in every repository.

    ``repositories`` are those that were built; others are built when somebody asks for one of them.
    """

    blobs: dict[str, bytes] = field(default_factory=dict)
    repositories: dict[str, Repository] = field(default_factory=dict)
    _promised: dict[str, Callable[[Content], None]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of all repositories, also of those that nobody asked for yet."""
        return sorted({*self.repositories, *self._promised})

    def promise(self, repository: str, build: Callable[[Content], None]) -> None:
        """Have a repository that takes time to build; ``build`` is called once, with the content that it is for."""
        self._promised[repository] = build

    def find(self, repository: str) -> Repository | None:
        """Look a repository up, and build it if it was promised; None if it is not there."""
        build = self._promised.pop(repository, None)
        if build:
            build(self)
        return self.repositories.get(repository)

    def copy(self) -> Content:
        """Copy the names and the promises, and share the bytes."""
        repositories = {
            name: Repository(dict(repository.manifests), dict(repository.tags))
            for name, repository in self.repositories.items()
        }
        return Content(dict(self.blobs), repositories, dict(self._promised))

    def add(self, repository: str, manifest: Manifest, *tags: str) -> None:
        """Take in a manifest with its blobs and children."""
        for child in manifest.children:
            self.add(repository, child)
        self.blobs.update({blob.digest: blob.raw for blob in manifest.blobs})
        self.put_manifest(repository, manifest, manifest.digest)
        for tag in tags:
            self.tag(repository, tag, manifest.digest)

    def put_manifest(self, repository: str, manifest: Manifest, digest: str) -> None:
        """Take in a manifest alone, under a digest of it."""
        self.repositories.setdefault(repository, Repository()).manifests[digest] = manifest

    def tag(self, repository: str, tag: str, digest: str) -> None:
        """Set or move a tag."""
        there = self.find(repository)
        known = there.find(digest) if there else None
        if there is None or known is None:
            raise NotFoundError(f"there is no manifest {digest} in {repository}, so it cannot be tagged {tag!r}")
        there.tags[tag] = known

    def untag(self, repository: str, tag: str) -> None:
        """Remove a tag; the manifest stays."""
        there = self.find(repository)
        if there is None or tag not in there.tags:
            raise NotFoundError(f"there is no tag {tag!r} in {repository}")
        del there.tags[tag]


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
