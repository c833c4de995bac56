"""Credentials: what says who we are at a registry, and where it was found."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from ocinb._credentials import BEARER_USER, HUB, IDENTITY_USER, is_bearer, keys_for
from ocinb._settings import Settings
from ocinb._text import Hidden

if TYPE_CHECKING:
    from ocinb.auth.auth_files import AuthFile, AuthFiles, Entry
    from ocinb.auth.credential_helpers import Helpers


class Kind(StrEnum):
    """What a secret is."""

    PASSWORD = "password"  # noqa: S105 - a word
    IDENTITY = "identity token"
    BEARER = "bearer token"


@dataclass(frozen=True, slots=True)
class Credential:
    """A user and a secret, or a token, and where it was found; it shows only the latter.

    Attributes
    ----------
    kind
        What the secret is: a password, a token for which a token service gives others, or the registry's own token.
    user, secret
        The user is empty where a token needs none.
    origin
        Where it was found, and under which key.
    password
        What stands beside an identity token, for who takes only a password.
    is_told
        Whether a helper said so, which may say something else when it is asked again.
    """

    kind: Kind
    user: str = field(repr=False)
    secret: str = field(repr=False)
    origin: str
    password: str = field(default="", repr=False)
    is_told: bool = False

    @property
    def basic(self) -> str:
        """The header for who takes a user and a password (RFC 7617), in UTF-8."""
        pair = f"{self.user}:{self.password or self.secret}".encode("utf-8", "surrogateescape")
        return Hidden("Basic " + base64.b64encode(pair).decode("ascii"))

    @property
    def secrets(self) -> tuple[str, ...]:
        """All that may not be shown, should somebody whom it was told say it back."""
        return tuple(filter(None, (self.secret, self.password, self.basic.partition(" ")[2])))

    @property
    def fingerprint(self) -> str:
        """What tells this one from all others, and does not tell the secret."""
        parts = ("ocinb", self.kind, self.user, self.secret, self.password)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought.

    Attributes
    ----------
    credential
        The one to use, or None.
    faults
        What could not be read or run on the way to it: it may have been the one that was meant.
    """

    credential: Credential | None = None
    faults: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Say as whom the registry was asked, and what went wrong in finding that out."""
        who = f"with the credentials of {self.credential.origin}" if self.credential else "without credentials"
        return "; ".join([f"It was asked {who}", *self.faults])


# What docker calls Docker Hub when it asks a helper; podman asks for the name that people use.
HUB_SERVERS = ("https://index.docker.io/v1/", HUB)
_SETTINGS = "ocinb.settings.credentials"


class CredentialLookup:
    """Looks for the credentials of one registry, each time anew: a login in another terminal is heard."""

    def __init__(self, settings: Settings, registry: str) -> None:
        self._settings = settings
        self._registry = registry

    # Both are imported late: most pulls are anonymous.
    @cached_property
    def _files(self) -> AuthFiles:
        from ocinb.auth.auth_files import AuthFiles

        return AuthFiles()

    @cached_property
    def _helpers(self) -> Helpers:
        from ocinb.auth.credential_helpers import Helpers

        return Helpers(self._settings)

    def find(self, repository: str | None) -> Found:
        """Find who we are in a repository, or in the registry as a whole."""
        keys = keys_for(self._registry, repository)
        given = self._given(keys)
        if given is not None:
            return Found(given)
        faults: list[str] = []
        for file in self._files:
            for credential in self._in_file(file, keys, faults):
                return Found(credential, tuple(faults))
        return Found(None, tuple(faults))

    def forget(self) -> None:
        """Believe no helper any more what it said before."""
        self._helpers.forget()

    def _given(self, keys: list[str]) -> Credential | None:
        for key in keys:
            pair = self._settings.credentials.get(key)
            if pair is not None:
                from ocinb.auth.auth_files import Entry

                return _credential(Entry(*pair), f'{_SETTINGS}["{key}"]')
        return None

    def _in_file(self, file: AuthFile, keys: list[str], faults: list[str]) -> Iterator[Credential]:
        """Give what a file knows for the keys, the best first, and note what is wrong on the way."""
        if "" in file.faults:
            faults.append(file.faults[""])
        for key in keys:
            helper = file.helpers.get(key) or (file.store if key == keys[-1] else None)
            if helper:
                yield from self._told(helper, file, faults)
            if key in file.entries:
                yield _credential(file.entries[key], f"{file.path} for {key}")
            if key in file.faults:
                faults.append(file.faults[key])

    def _told(self, helper: str, file: AuthFile, faults: list[str]) -> Iterator[Credential]:
        from ocinb.auth.auth_files import Entry
        from ocinb.auth.credential_helpers import PREFIX

        for server in HUB_SERVERS if self._registry == HUB else (self._registry,):
            said = self._helpers.ask(helper, server, file.stamp)
            if said.fault:
                faults.append(f"{said.fault} ({file.path} names it)")
                return
            if said.user or said.secret:
                origin = f"{PREFIX}{helper}, which {file.path} names"
                yield _credential(Entry(said.user, said.secret), origin, is_told=True)


def _credential(entry: Entry, origin: str, *, is_told: bool = False) -> Credential:
    secret = Hidden(entry.secret)
    if entry.user == IDENTITY_USER:
        return Credential(Kind.IDENTITY, entry.user_beside, secret, origin, Hidden(entry.secret_beside), is_told)
    if entry.user == BEARER_USER and is_bearer(secret):
        return Credential(Kind.BEARER, "", secret, origin, is_told=is_told)
    return Credential(Kind.PASSWORD, entry.user, secret, origin, is_told=is_told)
