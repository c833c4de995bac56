"""What a registry holds in memory: blobs by digest, and in each repository manifests by digest and tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ocinb.errors import NotFoundError
from ocinb.samples.images import Manifest


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
        """Set or move a tag.

        Raises
        ------
        NotFoundError
            If the repository has no manifest with this digest.
        """
        there = self.find(repository)
        known = there.find(digest) if there else None
        if there is None or known is None:
            raise NotFoundError(f"there is no manifest {digest} in {repository}, so it cannot be tagged {tag!r}")
        there.tags[tag] = known

    def untag(self, repository: str, tag: str) -> None:
        """Remove a tag; the manifest stays.

        Raises
        ------
        NotFoundError
            If there is no such tag.
        """
        there = self.find(repository)
        if there is None or tag not in there.tags:
            raise NotFoundError(f"there is no tag {tag!r} in {repository}")
        del there.tags[tag]
