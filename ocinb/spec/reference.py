"""References: what people type to name an image, and the one thing that each of them means.

Sources: the grammar and normalisation of distribution/reference; the transports of containers/image.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import NoReturn

from ocinb._arguments import suggesting
from ocinb._suggestions import nearest
from ocinb._text import card, shorten, without_login
from ocinb.errors import InvalidError
from ocinb.spec.digest import HEX_LENGTHS, Digest

HUB = "docker.io"
# The one that distribution/reference folds, and the host that containers/image asks. registry.hub.docker.com is none:
# docker, skopeo and crane take it for a registry of its own, with credentials of its own.
HUB_ALIASES = frozenset({"index.docker.io", "registry-1.docker.io"})
DOCKER_ARCHIVE = "docker-archive"
FILE_TRANSPORTS = ("oci", "oci-archive", DOCKER_ARCHIVE)
# Others that people know from skopeo, podman and regctl.
OTHER_TRANSPORTS = frozenset("atomic containers-storage dir docker-daemon ocidir ostree sif storage tarball".split())
MAX_REPOSITORY_LENGTH = 255
_PARTS = ("transport", "registry", "repository", "path", "name", "tag", "digest", "canonical")
# How alike two names of transports have to be: "ocr" is not meant for "oci".
_MISTYPED = 0.8

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# Where people copy names from: hub.docker.com/_/python/tags, hub.docker.com/r/org/app
_PAGE_OF_HUB = re.compile(r"(?:https?://)?hub\.docker\.com/(?:_/([^/?#]+)|r/([^/?#]+/[^/?#]+))")
# What a line begins with that was copied from a shell or a Dockerfile.
_COMMANDS = frozenset("$ FROM buildah crane ctr docker nerdctl oras podman regctl skopeo sudo".split())
_WINDOWS_PATH = re.compile(r"[A-Za-z]:[\\/]")
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
# To the grammar it is a repository with a tag; who writes it means what stands in a column of digests.
_DIGEST = re.compile(r"sha(?:256|384|512):[a-f0-9]{64,128}")
# The name of an image in a file that says where it stands there.
PLACE = re.compile(r"@[0-9]{1,9}")
# How the name of an image in a file ends that came with an index, and that by its digest: …@sha256:…-arm64.
_OF_AN_INDEX = re.compile(r"[a-z0-9]+:[a-f0-9]{64,}-.+")


@total_ordering
@dataclass(frozen=True, slots=True, init=False, repr=False)
class Reference:
    """The name of an image, taken apart. Two spellings of one name are equal; names sort by their canonical form.

    Parameters
    ----------
    text
        ``python:3.12``, ``ghcr.io/org/app@sha256:…``, ``docker://host:5000/repo:tag``, ``oci:dir[:name]``,
        ``oci-archive:file.tar[:name]`` or ``docker-archive:file.tar[:name]``. In a file ``@0`` for the name is the
        first image there, and ``@sha256:…`` at the end what has that digest. The path ends at the first colon.

    Attributes
    ----------
    transport
        ``docker`` for a registry, else ``oci``, ``oci-archive`` or ``docker-archive``.
    registry, repository
        The host (with its port) and the path there; None for files.
    tag
        ``latest`` if neither tag nor digest was given; None beside a digest alone, and for files.
    digest
        The digest, or None. Beside a tag or a name the digest wins.
    path, name
        The file or folder and the name in it; None for a registry. In a ``docker-archive`` names are those of docker:
        ``app`` is ``docker.io/library/app:latest``.

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

    @suggesting
    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise InvalidError(f"a reference is a text, not {type(text).__name__}")
        transport, colon, rest = text.partition(":")
        is_file = colon and transport in FILE_TRANSPORTS  # "oci" alone is a repository of Docker Hub
        parts = _file_parts(transport, rest) if is_file else _registry_parts(text, text.removeprefix("docker://"))
        for field in ("registry", "repository", "tag", "digest", "path", "name"):
            object.__setattr__(self, field, parts.get(field))
        object.__setattr__(self, "transport", transport if is_file else "docker")

    @property
    def canonical(self) -> str:
        """Registry, repository, tag and digest in full; for files transport, path, name and digest."""
        if self.registry is None or self.repository is None:
            return self._in_file(self.name)
        return f"{in_registry(self.registry, self.repository)}{self._suffix}"

    @property
    def familiar(self) -> str:
        """The short form that docker prints, without ``docker.io/`` and ``library/``."""
        if self.transport == DOCKER_ARCHIVE and self.name and not self.name.startswith("@"):
            return self._in_file(Reference(f"docker://{self.name}").familiar.removeprefix("docker://"))
        if self.registry != HUB:
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
        """What a source is asked for, which is the digest where there is one, else the tag.

        A file is asked for the name, with the digest if there is one, since that may be part of a name; for nothing if
        neither is given.
        """
        if self.transport == "docker":
            return self.digest or self.tag or "latest"
        return f"{self.name}{self._suffix}" if self.name else self.digest or ""

    @property
    def kept_name(self) -> str:
        """What an image is called in a layout that it is copied to, its full name, which a file may have for it too."""
        return self.name if self.name and is_full_name(self.name) else self.canonical

    @suggesting
    def at(self, digest: Digest) -> str:
        """Name what has a digest in the same repository or file."""
        if self.registry is None or self.repository is None:
            return f"{self.transport}:{self.path}@{digest}"
        return f"{in_registry(self.registry, self.repository)}@{digest}"

    @property
    def _suffix(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def _in_file(self, name: str | None) -> str:
        return f"{self.transport}:{self.path}" + (f":{name}" if name else "") + self._suffix

    def __lt__(self, other: object) -> bool:
        return self.canonical < other.canonical if isinstance(other, Reference) else NotImplemented

    def __str__(self) -> str:
        return self.canonical

    def __repr__(self) -> str:
        return f"Reference({self.canonical!r})"

    def _repr_html_(self) -> str:
        parts = {name: getattr(self, name) for name in _PARTS}
        return card("Reference", self.familiar, [(name, str(part)) for name, part in parts.items() if part])

    def __dir__(self) -> list[str]:
        """Name what people ask for, and not what sources ask."""
        return [name for name in object.__dir__(self) if name not in ("wanted", "kept_name")]


def parse_registry(text: str) -> str:
    """Check the name of a registry, a host with or without a port, and fold the names of Docker Hub into one.

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


def meant_transport(text: str) -> str | None:
    """Give the name that somebody may have meant who mistyped the transport of a file; None if nobody did.

    It may be a name of Docker Hub too: ``docker-archve:x.tar`` is a tag of an image there.

    >>> meant_transport("docker-archve:x.tar"), meant_transport("ociapp:1")
    ('docker-archive:x.tar', None)
    """
    transport, colon, rest = text.partition(":")
    if not colon or not rest or transport in FILE_TRANSPORTS:
        return None
    near = nearest(transport, FILE_TRANSPORTS, cutoff=_MISTYPED)
    return f"{near}:{rest}" if near else None


def in_registry(registry: str, repository: str) -> str:
    """Name a repository in full, so that it is read back as one.

    >>> in_registry("ghcr.io", "org/app"), in_registry("oci:5000", "app")
    ('ghcr.io/org/app', 'docker://oci:5000/app')
    """
    is_read_as_file = registry.partition(":")[0] in FILE_TRANSPORTS and ":" in registry
    return f"{'docker://' if is_read_as_file else ''}{registry}/{repository}"


def is_full_name(name: str) -> bool:
    """Say whether a name in a file is the canonical one of an image in a registry."""
    try:
        return Reference(f"docker://{name}").canonical == name
    except InvalidError:
        return False


def _file_parts(transport: str, rest: str) -> dict[str, str | None]:
    text, (named, digest) = f"{transport}:{rest}", _split_digest(rest)
    # The first colon ends the path on every system but Windows, as containers/image has it.
    path, _, name = named.partition(":")
    if not path:
        _refuse(text, "it has no path", f"Write {transport}:PATH or {transport}:PATH:NAME")
    if name.startswith("@"):
        if not PLACE.fullmatch(name):
            _refuse(text, f"{name!r} is no place", "After a path, @ and a number from 0 name an image by its place")
    elif name and transport == DOCKER_ARCHIVE:
        parts = _registry_parts(f"{transport}:{named}", name)
        name = f"{parts['registry']}/{parts['repository']}:{parts['tag']}"
    return {"path": path, "name": name or None, "digest": _checked_digest(text, digest) if digest else None}


def _split_digest(rest: str) -> tuple[str, str | None]:
    """Cut a digest off the end; an @ may also stand in a path or a name."""
    before, at, after = rest.rpartition("@")
    is_name = ":" in before and _OF_AN_INDEX.fullmatch(after)
    is_digest = at and after.partition(":")[0] in HEX_LENGTHS and ":" in after and not is_name
    return (before, after) if is_digest else (rest, None)


def _registry_parts(text: str, stripped: str) -> dict[str, str | None]:
    _check_transport(text)
    _check_pasted(text)
    _check_words(text, stripped)
    if _IDENTIFIER.fullmatch(stripped):
        _refuse(text, "64 hex digits alone are an image id, not a name", f"Write repository@sha256:{stripped[:12]}…")
    if _DIGEST.fullmatch(stripped):
        _refuse(text, "a digest alone is no name", f"Write repository@{stripped[:19]}…")
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


def _check_transport(text: str) -> None:
    """Refuse what is read by others only, unless it also is the name of an image: ``dir:1``."""
    transport, colon, rest = text.partition(":")
    is_host = "/" in transport or rest.partition("/")[0].isdigit()  # what comes behind it is a port then
    if not colon or is_host or _TAG.fullmatch(rest.partition("@")[0]):
        return
    meant = meant_transport(text)
    if meant:
        _refuse(text, f"there is no transport {transport}:", f"Did you mean '{shorten(meant, 300)}'?")
    if transport in OTHER_TRANSPORTS:
        hint = f"Read are docker://, {', '.join(f'{known}:' for known in FILE_TRANSPORTS)}"
        _refuse(text, f"the transport {transport}: is not read", hint)


def _check_pasted(text: str) -> None:
    """Refuse what came along when a name was copied from somewhere: white space, and the address of a page about it."""
    if text != text.strip():
        _refuse(text, "there is white space around it", f"Did you mean '{text.strip()}'?")
    page = _PAGE_OF_HUB.match(text)
    if page:
        _refuse(text, "it is a page of Docker Hub", f"Did you mean '{page[1] or page[2]}'?")


def _check_words(text: str, stripped: str) -> None:
    """Refuse a line of a shell or a Dockerfile with a name at its end, and a name and its tag as people say them."""
    words = stripped.split()
    if len(words) > 1:
        meant = words[-1] if words[0] in _COMMANDS else ":".join(words)
        _refuse(text, "there is white space in it", f"Did you mean '{meant}'?" if _is_name(meant) else None)


def _is_name(text: str) -> bool:
    try:
        Reference(text)
    except InvalidError:
        return False
    return True


def _check_registry(text: str, registry: str) -> None:
    if registry in {"http:", "https:"}:
        _refuse(text, "it is a URL", f"Leave out '{registry}//'")
    if not _REGISTRY.fullmatch(registry):
        hint = "A registry is a host, with or without a port: ghcr.io"
        _refuse(text, f"{registry!r} is not a host", _of_paths(text) or hint)


def _check_case(text: str, repository: str, rest: str) -> None:
    lower = repository.lower()
    if repository != lower and _REPOSITORY.fullmatch(lower) and not _WINDOWS_PATH.match(text):
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
        _refuse(text, f"{shown!r} is not a repository", _of_paths(text) or hint)


def _of_paths(text: str) -> str | None:
    """Say how files are named, if somebody typed the path of one."""
    is_path = text in {".", ".."} or text.startswith(("/", "./", "../", "~")) or _WINDOWS_PATH.match(text)
    return (
        "A file is named with its transport: oci:FOLDER, oci-archive:FILE or docker-archive:FILE" if is_path else None
    )


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
    what = without_login(f"{shorten(text, 300)!r} is not a reference: {why}")
    raise InvalidError(what, hint=None if hint is None else without_login(hint))
