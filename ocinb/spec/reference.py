"""References: what people type to name an image, and the one thing that each of them means.

Sources: the grammar and normalisation of distribution/reference; the transports of containers/image.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from ocinb._text import shorten
from ocinb.errors import InvalidError
from ocinb.spec.digest import Digest

HUB = "docker.io"
HUB_ALIASES = frozenset({"index.docker.io", "registry-1.docker.io"})
FILE_TRANSPORTS = ("oci", "oci-archive", "docker-archive")
MAX_REPOSITORY_LENGTH = 255

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Reference:
    """The name of an image, taken apart.

    Parameters
    ----------
    text
        ``python:3.12``, ``ghcr.io/org/app@sha256:…``, ``docker://host:5000/repo:tag``, ``oci:dir[:name]``,
        ``oci-archive:file.tar[:name]`` or ``docker-archive:file.tar[:name]``.

    Attributes
    ----------
    transport
        ``docker`` for a registry, else ``oci``, ``oci-archive`` or ``docker-archive``.
    registry, repository
        The host (with its port) and the path there; None for files.
    tag
        ``latest`` if neither tag nor digest was given; None beside a digest alone, and for files.
    digest
        The digest, or None. Beside a tag the digest wins.
    path, name
        The file or folder and the name in it; None for a registry.

    Raises
    ------
    InvalidError
        If the text is no reference; the message says which part, and why.

    Examples
    --------
    >>> python = Reference("python:3.12")
    >>> python.canonical, python.familiar
    ('docker.io/library/python:3.12', 'python:3.12')
    >>> Reference("oci:images:base").name
    'base'
    """

    transport: str
    registry: str | None
    repository: str | None
    tag: str | None
    digest: Digest | None
    path: str | None
    name: str | None

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise InvalidError(f"a reference is a text, not {type(text).__name__}")
        transport, colon, rest = text.partition(":")
        is_file = colon and transport in FILE_TRANSPORTS  # "oci" alone is a repository of Docker Hub
        parts = _file_parts(transport, rest) if is_file else _registry_parts(text)
        for field in ("registry", "repository", "tag", "digest", "path", "name"):
            object.__setattr__(self, field, parts.get(field))
        object.__setattr__(self, "transport", transport if is_file else "docker")

    @property
    def canonical(self) -> str:
        """Registry, repository, tag and digest in full; for files the text with its transport."""
        if self.transport != "docker":
            return f"{self.transport}:{self.path}" + (f":{self.name}" if self.name else "")
        return f"{self.registry}/{self.repository}{self._suffix}"

    @property
    def familiar(self) -> str:
        """The short form that docker prints, without ``docker.io/`` and ``library/``."""
        if self.transport != "docker" or self.registry != HUB:
            return self.canonical
        repository = self.repository or ""
        official = repository.removeprefix("library/")
        # "oci:latest" would be read as a file, so a repository that is called like a transport keeps its "library/".
        kept = "/" in official or official in FILE_TRANSPORTS
        # A repository such as "localhost/app" would be read as one of another registry without its own before it.
        ours = _split_registry(repository)[0] == HUB
        return f"{repository if kept else official}{self._suffix}" if ours else self.canonical

    @property
    def wanted(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def __str__(self) -> str:
        return self.canonical

    def __repr__(self) -> str:
        return f"Reference({self.canonical!r})"


def parse_registry(text: str) -> str:
    """Check the name of a registry, a host with or without a port, and fold the names of Docker Hub into one.

    Raises
    ------
    InvalidError
        If it is no host.

    Examples
    --------
    >>> parse_registry("index.docker.io")
    'docker.io'
    """
    if not isinstance(text, str) or not _REGISTRY.fullmatch(text):
        raise InvalidError(f"{text!r} is not a registry", hint="A registry is a host, with or without a port: ghcr.io")
    if not _is_host(text):
        hint = f"Without a dot or a port, {text}/app is an image of Docker Hub"
        raise InvalidError(f"{text!r} cannot be told from a user of Docker Hub", hint=hint)
    return HUB if text in HUB_ALIASES else text


def _file_parts(transport: str, rest: str) -> dict[str, str | None]:
    path, _, name = rest.partition(":")
    if not path:
        _refuse(f"{transport}:{rest}", "it has no path", f"Write {transport}:PATH or {transport}:PATH:NAME")
    return {"path": path, "name": name or None}


def _registry_parts(text: str) -> dict[str, str | None]:
    stripped = text.removeprefix("docker://")
    if _IDENTIFIER.fullmatch(stripped):
        _refuse(text, "64 hex digits alone are an image id, not a name", f"Write repository@sha256:{stripped[:12]}…")
    name, at, digest = stripped.partition("@")
    registry, rest = _split_registry(name)
    repository, colon, tag = rest.partition(":")
    _check_registry(text, registry)
    _check_case(text, repository, f"{colon}{tag}{at}{digest}")
    if registry == HUB and "/" not in repository:
        repository = f"library/{repository}"
    _check_repository(text, repository)
    if colon:
        _check_tag(text, tag)
    return {
        "registry": registry,
        "repository": repository,
        "tag": tag if colon else None if at else "latest",
        "digest": _checked_digest(text, digest) if at else None,
    }


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if slash and _is_host(first):
        return (HUB if first in HUB_ALIASES else first), rest
    return HUB, name


def _is_host(first: str) -> bool:
    """Say whether the first part of a name is a host; only these signs tell one from a user of Docker Hub."""
    return first == "localhost" or "." in first or ":" in first or first != first.lower()


def _check_registry(text: str, registry: str) -> None:
    if registry in {"http:", "https:"}:
        _refuse(text, "it is a URL", f"Leave out '{registry}//'")
    if not _REGISTRY.fullmatch(registry):
        _refuse(text, f"{registry!r} is not a host", "A registry is a host, with or without a port: ghcr.io")


def _check_case(text: str, repository: str, rest: str) -> None:
    lower = repository.lower()
    if repository != lower and _REPOSITORY.fullmatch(lower):
        before = text.removesuffix(repository + rest)
        _refuse(text, "repository names are lower case", f"Did you mean '{before}{lower}{rest}'?")


def _check_repository(text: str, repository: str) -> None:
    shown = repository.removeprefix("library/")
    if not shown:
        _refuse(text, "it has no repository")
    if len(repository) > MAX_REPOSITORY_LENGTH:
        _refuse(text, f"its repository has more than {MAX_REPOSITORY_LENGTH} characters")
    if not _REPOSITORY.fullmatch(repository):
        hint = "Between slashes come a-z and 0-9, separated by one '.', one or two '_', or any number of '-'"
        _refuse(text, f"{shown!r} is not a repository", hint)


def _check_tag(text: str, tag: str) -> None:
    if not _TAG.fullmatch(tag):
        hint = "A tag has up to 128 of A-Z a-z 0-9 _ . - and begins with none of . -"
        _refuse(text, f"{tag!r} is not a tag", hint)


def _checked_digest(text: str, digest: str) -> Digest:
    try:
        return Digest(digest)
    except InvalidError as error:
        _refuse(text, error.message, error.hint)


def _refuse(text: str, why: str, hint: str | None = None) -> NoReturn:
    raise InvalidError(f"{shorten(text, 300)!r} is not a reference: {why}", hint=hint)
