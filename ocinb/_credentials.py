"""Credentials that people give: a user and a secret for a registry or a part of it, in memory only and never shown.

Sources: containers-auth.json(5) for keys and how they are matched; the docker command for the user ``<token>``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NoReturn

from ocinb.errors import InvalidError

HUB = "docker.io"
_HUB_HOSTS = frozenset({HUB, "index.docker.io", "registry-1.docker.io"})
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
# A host, with a port maybe; no user, whose password it would be that stands in a key.
_HOST = re.compile(r"(?:[\w.-]+|\[[\w.:%-]+\])(?::\d+)?", re.ASCII)
# What old docker clients put behind the host.
_API = re.compile(r"v[12]/")

# As credential helpers say that a secret is no password but a token from which others are made, and our own way to say
# that it is itself the token that the registry wants.
IDENTITY_USER = "<token>"
BEARER_USER = "<bearer>"
_LINE_BREAK = re.compile(r"[\x00\r\n]")
_BEARER = re.compile(r"[\x21-\x7e]+")

_NOT_PICKLED = "credentials are kept in memory only, so they cannot be pickled"


class Login(tuple[str, str]):
    """A user and a secret. It is a pair like any other, but for a repr that does not show them.

    >>> login = Login(("ada", "s3cret"))
    >>> login, login == ("ada", "s3cret")
    (('***', '***'), True)
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "('***', '***')"

    def __copy__(self) -> Login:
        return self

    def __deepcopy__(self, _: Any) -> Login:
        return self

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise InvalidError(_NOT_PICKLED)


class Credentials(MutableMapping[str, tuple[str, str]]):
    """User and secret by registry, or by a part of it, in memory only; a repr shows the keys and never a secret.

    A key is a host such as ``"ghcr.io"``, with its port if it has one, or a path in it such as ``"ghcr.io/org"``. All
    names of Docker Hub are one key, capitals in a host do not count, and ``https://`` before it and a slash behind it
    are left out. The user ``"<token>"`` says that the secret is an identity token, ``"<bearer>"`` that it is the token
    which the registry itself takes.

    >>> credentials = Credentials({"https://Registry.example/": ("ada", "s3cret")})
    >>> credentials
    Credentials({'registry.example': ('***', '***')})
    """

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._entries: dict[str, Login] = {}
        # Nothing is checked by quoting it: an error message is a place where secrets leak.
        if not isinstance(entries, Mapping | None):
            raise InvalidError("credentials have to be a mapping from a host to a pair of texts: (user, secret)")
        for host, pair in (entries or {}).items():
            self[host] = pair

    def __setitem__(self, host: str, pair: tuple[str, str]) -> None:
        if not isinstance(host, str):
            raise InvalidError("credentials are kept by host, and a host is a text")
        key = fold_key(host)
        if key is None:
            hint = 'A key is a host, such as "ghcr.io" or "localhost:5000", or a path in it, such as "ghcr.io/org"'
            raise InvalidError("credentials are kept by host, and this key names none", hint=hint)
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):  # noqa: PLR2004
            raise InvalidError(f"the credentials of {key} have to be a pair of texts: (user, secret)")
        fault = _fault(*pair)
        if fault:
            raise InvalidError(f"the credentials of {key} cannot be sent: {fault}")
        self._entries[key] = Login(pair)

    def __getitem__(self, host: str) -> tuple[str, str]:
        key = fold_key(host) if isinstance(host, str) else None
        if key is None:
            raise KeyError("no such host")  # without the key: it may be a secret in the wrong place
        return self._entries[key]

    def __delitem__(self, host: str) -> None:
        self[host]
        del self._entries[str(fold_key(host))]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"Credentials({dict.fromkeys(self._entries, ('***', '***'))})"

    def __copy__(self) -> Credentials:
        return Credentials(self._entries)

    def __deepcopy__(self, _: Any) -> Credentials:
        return Credentials(self._entries)

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise InvalidError(_NOT_PICKLED)


def fold_key(key: str) -> str | None:
    """Give the one form of a key under which credentials are kept, or None if it names no host.

    >>> fold_key("https://index.docker.io/v1/"), fold_key("HTTPS://Registry.Example:5000/"), fold_key("ghcr.io/org/")
    ('docker.io', 'registry.example:5000', 'ghcr.io/org')
    """
    bare = _SCHEME.sub("", key.strip(), count=1) if _SCHEME.match(key.strip()) else key.strip()
    host, _, path = bare.partition("/")
    host = host.lower()
    host = HUB if host in _HUB_HOSTS else host
    if not _HOST.fullmatch(host):
        return None
    # What was once written as a URL was so by docker, which cuts all but the host off.
    is_url = bare != key.strip()
    path = "" if is_url or _API.fullmatch(path) or (host == HUB and path in {"v1", "v2"}) else path.strip("/")
    return f"{host}/{path}" if path else host


def keys_for(registry: str, repository: str | None) -> list[str]:
    """List the keys under which credentials may stand for a repository, the one that fits best first.

    >>> keys_for("ghcr.io", "org/app")
    ['ghcr.io/org/app', 'ghcr.io/org', 'ghcr.io']
    """
    host = fold_key(registry) or registry
    parts = [host, *(repository.split("/") if repository else [])]
    return ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]


def is_bearer(text: str) -> bool:
    """Say whether a text can be sent as a bearer token: a line break in it would be a header of its own."""
    return _BEARER.fullmatch(text) is not None


def _fault(user: str, secret: str) -> str | None:
    if user == BEARER_USER:
        return None if is_bearer(secret) else "a token is printable ASCII, without blanks"
    if ":" in user:
        return "a user's name has no colon"  # RFC 7617, section 2: what follows would be taken for the password
    return "they have a line break in the user's name" if _LINE_BREAK.search(user) else None
